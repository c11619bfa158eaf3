//! How many small datagrams a second a relay passes, counted at the far end.
//!
//! One thread sends and receives, in runs that the kernel splits and joins where it can (GSO, GRO), and the relay has
//! its own. At most [`WINDOW`] are in flight, so that no socket overflows.

use std::{
    hint::black_box,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quinn::udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::runtime::Builder;
use wirelab::{
    link::LinkSpec,
    path::{
        Host, Observers,
        direct::DirectHost,
        relay::{Relay, RelayLimits, RelayOptions},
    },
    unit::PerDirection,
};

/// Bytes of a datagram.
const LENGTH: usize = 64;
/// Datagrams of a run.
const RUN: usize = 64;
/// Datagrams in flight.
const WINDOW: u64 = 64 * 48;
/// Requested size of socket buffers.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Buffers that one system call may fill.
const BATCH: usize = 16;
const BUFFER_BYTES: usize = 65_535;

/// A socket that sends and receives runs.
struct End {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl End {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).expect("a socket's state");
        let asked = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER_BYTES);
        asked.expect("a buffer, of whatever size");
        Self { socket, state }
    }

    fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    fn send(&self, to: SocketAddr, datagrams: usize) {
        let contents = &[7; LENGTH * RUN][..LENGTH * datagrams];
        let transmit =
            Transmit { destination: to, ecn: None, contents, segment_size: Some(LENGTH), src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.socket), &transmit).expect("a socket that takes it");
    }

    /// Receives and returns the number of datagrams.
    fn receive(&self, buffers: &mut [u8]) -> u64 {
        let mut chunks = buffers.chunks_mut(BUFFER_BYTES);
        let mut slices: [_; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let mut meta = [RecvMeta::default(); BATCH];
        match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut meta) {
            Ok(filled) => meta[..filled].iter().map(|meta| meta.len.div_ceil(meta.stride) as u64).sum(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => panic!("cannot receive: {error}"),
        }
    }
}

/// Passes `count` datagrams and returns the time until the last one arrives.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn pass(client: &End, relay: SocketAddr, server: &End, count: u64) -> Duration {
    let mut buffers = vec![0; BATCH * BUFFER_BYTES];
    let (mut sent, mut received) = (0, 0);
    let begun = Instant::now();
    let mut progress = begun;
    while received < count {
        while sent < count && sent - received + RUN as u64 <= WINDOW {
            let run = (count - sent).min(RUN as u64);
            client.send(relay, run as usize);
            sent += run;
        }
        let arrived = black_box(server.receive(&mut buffers));
        received += arrived;
        if arrived > 0 {
            progress = Instant::now();
        }
        assert!(progress.elapsed() < Duration::from_secs(5), "{} of {sent} are missing", sent - received);
    }
    begun.elapsed()
}

fn throughput(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
    let host: Arc<dyn Host> = runtime.block_on(async { DirectHost::new() }).expect("a host");
    let mut group = criterion.benchmark_group("relay");
    group.sample_size(10).throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    for delay in ["0ms", "1ms"] {
        let (client, server) = (End::new(), End::new());
        let spec: LinkSpec = format!("delay={delay}").parse().expect("a link");
        let options = RelayOptions {
            listen: "127.0.0.1:0".parse().expect("an address"),
            to: server.local(),
            links: PerDirection::both(spec),
            seed: 1,
            clients: RelayLimits { most: NonZeroUsize::MIN, idle: None },
            change: None,
        };
        let relay = Relay::start(host.clone(), &options, Observers::default()).expect("a relay");
        group.bench_function(format!("64-byte datagrams, delay {delay}"), |bencher| {
            bencher.iter_custom(|count| pass(&client, relay.local_addr(), &server, count));
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
