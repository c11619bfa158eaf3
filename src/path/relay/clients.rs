//! The clients of a relay, each with its own way to the server.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{ClientLimits, socket::RelaySocket};
use crate::unit::Time;

/// A client's number; none is given twice.
pub(super) type ClientId = u64;

/// Somebody who has sent a datagram to the relay.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    /// The relay's address that it spoke to.
    pub(super) spoken_to: Option<IpAddr>,
    /// The socket that the server sees.
    pub(super) back: RelaySocket,
    heard: Time,
}

pub(super) struct Clients {
    limits: ClientLimits,
    by_id: BTreeMap<ClientId, Client>,
    by_address: BTreeMap<SocketAddr, ClientId>,
    next: ClientId,
}

impl Clients {
    pub(super) fn new(limits: ClientLimits) -> Self {
        Self { limits, by_id: BTreeMap::new(), by_address: BTreeMap::new(), next: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id)
    }

    /// The client at `address`, if it is known, of whom something was heard at `now`.
    pub(super) fn heard_from(&mut self, address: SocketAddr, now: Time) -> Option<ClientId> {
        let id = *self.by_address.get(&address)?;
        self.heard(id, now);
        Some(id)
    }

    /// Something was heard of this client, from either side.
    pub(super) fn heard(&mut self, id: ClientId, now: Time) {
        if let Some(client) = self.by_id.get_mut(&id) {
            client.heard = now;
        }
    }

    /// The one that has been quiet for longest, if there is no room for another.
    pub(super) fn surplus(&self) -> Option<ClientId> {
        if self.by_id.len() < self.limits.most.get() {
            return None;
        }
        self.by_id.iter().min_by_key(|(_, client)| client.heard).map(|(id, _)| *id)
    }

    /// Takes in a new one, with a socket of its own to `server`.
    pub(super) fn add(
        &mut self,
        (address, spoken_to): (SocketAddr, Option<IpAddr>),
        server: SocketAddr,
        now: Time,
    ) -> io::Result<ClientId> {
        let client = Client { address, spoken_to, back: RelaySocket::connect(server)?, heard: now };
        let id = self.next;
        self.next += 1;
        self.by_id.insert(id, client);
        self.by_address.insert(address, id);
        Ok(id)
    }

    /// Forgets a client, whose socket closes with it.
    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.by_id.remove(&id)?;
        self.by_address.remove(&client.address);
        Some(client)
    }

    /// Those of whom nothing was heard for as long as the limits allow.
    pub(super) fn idle(&self, now: Time) -> Vec<ClientId> {
        let Some(idle) = self.limits.idle else { return Vec::new() };
        let quiet = self.by_id.iter().filter(|(_, client)| now.since(client.heard) >= idle);
        quiet.map(|(id, _)| *id).collect()
    }

    /// How often to look for idle ones.
    pub(super) fn sweep(&self) -> Option<Duration> {
        let most = Duration::from_secs(1);
        self.limits.idle.map(|idle| (idle / 4).clamp(Duration::from_millis(10), most))
    }
}
