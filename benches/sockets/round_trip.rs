//! One datagram there and back: the UDP server of `wirelab serve` and our client socket against sockperf's ping-pong.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use tokio::runtime::Runtime;
use wirelab::{
    path::{Datagrams, Host, direct::DirectHost},
    serve::{Bind, Options, Server},
    service::Service,
    transport::{
        Congestion, LossDetection, Scheme, Session, SessionSettings, SharedKey, Transport,
        arq::{ArqLimits, ArqSettings},
        dial,
        quic::{QuicLimits, QuicSettings},
    },
};

use super::{LENGTH, by_turns, common, pin, print, tools};

const ROUND_TRIPS: usize = 20_000;

pub(super) fn measure() {
    for (name, server, client) in [("both on one core", 0, 0), ("a core each", 0, 1)] {
        let mut echo = UdpEcho::start(Transport::UDP, server, client);
        let ours = || echo.round_trip_us();
        // sockperf prints half of it.
        let sockperf = tools::Sockperf::start(server);
        let theirs = || Some(2.0 * sockperf.as_ref()?.half_round_trip_us(client)?);
        let what = format!("UDP round trip, {LENGTH} bytes, {name}");
        print(&what, "us", "sockperf ping-pong", by_turns(ours, theirs), "(aim: at most 1.10)");
    }
}

/// What signing and encrypting cost: the secured transports against raw UDP, all ends on one core.
pub(super) fn measure_secured() {
    for (transport, aim) in [(Transport::UDP_HMAC, "1.25"), (Transport::DTLS, "1.50")] {
        let mut secured = UdpEcho::start(transport, 0, 0);
        let mut raw = UdpEcho::start(Transport::UDP, 0, 0);
        let figures = by_turns(|| secured.round_trip_us(), || Some(raw.round_trip_us()));
        let what = format!("{transport} round trip, {LENGTH} bytes, both on one core");
        print(&what, "us", "udp", figures, &format!("(aim: at most {aim})"));
    }
}

/// The key of both ends.
fn shared_key() -> SharedKey {
    SharedKey::new(&[7; 32])
}

fn settings() -> SessionSettings {
    let (client_tls, server_tls) = common::tls();
    let congestion = Congestion::Cubic;
    SessionSettings {
        quic: QuicSettings {
            congestion,
            loss_detection: LossDetection::default(),
            seed: None,
            limits: QuicLimits::EXPERIMENT,
            tracers: Default::default(),
        },
        arq: ArqSettings {
            congestion,
            loss_detection: LossDetection::default(),
            seed: None,
            max_datagram: 1472,
            limits: ArqLimits::EXPERIMENT,
            tracer: None,
        },
        client_tls,
        server_tls: Some(server_tls),
        shared_key: Some(shared_key()),
        tcp_tracer: None,
    }
}

/// Starts the server of `wirelab serve` on a thread of its own, which ends with the program.
pub(super) fn serve(scheme: &'static Scheme, core: usize) -> SocketAddr {
    pin(core);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        common::runtime().block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().expect("a host");
            let bind = Bind { scheme, local: common::any_port() };
            let identity = Some(common::tls().1.identity);
            let options = Options { identity, shared_key: Some(shared_key()), ..Options::new(Service::Echo) };
            let server = Server::start(&host, &[bind], options).expect("a server");
            tell.send(server.binds().next().expect("an address").local).expect("somebody who waits");
            std::future::pending::<()>().await;
        });
    });
    told.recv().expect("a server")
}

/// A client's socket, and the datagram server of `wirelab serve`.
pub(super) struct UdpEcho {
    pub(super) runtime: Runtime,
    pub(super) socket: Arc<dyn Datagrams>,
    pub(super) server: SocketAddr,
    _host: Arc<dyn Host>,
}

impl UdpEcho {
    pub(super) fn start(transport: Transport, server_core: usize, client_core: usize) -> Self {
        let server = serve(transport.scheme(), server_core);
        pin(client_core);
        let runtime = common::runtime();
        let (host, socket) = runtime.block_on(async {
            let host: Arc<dyn Host> = DirectHost::new().expect("a host");
            let session = dial(&host, transport, server, settings().dial()).await.expect("a server");
            let Session::Datagrams(session) = session else { panic!("{transport} has no datagrams") };
            (host, session.socket)
        });
        Self { runtime, socket, server, _host: host }
    }

    /// The median, as of sockperf.
    #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
    fn round_trip_us(&mut self) -> f64 {
        let Self { runtime, socket, server, .. } = self;
        let mut buffer = vec![0; 65_535];
        let mut took = Vec::with_capacity(ROUND_TRIPS);
        runtime.block_on(async {
            for _ in 0..ROUND_TRIPS {
                let start = Instant::now();
                socket.send(&[7; LENGTH], *server, None).await.expect("a socket that takes it");
                socket.recv(&mut buffer).await.expect("an echo");
                took.push(start.elapsed().as_secs_f64() * 1e6);
            }
        });
        super::median(took)
    }
}
