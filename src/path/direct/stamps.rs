//! The kernel's time stamps of packets.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use rustix::event::{Timespec, poll};
use socket2::{Domain, Socket, Type};

use super::control;
use crate::path::sys;

/// Keeps the time stamps switched on. The kernel switches them on some time after the first socket asks for them, often
/// milliseconds. Until then it stamps a packet when the packet is read.
#[derive(Debug)]
pub(super) struct Stamps {
    _socket: Socket,
}

impl Stamps {
    /// Switches them on, and waits until they are, but no longer than some 50 ms.
    pub(super) fn switch_on() -> io::Result<Self> {
        const PAUSE: Duration = Duration::from_millis(1);
        const TRIALS: usize = 40;
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.bind(&SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0).into())?;
        socket.connect(&socket.local_addr()?)?;
        socket.set_read_timeout(Some(Duration::from_millis(10)))?;
        sys::stamp_packets(&socket)?;
        for _ in 0..TRIALS {
            socket.send(&[0])?;
            pause(PAUSE);
            socket.send(&[0])?;
            let [first, second] = [received(&socket)?, received(&socket)?];
            if second.saturating_sub(first) >= PAUSE / 2 {
                break;
            }
        }
        Ok(Self { _socket: socket })
    }
}

/// The time stamp of the next datagram.
fn received(socket: &Socket) -> io::Result<Duration> {
    let mut control = [0; 128];
    let (_, filled, _) = sys::receive_with_control(socket, &mut [0], &mut control)?;
    let stamp = control.get(..filled).and_then(control::stamp);
    stamp.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn pause(time: Duration) {
    let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    // A signal may end it early, and then the trial fails.
    let _ = poll(&mut [], Some(&time));
}
