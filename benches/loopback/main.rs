//! Round trips and messages per second on this machine's loopback, each transport next to its peer.
//!
//! UDP's peer is a blocking pair of `std::net::UdpSocket`, QUIC's a minimal quinn program. On both sides of a
//! comparison client and server have a thread each, so that a round trip crosses threads twice.
//!
//! These figures depend on the load of the machine. The last table hardly does: there the two take turns of a few
//! milliseconds, and each figure is the median of their quotients.

#![expect(clippy::print_stdout, reason = "the table of quotients is what this program is for")]

mod common;
mod ours;
mod peers;

use std::time::Duration;

use criterion::{Criterion, Throughput};
use wirelab::transport::{Mapping, Shape, Transport};

/// Bytes of a message, and of its echo.
const LENGTH: usize = 1000;
/// Messages in flight where messages per second are measured.
const WINDOW: u64 = 32;

/// A client and its echo server.
trait Echo {
    /// Sends `messages`, with at most `window` of them in flight, and returns the time until all echoes are back.
    fn exchange(&mut self, messages: u64, window: u64) -> Duration;
}

/// One of our transports and its peer.
struct Contest {
    name: &'static str,
    ours: Box<dyn Echo>,
    peer: Option<Box<dyn Echo>>,
}

fn contests() -> Vec<Contest> {
    let peer = |transport: Transport| -> Option<Box<dyn Echo>> {
        match transport.shape() {
            Shape::Datagrams => Some(Box::new(peers::BlockingUdp::start())),
            Shape::Quic(Mapping::One | Mapping::Flow) => Some(Box::new(peers::Quinn::one_stream())),
            Shape::Quic(Mapping::Message) => Some(Box::new(peers::Quinn::stream_per_message())),
            Shape::Quic(Mapping::Datagram) => Some(Box::new(peers::Quinn::datagrams())),
            Shape::Stream | Shape::Arq(_) => None,
        }
    };
    let contest = |transport: Transport| Contest {
        name: transport.name(),
        ours: Box::new(ours::Ours::start(transport)),
        peer: peer(transport),
    };
    Transport::all().map(contest).collect()
}

fn measure(criterion: &mut Criterion, contests: &mut [Contest], what: &str, window: u64) {
    let mut group = criterion.benchmark_group(what);
    group.sample_size(20).throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for Contest { name, ours, peer } in contests {
        group.bench_function(*name, |bencher| bencher.iter_custom(|n| ours.exchange(n, window)));
        if let Some(peer) = peer {
            let name = format!("{name}, its peer");
            group.bench_function(name, |bencher| bencher.iter_custom(|n| peer.exchange(n, window)));
        }
    }
    group.finish();
}

/// How often the two take turns.
const TURNS: usize = 101;
/// Messages of a turn.
const TURN: u64 = 200;

fn print_quotients(contests: &mut [Contest]) {
    println!("Time of ours over that of its peer, median of {TURNS} turns (quartiles):");
    for Contest { name, ours, peer } in contests {
        if let Some(peer) = peer {
            let [trip, message] = [1, WINDOW].map(|window| quotient(&mut **ours, &mut **peer, window));
            println!("  {name:<13}  round trip {trip}  {WINDOW} under way {message}");
        }
    }
}

fn quotient(ours: &mut dyn Echo, peer: &mut dyn Echo, window: u64) -> String {
    let mut quotients: Vec<f64> = (0..TURNS)
        .map(|turn| {
            // The one that begins alternates, too.
            let (ours, peer) = if turn % 2 == 0 {
                let ours = ours.exchange(TURN, window);
                (ours, peer.exchange(TURN, window))
            } else {
                let peer = peer.exchange(TURN, window);
                (ours.exchange(TURN, window), peer)
            };
            ours.as_secs_f64() / peer.as_secs_f64()
        })
        .collect();
    quotients.sort_by(f64::total_cmp);
    let at = |share: usize| quotients[TURNS * share / 4];
    format!("{:.2} ({:.2} to {:.2})", at(2), at(1), at(3))
}

fn main() {
    let mut contests = contests();
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, &mut contests, "round trip", 1);
    measure(&mut criterion, &mut contests, "messages", WINDOW);
    print_quotients(&mut contests);
}
