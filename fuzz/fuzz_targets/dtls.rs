//! Arbitrary datagrams to one end of DTLS: it neither panics, nor delivers anything, and a server does not answer with
//! more than it was sent.
//!
//! The input is a byte whose lowest bit picks the end, then for each datagram: a byte of elapsed time, two bytes of
//! length, and the datagram.

#![no_main]

use std::{sync::Arc, time::Duration};

use libfuzzer_sys::fuzz_target;
use wirelab::{
    certs,
    link::LinkSpec,
    path::{Datagrams, Host, Side, sim::World},
    send::{self, Client},
    serve::{Bind, Options, Server},
    service::Service,
    transport::{
        Transport,
        tls::{CertificateVerdict, ClientTls, Trust},
    },
    unit::PerDirection,
};

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((end, datagrams)) if end & 1 == 0 => to_server(datagrams),
        Some((_, datagrams)) => to_client(datagrams),
        None => {}
    }
});

/// Sends the datagrams to the peer of `socket`.
async fn send(host: &dyn Host, socket: &dyn Datagrams, peer: std::net::SocketAddr, mut rest: &[u8]) {
    while let [after, high, low, following @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (datagram, following) = following.split_at(following.len().min(length));
        rest = following;
        host.sleep(Duration::from_millis(u64::from(*after) * 4)).await;
        let _ = socket.try_send(datagram, peer, None);
    }
}

fn to_server(datagrams: &[u8]) {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    let identity = certs::ephemeral().ok().map(|(identity, _)| identity);
    let options = Options { identity, seed: Some(1), ..Options::new(Service::Echo) };
    let bind = Bind { scheme: Transport::DTLS.scheme(), local: ([0, 0, 0, 0], 7000).into() };
    let server = Server::start(&world.host(Side::Server), &[bind], options).expect("a port");
    let address = server.binds().next().expect("one").local;
    let client = world.host(Side::Client);
    let stopped = world.run(async {
        let socket = client.udp_bind(([0, 0, 0, 0], 0).into()).expect("a port");
        send(&*client, &*socket, address, datagrams).await;
        client.sleep(Duration::from_secs(10)).await;
        server.stop(Duration::from_secs(1)).await
    });
    let report = &stopped.expect("it ends").reports[0];
    assert_eq!(report.messages, 0);
    let wire = world.counters();
    assert!(wire.to_client.bytes <= wire.to_server.bytes, "more than it was sent");
}

fn to_client(datagrams: &[u8]) {
    let world = World::new(&PerDirection::both(LinkSpec::default()), 1);
    let (client, server) = (world.host(Side::Client), world.host(Side::Server));
    let socket: Arc<dyn Datagrams> = server.udp_bind(([0, 0, 0, 0], 7000).into()).expect("a port");
    let address = socket.local_addr();
    let answers = datagrams.to_vec();
    let host = server.clone();
    server.spawn(
        "a forged server",
        Box::pin(async move {
            let mut hello = vec![0; 2048];
            if let Ok(hello) = socket.recv(&mut hello).await {
                send(&*host, &*socket, hello.from, &answers).await;
            }
        }),
    );
    let tls = ClientTls {
        trust: Trust::Roots(certs::ephemeral().expect("certificates").1),
        server_name: certs::EPHEMERAL_NAME.try_into().expect("a name"),
        early_data: false,
        sessions: None,
        key_log: None,
        verdict: CertificateVerdict::default(),
    };
    let options =
        send::Options { timeout: Duration::from_secs(30), retries: 0, tls, shared_key: None, seed: Some(1) };
    let connected = world.run(Client::connect(&client, Transport::DTLS, address, &options));
    assert!(connected.expect("it ends").is_err(), "nobody has the certificate");
}
