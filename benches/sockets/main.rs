//! Speed of real sockets, each figure beside that of a well-known program, taken by turns in one run.
//!
//! Client and server are pinned: waking a thread on another core costs tens of microseconds, so the
//! scheduler's placement would decide more than the code. Peers that are not installed are reported as missing.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod bulk;
mod bulk_quinn;
#[path = "../loopback/common.rs"]
mod common;
#[path = "../loopback/peers.rs"]
mod peers;
mod requests;
mod round_trip;
mod stream;
mod tools;
mod veth;

use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Bytes of a message and of its echo, where requests are counted.
const LENGTH: usize = 64;
/// Messages in flight where requests are counted.
const WINDOW: u64 = 64;
/// How often two programs take turns.
const TURNS: usize = 7;

/// A client and its echo server.
trait Echo {
    /// Sends `messages`, with at most `window` of them in flight, and returns the time until all echoes are back.
    fn exchange(&mut self, messages: u64, window: u64) -> Duration;
}

/// Pins this thread, and those that it starts, to `core`, if it exists.
fn pin(core: usize) {
    pin_to([core]);
}

fn pin_to(cores: impl IntoIterator<Item = usize>) {
    let mut set = CpuSet::new();
    cores.into_iter().for_each(|core| set.set(core));
    // On a machine with one core there is nothing to pin.
    let _ = sched_setaffinity(None, &set);
}

/// Measures two things by turns, and returns the medians.
fn by_turns(ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> Option<f64>) -> (f64, Option<f64>) {
    let (ours, [theirs]) = all_by_turns(ours, [&mut theirs]);
    (ours, theirs)
}

/// Measures one thing and several others by turns, and returns the medians.
fn all_by_turns<const N: usize>(
    mut ours: impl FnMut() -> f64,
    mut others: [&mut dyn FnMut() -> Option<f64>; N],
) -> (f64, [Option<f64>; N]) {
    let (mut figures, mut theirs) = (Vec::new(), [const { Vec::new() }; N]);
    for _ in 0..TURNS {
        figures.push(ours());
        others.iter_mut().zip(&mut theirs).for_each(|(other, figures)| figures.extend(other()));
    }
    (median(figures), theirs.map(|figures| (!figures.is_empty()).then(|| median(figures))))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// One line of the table. `aim` is the quotient to reach.
fn print(what: &str, unit: &str, peer: &str, (ours, theirs): (f64, Option<f64>), aim: &str) {
    match theirs {
        Some(theirs) => println!(
            "{what:<46} {ours:>10.1} {unit:<8} {peer:<22} {theirs:>10.1}   ratio {:>5.2}  {aim}",
            ours / theirs
        ),
        None => println!("{what:<46} {ours:>10.1} {unit:<8} {peer} is not here to compare  {aim}"),
    }
}

fn main() {
    // Skip the options that cargo adds.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("medians of {TURNS} turns; ours, then the other's, then ours over the other's");
    let parts: [(&str, fn()); 11] = [
        ("round-trip", round_trip::measure),
        ("secured", round_trip::measure_secured),
        ("stream", stream::measure),
        ("veth", veth::measure),
        ("echoes", requests::measure_udp),
        ("quic-one", requests::measure_quic_one),
        ("quic-datagram", requests::measure_quic_datagram),
        ("quic-message", requests::measure_quic_message),
        ("bulk-tcp", bulk::measure_tcp),
        ("bulk-quic", bulk::measure_quic),
        ("bulk-udp", bulk::measure_udp),
    ];
    let known = |word: &String| parts.iter().any(|(name, _)| name.contains(word.as_str()));
    if let Some(word) = wanted.iter().find(|word| !known(word)) {
        println!("no part is called {word}: there are {}", parts.map(|(name, _)| name).join(", "));
    }
    for (name, measure) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            measure();
        }
    }
}
