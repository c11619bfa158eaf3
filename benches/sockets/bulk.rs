//! Throughput in one direction: `wirelab transfer` against programs that neither generate nor check the content.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::runtime::Runtime;
use wirelab::{
    experiment::{
        PathKind, Remote,
        transfer::{Direction, TransferOutcome, TransferPlan, transfer, transfer_from},
    },
    link::LinkSpec,
    path::{Host, direct::DirectHost},
    transfer::{Content, Watch},
    transport::{Congestion, LossDetection, Transport},
    unit::{PerDirection, Rate},
};

use super::{
    all_by_turns, bulk_quinn::BulkQuinn, by_turns, common, pin, pin_to, print, round_trip::serve, tools,
};

const MIB: u64 = 1 << 20;
/// UDP payload bytes that fit into an Ethernet frame.
const DATAGRAM: usize = 1472;

pub(super) fn measure_tcp() {
    let iperf = tools::Iperf::start("0");
    let client = Client::new(Transport::TCP, serve(Transport::TCP.scheme(), 0));
    pin(1);
    let figures = by_turns(|| client.gigabits(2048 * MIB), || iperf.as_ref()?.tcp_gigabits("1"));
    print("TCP transfer", "Gbit/s", "iperf3", figures, "(aim: at least 0.90)");
}

pub(super) fn measure_quic() {
    let bytes = 512 * MIB;
    let client = Client::new(Transport::QUIC_ONE, serve(Transport::QUIC_ONE.scheme(), 0));
    pin(0);
    let server = BulkQuinn::listen();
    pin(1);
    let quinn = BulkQuinn::connect(server);
    let s2n = tools::S2nQuic::start("0");
    let (ours, [quinn, s2n]) = all_by_turns(
        || client.gigabits(bytes),
        [&mut || Some(gigabits(bytes, quinn.send(bytes))), &mut || {
            Some(gigabits(bytes, s2n.as_ref()?.send("1", bytes)?))
        }],
    );
    let what = "QUIC transfer, one stream";
    print(what, "Gbit/s", "a minimal quinn", (ours, quinn), "(aim: at least 1.00)");
    print(what, "Gbit/s", "s2n-quic", (ours, s2n), "");
}

/// Both ends of each program may use both cores, because the two ends of `--path direct` start together.
pub(super) fn measure_udp() {
    pin_to([0, 1]);
    let iperf = tools::Iperf::start("0,1");
    let bytes = 1024 * MIB;
    let plan = TransferPlan {
        pace: Rate::from_bits_per_second(1_000_000_000_000).expect("a rate"),
        ..plan(Transport::UDP, bytes)
    };
    let ours = || {
        let outcome = transfer(&plan, 1, None, &Watch::default()).expect("a transfer");
        gigabits(outcome.arrived.expect("a count"), outcome.took)
    };
    let figures =
        by_turns(ours, || Some(iperf.as_ref()?.udp_millions("0,1", DATAGRAM)? * 8.0 * DATAGRAM as f64 / 1e3));
    print("UDP transfer without a pace, what arrives", "Gbit/s", "iperf3 -u", figures, "");
}

fn gigabits(bytes: u64, time: Duration) -> f64 {
    8.0 * bytes as f64 / time.as_secs_f64() / 1e9
}

fn plan(transport: Transport, bytes: u64) -> TransferPlan {
    TransferPlan {
        path: PathKind::Direct,
        transport,
        links: PerDirection::both(LinkSpec::default()),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        flows: 1,
        pace: Rate::from_bits_per_second(10_000_000).expect("a rate"),
        direction: Direction::Up,
        content: Content::Generated { bytes, seed: 1 },
    }
}

/// The client of `wirelab transfer URL`.
struct Client {
    runtime: Runtime,
    host: Arc<dyn Host>,
    transport: Transport,
    remote: Remote,
}

impl Client {
    fn new(transport: Transport, server: SocketAddr) -> Self {
        let runtime = common::runtime();
        let host: Arc<dyn Host> = runtime.block_on(async { DirectHost::new().expect("a host") });
        let remote = Remote {
            url: format!("{}://{server}", transport.name()),
            addresses: vec![server],
            answered: Arc::new(OnceLock::new()),
            timeout: Duration::from_secs(5),
            deadline: None,
            tls: common::tls().0,
            shared_key: None,
            seed: None,
        };
        Self { runtime, host, transport, remote }
    }

    fn gigabits(&self, bytes: u64) -> f64 {
        let plan = plan(self.transport, bytes);
        let outcome: TransferOutcome = self.runtime.block_on(async {
            transfer_from(&self.host, &plan, &self.remote, 1, None, &Watch::default())
                .await
                .expect("a transfer")
        });
        gigabits(bytes, outcome.time.expect("all of it"))
    }
}
