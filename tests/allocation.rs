//! In the steady state, servers, sockets, the relay and traces allocate nothing per message. A run in virtual time takes
//! about the memory that it is estimated to take.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

#[path = "support/fixtures.rs"]
#[expect(dead_code, reason = "no settings of sessions are needed here")]
mod fixtures;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};
use wirelab::{
    capture::{Epoch, Missing, Qlog, QlogOptions, Recorder as _},
    certs,
    experiment::{Bench, Experiment as _, PathKind, Plan, Workload, run},
    link::{LinkSpec, QueueVisit},
    path::{
        Datagrams, Exit, Host, Observer, Observers, PacketView, Payload, Side, StopSignal,
        direct::DirectHost,
        relay::{Relay, RelayLimits, RelayOptions},
    },
    send::{self, Client},
    serve::{Bind, Options, Server},
    service::Service,
    trace::{Metrics, PacketType, QuicEvent, QuicPacket, QuicTrace, QuicTracer as _},
    transport::{Congestion, LossDetection, Scheme, Transport},
    unit::{Direction, Mutex, PerDirection, Time},
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// Bytes that are allocated, and the most that were.
static HELD: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);

impl Counting {
    fn count(size: usize) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let held = HELD.fetch_add(size as u64, Ordering::Relaxed) + size as u64;
        PEAK.fetch_max(held, Ordering::Relaxed);
    }
}

// SAFETY: every call is forwarded to the system's allocator, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        Self::count(size);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// One test at a time: the count is that of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

const MESSAGES: u64 = 10_000;
/// Messages before the count starts, in which queues and histograms reach their size.
const WARMUP: u64 = 1000;
/// Allocations that are independent of the number of messages.
const SOME: u64 = 50;
/// Messages of a burst: few enough for any socket buffer.
const BURST: u64 = 32;

#[test]
fn an_echo_over_udp_allocates_nothing() {
    let (_alone, runtime) = set_up();
    runtime.block_on(async {
        let host: Arc<dyn Host> = DirectHost::new().unwrap();
        let (_server, address) = serve(&host, Transport::UDP.scheme());
        let socket = host.udp_connect(address).unwrap();
        echoes(&socket, address, WARMUP, 1).await;
        let allocations = counted(echoes(&socket, address, MESSAGES, 1)).await;
        assert!(allocations < SOME, "{allocations} allocations for {MESSAGES} echoes, one at a time");
        echoes(&socket, address, WARMUP, BURST).await;
        let allocations = counted(echoes(&socket, address, MESSAGES, BURST)).await;
        assert!(allocations < SOME, "{allocations} allocations for {MESSAGES} echoes, {BURST} at a time");
    });
}

#[test]
fn the_relay_allocates_nothing_for_what_it_passes_on() {
    let (_alone, runtime) = set_up();
    runtime.block_on(async {
        let host: Arc<dyn Host> = DirectHost::new().unwrap();
        let (_server, address) = serve(&host, Transport::UDP.scheme());
        let link = LinkSpec { delay: Duration::from_micros(200), ..LinkSpec::default() };
        let options = RelayOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            to: address,
            links: PerDirection::both(link),
            seed: 1,
            clients: RelayLimits { most: NonZeroUsize::MIN, idle: None },
            change: None,
        };
        let relay = Relay::start(host.clone(), &options, Observers::default()).unwrap();
        let front = relay.local_addr();
        let socket = host.udp_connect(front).unwrap();
        echoes(&socket, front, WARMUP, BURST).await;
        let allocations = counted(echoes(&socket, front, MESSAGES, BURST)).await;
        assert!(allocations < SOME, "{allocations} allocations for {MESSAGES} echoes through the relay");
    });
}

