//! The clients of a relay, each with its own socket to the server.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{options::RelayLimits, socket::RelaySocket};
use crate::unit::Time;

/// A client's number, which is never reused.
pub(super) type ClientId = u64;

/// A source of datagrams to the relay.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    /// The relay's address to which it sent.
    pub(super) local: Option<IpAddr>,
    /// The socket that the server sees.
    pub(super) back: RelaySocket,
    last_active: Time,
    /// Whether its address has changed. Then this socket only carries datagrams that were already on the link.
    pub(super) has_moved: bool,
    /// Whether the client has another socket since then, and counts there.
    is_replaced: bool,
}

pub(super) struct Clients {
    limits: RelayLimits,
    by_id: BTreeMap<ClientId, Client>,
    by_address: BTreeMap<SocketAddr, ClientId>,
    /// Clients whose address has changed and that have sent nothing since.
    moved: BTreeMap<SocketAddr, ClientId>,
    /// How many sockets belong to clients that have another since they moved.
    replaced: usize,
    next: ClientId,
    /// The address to which the sockets of new clients are bound. `None` if the kernel chooses it.
    from: Option<IpAddr>,
}

impl Clients {
    pub(super) fn new(limits: RelayLimits) -> Self {
        let (by_id, by_address, moved) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { limits, by_id, by_address, moved, replaced: 0, next: 0, from: None }
    }

    /// Gives every client a new socket, bound to `from`, with its next datagram. Datagrams that are already on the link
    /// leave by the old socket.
    pub(super) fn change_address(&mut self, from: Option<IpAddr>) {
        self.from = from;
        self.moved = std::mem::take(&mut self.by_address);
        self.by_id.values_mut().for_each(|client| client.has_moved = true);
    }

    /// How many clients are known. One that has moved counts once.
    pub(super) fn len(&self) -> usize {
        self.by_id.len() - self.replaced
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id)
    }

    /// The client at `address`, if it is known; it was active at `now`.
    pub(super) fn active_at(&mut self, address: SocketAddr, now: Time) -> Option<ClientId> {
        let id = *self.by_address.get(&address)?;
        self.active(id, now);
        Some(id)
    }

    /// A datagram of this client or for it arrived at `now`.
    pub(super) fn active(&mut self, id: ClientId, now: Time) {
        if let Some(client) = self.by_id.get_mut(&id) {
            client.last_active = now;
        }
    }

    /// The client that has been idle for longest, if there is no room for another.
    pub(super) fn surplus(&self) -> Option<ClientId> {
        if self.len() < self.limits.most.get() {
            return None;
        }
        let counted = self.by_id.iter().filter(|(_, client)| !client.is_replaced);
        counted.min_by_key(|(_, client)| client.last_active).map(|(id, _)| *id)
    }

    /// Adds a client, with a socket of its own to `server`. If the client has moved, this replaces its socket.
    pub(super) fn add(
        &mut self,
        address: SocketAddr,
        local: Option<IpAddr>,
        server: SocketAddr,
        now: Time,
    ) -> io::Result<ClientId> {
        let back = RelaySocket::connect(server, self.from)?;
        let client = Client { address, local, back, last_active: now, has_moved: false, is_replaced: false };
        let id = self.next;
        self.next += 1;
        if let Some(former) = self.moved.remove(&address).and_then(|former| self.by_id.get_mut(&former)) {
            former.is_replaced = true;
            self.replaced += 1;
        }
        self.by_id.insert(id, client);
        self.by_address.insert(address, id);
        Ok(id)
    }

    /// Removes a client and closes its socket.
    pub(super) fn remove(&mut self, id: ClientId) -> Option<Client> {
        let client = self.by_id.remove(&id)?;
        for ids in [&mut self.by_address, &mut self.moved] {
            if ids.get(&client.address) == Some(&id) {
                ids.remove(&client.address);
            }
        }
        self.replaced -= usize::from(client.is_replaced);
        Some(client)
    }

    /// The clients that have been idle for as long as the limits allow.
    pub(super) fn idle(&self, now: Time) -> Vec<ClientId> {
        let Some(idle) = self.limits.idle else { return Vec::new() };
        let quiet = self.by_id.iter().filter(|(_, client)| now.since(client.last_active) >= idle);
        quiet.map(|(id, _)| *id).collect()
    }

    /// The interval at which to look for idle clients.
    pub(super) fn sweep(&self) -> Option<Duration> {
        let most = Duration::from_secs(1);
        self.limits.idle.map(|idle| (idle / 4).clamp(Duration::from_millis(10), most))
    }
}
