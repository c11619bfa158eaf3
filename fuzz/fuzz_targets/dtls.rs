//! Arbitrary datagrams to a DTLS server: it neither panics, nor delivers anything, nor answers with more than it was sent.
//!
//! The input is a sequence of: a byte of elapsed time, a byte of length, and so many bytes of a datagram.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wirelab::{
    certs,
    link::LinkSpec,
    path::{Side, sim::World},
    serve::{Bind, Options, Server},
    service::Service,
    transport::Transport,
    unit::PerDirection,
};

fuzz_target!(|bytes: &[u8]| {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    let identity = certs::ephemeral().ok().map(|(identity, _)| identity);
    let options = Options { identity, seed: Some(1), ..Options::new(Service::Echo) };
    let bind = Bind { scheme: Transport::DTLS.scheme(), local: ([0, 0, 0, 0], 7000).into() };
    let server = Server::start(&world.host(Side::Server), &[bind], options).expect("a port");
    let address = server.binds().next().expect("one").local;
    let client = world.host(Side::Client);
    let stopped = world.run(async {
        let socket = client.udp_bind(([0, 0, 0, 0], 0).into()).expect("a port");
        let mut rest = bytes;
        while let [after, length, following @ ..] = rest {
            let (datagram, following) = following.split_at(following.len().min((*length).into()));
            rest = following;
            client.sleep(Duration::from_millis(u64::from(*after) * 4)).await;
            let _ = socket.try_send(datagram, address, None);
        }
        client.sleep(Duration::from_secs(10)).await;
        server.stop(Duration::from_secs(1)).await
    });
    let report = &stopped.expect("it ends").reports[0];
    assert_eq!(report.messages, 0);
    let wire = world.counters();
    assert!(wire.to_client.bytes <= wire.to_server.bytes, "more than it was sent");
});