/// These are quinn's own allocations at both ends: packets, frames and wake-ups.
#[test]
fn an_echo_in_a_quic_datagram_takes_what_quinn_takes() {
    let (_alone, runtime) = set_up();
    runtime.block_on(async {
        let host: Arc<dyn Host> = DirectHost::new().unwrap();
        let (_server, address) = serve(&host, Transport::QUIC_ONE.scheme());
        let mut client =
            Client::connect(&host, Transport::QUIC_DATAGRAM, address, &client_options()).await.unwrap();
        let mut echoes = async |count: u64| {
            for number in 0..count {
                let message = number.to_be_bytes();
                assert_eq!(client.exchange(&message).await.unwrap().bytes, message);
            }
        };
        echoes(WARMUP).await;
        let allocations = counted(echoes(MESSAGES)).await as f64 / MESSAGES as f64;
        let line = format!("an echo in a QUIC datagram: {allocations:.1} allocations at both ends\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
        assert!(allocations < MOST_QUIC, "{allocations}");
    });
}

/// The events of one end of a QUIC connection, and the fate of its packets.
#[test]
fn traces_allocate_nothing_per_event() {
    let _alone = ALONE.lock();
    let qlog = Qlog::new(QlogOptions {
        title: "a test".to_owned(),
        epoch: Epoch::Fixed(Duration::ZERO),
        has_link: true,
        open: Box::new(|_| Ok(Box::new(tempfile::tempfile()?))),
        stop: StopSignal::default(),
    });
    let mut trace = qlog.trace(Side::Client, &[7]).unwrap();
    let mut wire = qlog.observer();
    let mut events = |from: u64, count: u64| {
        for number in from..from + count {
            trace_packet(&mut *trace, &mut *wire, number);
        }
    };
    events(0, WARMUP);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    events(WARMUP, MESSAGES);
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert!(allocations < SOME, "{allocations} allocations for {MESSAGES} packets");
    assert_eq!(qlog.finish(true).unwrap(), Missing::default());
}

/// A packet is sent, crosses the link, and is acknowledged.
fn trace_packet(trace: &mut dyn QuicTrace, wire: &mut dyn Observer, number: u64) {
    let at = Time::from_nanos(number * 1_000_007);
    // PADDING, an ACK frame of one range, and PING.
    let payload = &[0, 0, 2, 9, 5, 0, 3, 1][..];
    let packet =
        QuicPacket { packet_type: PacketType::OneRtt, number, bytes: 1200, header: &[0x40], payload };
    let mut ciphertext = [0; 32];
    ciphertext[24..].copy_from_slice(&number.to_be_bytes());
    trace.record(at, &QuicEvent::Sent { packet, is_probe: false });
    trace.record(at, &QuicEvent::Encrypted(&ciphertext));
    let view = PacketView {
        direction: Direction::ToServer,
        number,
        at,
        from: "192.0.2.1:40000".parse().unwrap(),
        to: "192.0.2.2:443".parse().unwrap(),
        ip_bytes: 1228,
        payload: Payload::Udp(&ciphertext),
        ecn: 0,
        queue: QueueVisit::default(),
    };
    wire.entered(&view);
    wire.left(&view, Exit::Arrived { intact: true, more: false });
    trace.record(at, &QuicEvent::Received(packet));
    trace.record(at, &QuicEvent::Metrics(Metrics { bytes_in_flight: number, ..Metrics::default() }));
}

/// The most bytes that a run of `plan` allocates at a time, and the estimate.
fn memory(plan: &Plan) -> (u64, u64) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    run(plan, 1, wirelab::experiment::Observers::default(), &StopSignal::default()).unwrap();
    (PEAK.load(Ordering::Relaxed) - before, Bench::size(plan).memory)
}

/// A second of 1,000 bytes every `interval`.
fn messages(transport: Transport, link: &str, interval: Duration) -> Plan {
    let link: LinkSpec = link.parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(link),
        workload: Workload { interval, ..fixtures::workload(Duration::from_secs(1)) },
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
    }
}

