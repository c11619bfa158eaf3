//! The clients of a server, and what was received from them.

use std::{net::SocketAddr, time::Duration};

use super::{sender::Sender, window::ReplayWindow};
use crate::{
    path::Rejection,
    unit::{Recent, nanos},
};

/// The clients of all servers that share a key.
///
/// A limited number is remembered. What a forgotten one sent cannot be replayed, because a client that is not known
/// must have a higher counter than all that were forgotten.
#[derive(Debug, Default)]
pub(super) struct Senders {
    clients: Recent<Sender, Known>,
    /// The client that used an address last.
    addresses: Recent<SocketAddr, Option<Sender>>,
    /// The highest counter of all forgotten clients.
    forgotten: u64,
}

#[derive(Debug)]
struct Known {
    requests: ReplayWindow,
    /// The counter of the last reply.
    replies: u64,
}

impl Senders {
    pub(super) fn stamp(&mut self, peer: SocketAddr) -> Option<(Sender, u64)> {
        let client = (*self.addresses.get_mut(&peer)?)?;
        let known = self.clients.get_mut(&client)?;
        known.replies += 1;
        Some((client.replying(), known.replies))
    }

    pub(super) fn accept(
        &mut self,
        from: SocketAddr,
        sender: Sender,
        counter: u64,
        now: impl FnOnce() -> Duration,
    ) -> Result<(), Rejection> {
        if !sender.is_client() {
            return Err(Rejection::Stranger);
        }
        if let Some(known) = self.clients.get_mut(&sender) {
            if !known.requests.accept(counter) {
                return Err(Rejection::Replayed);
            }
        } else {
            if counter <= self.forgotten {
                return Err(Rejection::Replayed);
            }
            let mut requests = ReplayWindow::default();
            requests.accept(counter);
            // Higher than in any earlier life of the server, which the client may still remember.
            let known = Known { requests, replies: nanos(now()) };
            if let Some(forgotten) = self.clients.insert(sender, known) {
                self.forgotten = self.forgotten.max(forgotten.requests.highest());
            }
        }
        *self.addresses.entry(from) = Some(sender);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::RECENT_CAPACITY;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn a_datagram_is_accepted_once_from_wherever_it_comes() {
        let mut senders = Senders::default();
        let client = Sender::client(7);
        let now = || Duration::from_secs(1);
        assert_eq!(senders.accept(address(1), client, 10, now), Ok(()));
        assert_eq!(senders.accept(address(2), client, 10, now), Err(Rejection::Replayed));
        assert_eq!(senders.accept(address(2), client, 11, now), Ok(()), "the client has a new address");
        assert_eq!(senders.stamp(address(2)), Some((client.replying(), 1_000_000_001)));
        assert_eq!(senders.stamp(address(3)), None);
        assert_eq!(senders.accept(address(1), client.replying(), 12, now), Err(Rejection::Stranger));
    }

    #[test]
    fn a_client_whose_clock_was_set_back_is_accepted() {
        let mut senders = Senders::default();
        assert_eq!(senders.accept(address(1), Sender::client(7), 1000, Duration::default), Ok(()));
        assert_eq!(senders.accept(address(1), Sender::client(8), 1, Duration::default), Ok(()));
    }

    #[test]
    fn what_a_forgotten_client_sent_cannot_be_replayed() {
        let mut senders = Senders::default();
        let clients = RECENT_CAPACITY as u64 + 1;
        for number in 0..clients {
            assert_eq!(
                senders.accept(address(1), Sender::client(number), 100 + number, Duration::default),
                Ok(())
            );
        }
        let replay = senders.accept(address(1), Sender::client(0), 100, Duration::default);
        assert_eq!(replay, Err(Rejection::Replayed));
        assert_eq!(senders.accept(address(1), Sender::client(0), 101, Duration::default), Ok(()));
    }
}
