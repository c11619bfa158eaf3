//! Whether this machine can reach itself.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
};

/// Checks that the loopback interface is up. In a new network namespace it is not, and packets then go nowhere.
///
/// Returns the kernel's error.
pub fn check_loopback() -> io::Result<()> {
    const DISCARD: u16 = 9;
    // Connecting a datagram socket looks up the route and sends nothing.
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.connect((Ipv4Addr::LOCALHOST, DISCARD))
}
