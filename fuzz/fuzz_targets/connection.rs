//! Arbitrary segments at arbitrary times: a connection neither panics nor sends without end.
//!
//! The input is a sequence of: a byte of elapsed time, a byte of length, and so many bytes of a segment. The checksum and
//! the connection id of each segment are corrected first.

#![no_main]

use std::{net::SocketAddr, time::Duration};

use libfuzzer_sys::fuzz_target;
use wirelab::{
    arq::{Config, Connection, ConnectionId, Listener, Mode, Routed},
    unit::Time,
    wire::segment::codec::with_check,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, mut rest)) = bytes.split_first() else { return };
    let mut now = Time::ZERO;
    let mut client = connected(Mode::ALL[usize::from(mode % 4)], now);
    while let [after, length, following @ ..] = rest {
        let (segment, following) = following.split_at(following.len().min((*length).into()));
        rest = following;
        now += Duration::from_millis(u64::from(*after) * 4);
        let _ = client.send(b"a message".as_slice().into());
        let mut segment = segment.to_vec();
        if let Some(id) = segment.get_mut(8..16) {
            id.copy_from_slice(&client.id().0.to_le_bytes());
        }
        client.handle_segment(now, &with_check(&segment));
        client.handle_timeout(now);
        while client.recv(now).is_some() {}
        while client.poll_event().is_some() {}
        let transmits = std::iter::from_fn(|| client.poll_transmit(now)).take(1000).count();
        assert!(transmits < 1000, "it never stops sending");
    }
});

fn connected(mode: Mode, now: Time) -> Connection {
    let config = Config { mode, receive_window: 64, ..Config::default() };
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut listener = Listener::new(config.clone(), [1; 32], 1);
    let mut client = Connection::client(config, ConnectionId(1), now);
    for _ in 0..2 {
        let Some(hello) = client.poll_transmit(now) else { break };
        if let Routed::Reply(reply) = listener.handle_datagram(now, from, &hello.datagram) {
            client.handle_segment(now, &reply);
        }
    }
    client
}
