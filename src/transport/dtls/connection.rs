//! One end of one DTLS connection: datagrams and timeouts in, records and plaintext out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use dimpl::{Config, Dtls, DtlsCertificate, Error, Output};

use super::{
    config::{Versions, no_certificate},
    record,
};
use crate::{
    path::{Host, Randomness},
    tap::LossCause,
    unit::{Room, Time},
};

/// One end of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    dtls: Dtls,
    /// The `Instant` that stands for [`Time::ZERO`].
    origin: Instant,
    due: Time,
    /// When timers were last handled. `None` if a datagram was received since.
    handled: Option<Time>,
    /// The reason for a flight that is sent now, if it repeats an earlier one.
    resends: LossCause,
}

/// What a connection wants done.
pub(super) enum Event<'a> {
    /// Send this datagram.
    Packet(&'a [u8]),
    /// The peer has sent this.
    Data(&'a [u8]),
    /// Decide whether the peer with this certificate is trusted.
    Certificate(&'a [u8]),
    /// The handshake is complete.
    Connected,
    /// The peer has closed the connection.
    Closed,
}

/// How long to wait before dimpl acknowledges again. While a message of a DTLS 1.3 handshake is missing, dimpl sends an
/// acknowledgement whenever its timers run, and asks to run them again at once. RFC 9147 section 7.1 recommends a
/// quarter of the retransmission timeout, which is 1 s at first.
const ACKNOWLEDGE_AGAIN: Duration = Duration::from_millis(250);

/// Room for the longest certificate that a handshake may bring: dimpl keeps 30 datagrams of it, and panics without
/// room.
const MAX_CERTIFICATE: usize = 30 * u16::MAX as usize;

/// Why this build cannot run DTLS, if it cannot. dimpl uses the clock of the standard library, which browsers do not
/// have.
pub(super) const UNAVAILABLE: Option<&str> = if cfg!(target_family = "wasm") {
    Some("DTLS needs a clock that browsers do not have: `wirelab lab` and the command line run it")
} else {
    None
};

#[cfg(not(target_family = "wasm"))]
fn origin(host: &dyn Host) -> Instant {
    host.origin()
}

#[cfg(target_family = "wasm")]
fn origin(_: &dyn Host) -> Instant {
    unreachable!("{UNAVAILABLE:?}")
}

impl Connection {
    pub(super) fn client(config: Arc<Config>, versions: Versions, host: &dyn Host) -> Self {
        let make = match versions {
            Versions::Both => Dtls::new_auto,
            #[cfg(test)]
            Versions::Dtls12 => Dtls::new_12,
        };
        let mut connection = Self::new(host, |now| make(config, no_certificate(), now));
        // Draws the key pair.
        Randomness::within_any(host.randomness(), || connection.dtls.set_active(true));
        connection
    }

    pub(super) fn server(config: Arc<Config>, certificate: DtlsCertificate, host: &dyn Host) -> Self {
        Self::new(host, |now| Dtls::new_auto(config, certificate, now))
    }

    fn new(host: &dyn Host, make: impl FnOnce(Instant) -> Dtls) -> Self {
        let (origin, now) = (origin(host), host.now());
        Self {
            dtls: make(origin + (now - Time::ZERO)),
            origin,
            due: now,
            handled: None,
            resends: LossCause::Timeout,
        }
    }

    /// Whether the version is still open, as is the case until the server's first answer.
    pub(super) fn is_undecided(&self) -> bool {
        self.dtls.protocol_version().is_none()
    }

    /// Handles a datagram. An error ends the connection; bad records are no errors.
    pub(super) fn receive(&mut self, now: Time, datagram: &[u8]) -> Result<(), Error> {
        self.handled = None;
        let is_due = self.due <= now;
        self.handle_timeout(now)?;
        self.resends = if is_due { LossCause::Timeout } else { LossCause::RepeatedFlight };
        if record::names_another_version(datagram) { Ok(()) } else { self.dtls.handle_packet(datagram) }
    }

    /// Handles the timers that are due at `now`.
    pub(super) fn run_timers(&mut self, now: Time) -> Result<(), Error> {
        self.handled = Some(now);
        self.resends = LossCause::Timeout;
        self.handle_timeout(now)
    }

    fn handle_timeout(&mut self, now: Time) -> Result<(), Error> {
        self.dtls.handle_timeout(self.origin + (now - Time::ZERO))
    }

    /// Encrypts `payload`, which [`Connection::drain`] then returns in a packet.
    pub(super) fn send(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.dtls.send_application_data(payload).map(drop)
    }

    /// Says goodbye to the peer, in a packet that [`Connection::drain`] then returns.
    pub(super) fn close(&mut self) {
        // Fails only if the connection is over.
        let _ = self.dtls.close();
    }

    /// The reason for a flight that the latest datagram or timer caused, if it repeats an earlier one.
    pub(super) fn resends(&self) -> LossCause {
        self.resends
    }

    /// When a timer is due.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// Passes everything that the connection wants done to `act`. Must follow each call of another method.
    pub(super) fn drain(&mut self, mut act: impl FnMut(Event<'_>)) {
        let mut room = Room::of(MAX_CERTIFICATE);
        loop {
            match self.dtls.poll_output(&mut room) {
                Output::Packet(packet) => act(Event::Packet(packet)),
                Output::ApplicationData(data) => act(Event::Data(data)),
                Output::PeerCert(certificate) => act(Event::Certificate(certificate)),
                Output::Connected => act(Event::Connected),
                Output::CloseNotify => act(Event::Closed),
                Output::BufferTooSmall { needed } => room = Room::of(needed),
                Output::Timeout(at) => {
                    let at = Time::ZERO + at.saturating_duration_since(self.origin);
                    let handled = self.handled.filter(|handled| at <= *handled);
                    self.due = handled.map_or(at, |handled| handled + ACKNOWLEDGE_AGAIN);
                    return;
                }
                // Keys for SRTP.
                _ => {}
            }
        }
    }
}
