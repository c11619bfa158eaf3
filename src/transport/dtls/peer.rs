//! What a server keeps of one address: a handshake, a session, or both, because a client may begin anew.

use std::{net::IpAddr, time::Duration};

use super::{connection::Connection, deadlines::Alarm, record, record::Random};
use crate::{transport::Place, unit::Time};

/// A client's address.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) handshake: Option<Box<Handshake>>,
    pub(super) session: Option<Box<Live>>,
    /// The local address that it spoke to, where the socket has several.
    pub(super) from: Option<IpAddr>,
    pub(super) alarm: Alarm,
}

/// A handshake in progress.
#[derive(Debug)]
pub(super) struct Handshake {
    pub(super) connection: Connection,
    pub(super) random: Random,
    pub(super) standing: Standing,
    /// When it is given up.
    pub(super) expires: Time,
}

/// Whether the client has proven its address.
#[derive(Debug)]
pub(super) enum Standing {
    /// It has not. Such a connection runs no timers, so that it sends nothing unless it is spoken to.
    Unproven,
    /// It has not, and it sent a wrong cookie. Copies of its hello get no more answers.
    Refused,
    /// It has, and takes a place if they are limited.
    Proven(Option<Box<dyn Place>>),
}

/// A session.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) connection: Connection,
    /// Of the hello that it began with.
    pub(super) random: Random,
    /// Held while the session lasts.
    pub(super) _place: Option<Box<dyn Place>>,
    /// When the last authentic record came.
    pub(super) heard: Time,
}

/// Who handles a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handler {
    /// The handshake in progress.
    Handshake,
    /// The session.
    Session,
    /// A new handshake, with this random value.
    New(Random),
    /// None. The datagram is a message that arrived before the client's last flight. dimpl would store such messages
    /// until it has no room for that flight.
    Early,
    /// Nobody: it is a copy of a hello that needs no more answers.
    Copy,
    /// Nobody: it is for no connection.
    Nobody,
}

impl Peer {
    pub(super) fn new(from: Option<IpAddr>) -> Self {
        Self { handshake: None, session: None, from, alarm: Alarm::OFF }
    }

    /// Who handles `datagram`, which came from this address.
    pub(super) fn handler(&self, datagram: &[u8]) -> Handler {
        let refused = |handshake: &Handshake| matches!(handshake.standing, Standing::Refused);
        match (record::client_hello(datagram), &self.handshake, &self.session) {
            (Some(random), Some(handshake), _) if handshake.random == random && refused(handshake) => {
                Handler::Copy
            }
            (Some(random), Some(handshake), _) if handshake.random == random => Handler::Handshake,
            (Some(random), _, Some(session)) if session.random == random => Handler::Copy,
            // A forged hello must not end a handshake that has come further.
            (Some(_), Some(handshake), _) if !handshake.is_unproven() => Handler::Nobody,
            (Some(random), ..) => Handler::New(random),
            (None, Some(_), None) if record::is_of_session(datagram) => Handler::Early,
            (None, Some(_), session) if session.is_none() || record::is_of_handshake(datagram) => {
                Handler::Handshake
            }
            (None, _, Some(_)) => Handler::Session,
            (None, ..) => Handler::Nobody,
        }
    }

    /// When it needs attention.
    pub(super) fn due(&self, idle: Option<Duration>) -> Time {
        let handshake = self.handshake.as_ref().map_or(Time::MAX, |handshake| handshake.due());
        let session = self.session.as_ref().map_or(Time::MAX, |session| session.due(idle));
        handshake.min(session)
    }
}

impl Handshake {
    pub(super) fn is_unproven(&self) -> bool {
        matches!(self.standing, Standing::Unproven | Standing::Refused)
    }

    /// Whether a newer client has taken its place.
    pub(super) fn is_evicted(&self) -> bool {
        matches!(&self.standing, Standing::Proven(Some(place)) if place.is_evicted())
    }

    fn due(&self) -> Time {
        if self.is_unproven() { self.expires } else { self.expires.min(self.connection.due()) }
    }
}

impl Live {
    fn due(&self, idle: Option<Duration>) -> Time {
        self.connection.due().min(self.ends(idle))
    }

    /// When it ends unless the client is heard of.
    pub(super) fn ends(&self, idle: Option<Duration>) -> Time {
        idle.map_or(Time::MAX, |idle| self.heard + idle)
    }
}
