//! Flows: packets with the same addresses, ports and protocol.

use std::net::{IpAddr, SocketAddr};

/// Identifies a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowId {
    /// The source.
    pub from: SocketAddr,
    /// The destination.
    pub to: SocketAddr,
    /// The protocol number of IP: 6 for TCP, 17 for UDP.
    pub protocol: u8,
}

impl FlowId {
    /// A hash, keyed so that flows which collide under one key do not collide under another.
    pub(in crate::link) fn hash(&self, key: u64) -> u64 {
        let addresses = [self.from, self.to].map(|address| {
            let ip = match address.ip() {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
                IpAddr::V6(v6) => v6.to_bits(),
            };
            [ip as u64, (ip >> 64) as u64, u64::from(address.port())]
        });
        let words = addresses.into_iter().flatten().chain([u64::from(self.protocol)]);
        words.fold(key, |hash, word| mix(hash ^ word))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
