//! Our channels, as experiments use them.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use wirelab::{
    channel::{Channel, Exchange, Reading, Settings, connect, listen},
    path::{Host, direct::DirectHost},
    transport::{
        Congestion, LossDetection, SessionSettings, Transport,
        arq::{ArqLimits, ArqSettings},
        quic::{QuicLimits, QuicSettings},
    },
    unit::Time,
    wire::{MessageId, Probe},
};

use super::{
    Echo, LENGTH,
    common::{any_port, runtime, tls},
};

pub(super) struct Ours {
    runtime: Runtime,
    channel: Box<dyn Channel>,
    sent: u64,
}

impl Ours {
    pub(super) fn start(transport: Transport) -> Self {
        let server = serve(transport);
        let runtime = runtime();
        let channel = runtime.block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().expect("a host");
            connect(&host, transport, server, &settings()).await.expect("a connection")
        });
        Self { runtime, channel, sent: 0 }
    }
}

impl Echo for Ours {
    fn exchange(&mut self, messages: u64, window: u64) -> Duration {
        let Self { runtime, channel, sent } = self;
        runtime.block_on(exchange(&mut **channel, sent, messages, window))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
async fn exchange(
    channel: &mut (dyn Channel + 'static),
    sent: &mut u64,
    messages: u64,
    window: u64,
) -> Duration {
    let start = Instant::now();
    let first = messages.min(window);
    (0..first).for_each(|_| send(channel, sent));
    for received in 1..=messages {
        channel.recv().await.expect("an echo");
        if received + first <= messages {
            send(channel, sent);
        }
    }
    start.elapsed()
}

fn send(channel: &mut dyn Channel, sent: &mut u64) {
    let probe = Probe::new(MessageId { flow: 0, seq: *sent }, Time::ZERO);
    channel.send(probe, LENGTH).expect("a message that can be sent");
    *sent += 1;
}

/// Starts a server on a thread of its own, which ends with the program.
fn serve(transport: Transport) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().expect("a host");
            let mut acceptor = listen(&host, transport, any_port(), &settings()).expect("a listener");
            tell.send(acceptor.local_addr()).expect("somebody who waits for it");
            let mut channel = acceptor.accept().await.expect("a client");
            while let Ok(delivery) = channel.recv().await {
                if channel.send(delivery.probe, LENGTH).is_err() {
                    break;
                }
            }
        });
    });
    told.recv().expect("a server")
}

fn settings() -> Settings {
    let (client_tls, server_tls) = tls();
    Settings {
        flows: 1,
        request: LENGTH,
        reply: LENGTH,
        reading: Reading::Unordered,
        exchange: Exchange::Answers,
        session: SessionSettings {
            quic: QuicSettings {
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                seed: None,
                limits: QuicLimits::EXPERIMENT,
                tracers: Default::default(),
            },
            arq: ArqSettings {
                congestion: Congestion::Cubic,
                loss_detection: LossDetection::default(),
                seed: None,
                max_datagram: 1472,
                limits: ArqLimits::EXPERIMENT,
                tracer: None,
            },
            client_tls,
            server_tls: Some(server_tls),
            shared_key: Some(wirelab::transport::SharedKey::new(&[7; 32])),
            tcp_tracer: None,
        },
        taps: None,
    }
}
