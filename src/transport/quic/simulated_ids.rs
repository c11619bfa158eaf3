//! Connection ids from the seed of a simulation.

use std::time::Duration;

use quinn::{ConnectionId, ConnectionIdGenerator};
use quinn_proto::InvalidCid;

use crate::path::Randomness;

const RANDOM_BYTES: usize = 4;
/// As long as the ids that quinn generates in real time.
const BYTES: usize = RANDOM_BYTES + size_of::<u32>();

/// Generates connection ids of random bytes and their checksum. As in real time, an id that the link has corrupted is
/// detected by its checksum.
#[derive(Clone)]
pub(super) struct SimulatedIds(Randomness);

impl SimulatedIds {
    pub(super) fn new(randomness: &Randomness) -> Self {
        Self(randomness.clone())
    }
}

impl ConnectionIdGenerator for SimulatedIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let random = self.0.draw::<RANDOM_BYTES>();
        ConnectionId::new(&[random, checksum(&random)].concat())
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let Some((random, rest)) = id.split_first_chunk::<RANDOM_BYTES>() else { return Err(InvalidCid) };
        if checksum(random) == rest { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

fn checksum(random: &[u8; RANDOM_BYTES]) -> [u8; BYTES - RANDOM_BYTES] {
    crc32fast::hash(random).to_be_bytes()
}