#[test]
fn a_run_takes_no_more_memory_than_it_is_estimated_to_and_no_third_of_it() {
    /// What every run takes: connections, histograms, and quinn's buffers.
    const BASE: u64 = 8 << 20;
    let _alone = ALONE.lock();
    let lossy = "delay=25ms,loss=2%";
    let brief = Duration::from_micros(10);
    let fixed = |plan: Plan| Plan { congestion: Congestion::Fixed(1 << 30), ..plan };
    let long = |plan: Plan| Plan {
        workload: Workload { duration: Duration::from_secs(200), ..plan.workload.clone() },
        ..plan
    };
    let ms = Duration::from_millis(1);
    let plans = [
        messages(Transport::UDP, lossy, brief),
        messages(Transport::UDP, "delay=25ms,loss=30%", brief),
        messages(Transport::UDP, "delay=25ms,rate=100mbit", brief),
        messages(Transport::UDP, "delay=25ms,rate=100mbit,corrupt=1%", brief),
        messages(Transport::UDP_HMAC, lossy, brief),
        messages(Transport::DTLS, lossy, brief),
        messages(Transport::QUIC_ONE, lossy, brief),
        messages(Transport::QUIC_MESSAGE, lossy, brief),
        messages(Transport::QUIC_DATAGRAM, lossy, brief),
        messages(Transport::ARQ_SELECTIVE, lossy, brief),
        messages(Transport::QUIC_ONE, "delay=25ms", brief),
        long(messages(Transport::UDP, lossy, ms)),
        long(messages(Transport::UDP_HMAC, lossy, ms)),
        long(fixed(messages(Transport::QUIC_ONE, lossy, ms))),
        long(fixed(messages(Transport::QUIC_DATAGRAM, "delay=25ms,loss=10%", ms))),
    ];
    for (number, plan) in plans.iter().enumerate() {
        let (taken, estimated) = memory(plan);
        let what = format!("plan {number}, {}: {taken} bytes, estimated {estimated}", plan.transport);
        assert!(taken <= estimated + BASE, "{what}");
        assert!(estimated <= 3 * taken.max(BASE), "{what}");
    }
}

/// Limit for one echo at both ends with [`Client::exchange`]. quinn 0.11 takes five.
const MOST_QUIC: f64 = 8.0;

fn set_up() -> (std::sync::MutexGuard<'static, ()>, Runtime) {
    let alone = ALONE.lock();
    (alone, Builder::new_current_thread().enable_io().build().unwrap())
}

fn serve(host: &Arc<dyn Host>, scheme: &'static Scheme) -> (Server, SocketAddr) {
    let (identity, _) = certs::ephemeral().unwrap();
    let options = Options { identity: Some(identity), ..Options::new(Service::Echo) };
    let bind = Bind { scheme, local: "127.0.0.1:0".parse().unwrap() };
    let server = Server::start(host, &[bind], options).unwrap();
    let address = server.binds().next().unwrap().local;
    (server, address)
}

fn client_options() -> send::Options {
    let (_, roots) = certs::ephemeral().unwrap();
    send::Options {
        timeout: Duration::from_secs(10),
        retries: 0,
        tls: fixtures::client_tls(roots),
        shared_key: None,
        seed: None,
    }
}

/// Allocations of the whole process during `work`.
async fn counted(work: impl Future<Output = ()>) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work.await;
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Sends `count` messages, `burst` at a time, and waits for the echo of each.
async fn echoes(socket: &Arc<dyn Datagrams>, to: SocketAddr, count: u64, burst: u64) {
    let mut buffer = [0; 2048];
    let mut sent = 0;
    while sent < count {
        for number in sent..sent + burst {
            socket.send(&number.to_be_bytes(), to, None).await.unwrap();
        }
        for number in sent..sent + burst {
            let received = socket.recv(&mut buffer).await.unwrap();
            assert_eq!(buffer[..received.len], number.to_be_bytes());
        }
        sent += burst;
    }
}
