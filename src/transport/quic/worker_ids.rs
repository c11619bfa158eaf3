//! Connection ids that tell which worker of a server they belong to, so that its datagrams reach it from any address.

use std::time::Duration;

use quinn::ConnectionIdGenerator;
use quinn_proto::{ConnectionId, HashedConnectionIdGenerator, InvalidCid};

use crate::path::PortShare;

/// Generates connection ids of one worker. Every worker validates those of all.
pub(super) struct WorkerIds {
    pub(super) ids: HashedConnectionIdGenerator,
    pub(super) share: PortShare,
}

impl ConnectionIdGenerator for WorkerIds {
    fn generate_cid(&mut self) -> ConnectionId {
        loop {
            let id = self.ids.generate_cid();
            if id.first().is_some_and(|&first| self.share.owns(first)) {
                return id;
            }
        }
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        self.ids.validate(id)
    }

    fn cid_len(&self) -> usize {
        self.ids.cid_len()
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        self.ids.cid_lifetime()
    }
}
