//! The same client and server code, in virtual time: exact instants, no waiting.

use std::{net::SocketAddr, sync::Arc, time::Duration};
use wirelab::{
    certs,
    link::{LinkSpec, Loss},
    path::{
        Host,
        sim::{Side, World},
    },
    time::Time,
    transport::{
        self, Settings, Transport,
        quic::{Congestion, QuicLimits, QuicSettings, Reading},
        tls::{ClientTls, ServerTls, Trust},
    },
    wire::{MessageId, Probe},
};

fn settings() -> Settings {
    let (identity, roots) = certs::ephemeral().unwrap();
    Settings {
        flows: 8,
        request: 1000,
        reply: 1000,
        quic: QuicSettings { congestion: Congestion::Cubic, seed: Some(1), limits: QuicLimits::EXPERIMENT },
        reading: Reading::Unordered,
        client_tls: ClientTls {
            trust: Trust::Roots(roots),
            server_name: certs::EPHEMERAL_NAME.try_into().unwrap(),
            early_data: true,
            key_log: false,
        },
        server_tls: ServerTls { identity, early_data: true },
    }
}

fn echoes(transport: Transport, drops: &[u64]) -> Vec<u64> {
    let clear = LinkSpec { delay: Duration::from_millis(25), ..LinkSpec::default() };
    let lossy = LinkSpec { loss: Loss::Drop(drops.to_vec()), ..clear.clone() };
    let world = World::new(&lossy, &clear, 1);
    let (client, server) = (world.host(Side::Client), world.host(Side::Server));
    world
        .run(async {
            let settings = settings();
            let local: SocketAddr = "0.0.0.0:4433".parse().unwrap();
            let mut acceptor = transport::listen(&server, transport, local, &settings).unwrap();
            let peer = SocketAddr::new(Side::Server.ip(local.ip()), acceptor.local_addr().port());
            server.spawn(
                "the server",
                Box::pin(async move {
                    let mut channel = acceptor.accept().await.unwrap();
                    while let Ok(d) = channel.recv().await {
                        channel.send(d.probe, 1000).unwrap();
                    }
                }),
            );
            let mut channel = transport::connect(&client, transport, peer, &settings).await.unwrap();
            let mut out = vec![client.now().as_nanos()];
            for seq in 0..20 {
                client.sleep(Duration::from_millis(10)).await;
                channel
                    .send(
                        Probe { id: MessageId { flow: seq as u32 % 8, seq: seq / 8 }, due: client.now() },
                        1000,
                    )
                    .unwrap();
            }
            while let Ok(Ok(d)) =
                wirelab::path::timeout(&*client, Duration::from_secs(5), channel.recv()).await
            {
                out.push((d.released - d.probe.due).as_nanos() as u64);
            }
            out
        })
        .unwrap()
}

#[test]
fn try_it() {
    for t in [
        Transport::Udp,
        Transport::QuicOne,
        Transport::QuicFlow,
        Transport::QuicMessage,
        Transport::QuicDatagram,
    ] {
        let a = echoes(t, &[15]);
        println!("{t} {a:?}");
        assert_eq!(a, echoes(t, &[15]));
    }
}
