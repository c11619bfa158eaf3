//! Arbitrary datagrams to a server of signed UDP: it does not panic, accounts for every datagram, and delivers only
//! signed datagrams, each counter of a client once.
//!
//! The input has for each datagram: a byte whose lowest bit says whether to sign it, a byte of length, and the datagram
//! without its tag. Without signing, hardly any input would pass.

#![no_main]

use std::{collections::BTreeSet, time::Duration};

use libfuzzer_sys::fuzz_target;
use ring::hmac;
use wirelab::{
    link::LinkSpec,
    path::{Side, sim::World},
    serve::{Bind, Options, Refusal, Server},
    service::Service,
    transport::{SharedKey, Transport},
    unit::PerDirection,
};

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|bytes: &[u8]| {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    let options =
        Options { shared_key: Some(SharedKey::new(&KEY)), seed: Some(1), ..Options::new(Service::Echo) };
    let bind = Bind { scheme: Transport::UDP_HMAC.scheme(), local: ([0, 0, 0, 0], 7000).into() };
    let server = Server::start(&world.host(Side::Server), &[bind], options).expect("a port");
    let address = server.binds().next().expect("one").local;
    let client = world.host(Side::Client);
    let (mut sent, mut may_pass) = (0, BTreeSet::new());
    let stopped = world.run(async {
        let socket = client.udp_bind(([0, 0, 0, 0], 0).into()).expect("a port");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
        let mut rest = bytes;
        while let [signed, length, following @ ..] = rest {
            let (body, following) = following.split_at(following.len().min((*length).into()));
            rest = following;
            let mut datagram = body.to_vec();
            if signed & 1 == 1 {
                datagram.extend_from_slice(hmac::sign(&key, body).as_ref());
                may_pass.extend(body.last_chunk::<16>().copied());
            }
            client.sleep(Duration::from_millis(1)).await;
            sent += u64::from(socket.try_send(&datagram, address, None).is_ok());
        }
        client.sleep(Duration::from_secs(1)).await;
        server.stop(Duration::from_secs(1)).await
    });
    let report = &stopped.expect("it ends").reports[0];
    let refused = [Refusal::Forged, Refusal::Replayed, Refusal::Stranger].map(|why| report.refusals(why));
    assert_eq!(report.messages + refused.iter().sum::<u64>(), sent, "{report}");
    assert!(report.messages <= may_pass.len() as u64, "{report}");
    let wire = world.counters();
    assert!(wire.to_client.bytes <= wire.to_server.bytes, "more than it was sent");
});
