//! As long as some packets pass the wire, everything sent is delivered once, and in order in the ordered modes. Every
//! run is made from a seed, which a failure prints; `WIRELAB_ARQ_SEED` runs that one alone.

use std::time::Duration;

use bytes::Bytes;
use rand::{Rng, RngExt};
use wirelab::{
    arq::{Config, Congestion, Event, Mode, SendError, Timer},
    link::{Jitter, JitterShape, LinkSpec},
    unit::{
        PerDirection, Share, Time,
        random::{ChaCha8Rng, generator},
    },
};

use super::pair::Pair;

/// Runs of the test that is not ignored.
const RUNS: u64 = 100_000;

/// The scenario of a seed.
struct Scenario {
    configs: [Config; 2],
    links: PerDirection<LinkSpec>,
    /// Messages that each end sends.
    messages: [Vec<Bytes>; 2],
    /// When each application starts to read.
    absent: [Time; 2],
}

fn share(rng: &mut ChaCha8Rng, most_percent: u32) -> Share {
    // Half of the effects are off, so that the others show alone, too.
    let percent = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=most_percent) };
    format!("{percent}%").parse().expect("a share")
}

fn link(rng: &mut ChaCha8Rng) -> LinkSpec {
    let delay = Duration::from_micros(rng.random_range(0..30_000));
    let jitter = Jitter { amount: delay.mul_f64(0.9), shape: JitterShape::Uniform };
    LinkSpec {
        delay,
        jitter: rng.random_bool(0.3).then_some(jitter),
        loss: wirelab::link::Loss::Independent(share(rng, 40)),
        duplicate: share(rng, 30),
        reorder: share(rng, 40),
        corrupt: share(rng, 20),
        ..LinkSpec::default()
    }
}

fn config(rng: &mut ChaCha8Rng, mode: Mode) -> Config {
    let timer = if rng.random_bool(0.3) {
        Timer::Fixed(Duration::from_millis(rng.random_range(20..200)))
    } else {
        Timer::Adaptive { min: Duration::from_millis(rng.random_range(1..200)), max: Duration::from_secs(2) }
    };
    Config {
        mode,
        max_datagram: 512,
        receive_window: rng.random_range(8..64),
        send_buffer: rng.random_range(500..10_000),
        timer,
        fast_retransmit: rng.random_bool(0.8),
        congestion: [Congestion::Cubic, Congestion::NewReno, Congestion::Fixed(4_000)]
            [rng.random_range(0..3)],
        ack_delay: if rng.random_bool(0.3) { Duration::from_millis(5) } else { Duration::ZERO },
        keep_alive: None,
        idle_timeout: Duration::from_secs(100_000),
        max_timeouts: 10_000,
        packet_threshold: rng.random_range(1..6),
        time_threshold: rng.random_range(1.0..2.0),
        reports_losses: false,
    }
}

fn messages(rng: &mut ChaCha8Rng) -> Vec<Bytes> {
    (0..rng.random_range(0..8))
        .map(|_| {
            let most = if rng.random_bool(0.2) { 3_000 } else { 400 };
            let mut message = vec![0; rng.random_range(0..most)];
            rng.fill_bytes(&mut message);
            message.into()
        })
        .collect()
}

impl Scenario {
    fn of(seed: u64) -> Self {
        let mut rng = generator(seed, 0);
        let mode = Mode::ALL[rng.random_range(0..4)];
        let mut absent = || {
            let absent = if rng.random_bool(0.9) { 0 } else { rng.random_range(0..2_000) };
            Time::ZERO + Duration::from_millis(absent)
        };
        let absent = [absent(), absent()];
        Self {
            configs: [config(&mut rng, mode), config(&mut rng, mode)],
            links: PerDirection::from_fn(|_| link(&mut rng)),
            messages: [messages(&mut rng), messages(&mut rng)],
            absent,
        }
    }

    /// Runs to the end. Returns an error that names what was wrong.
    fn run(self, seed: u64) -> Result<u64, String> {
        let mode = self.configs[0].mode;
        let mut pair = Pair::new(self.configs.clone(), self.links.clone(), seed);
        let mut sent = [0, 0];
        while !self.is_over(&pair) {
            if pair.now > Time::from_nanos(200_000_000_000_000) || pair.steps > 200_000 {
                return Err(format!("{mode:?} hangs at {} after {} steps", pair.now, pair.steps));
            }
            for (end, sent) in sent.iter_mut().enumerate() {
                pair.reads[end] = pair.now >= self.absent[end];
                self.feed(&mut pair, end, sent)?;
            }
            if !pair.step(|_, _| {}) {
                break;
            }
        }
        pair.reads = [true; 2];
        for end in 0..2 {
            pair.drain(end);
            let expected = &self.messages[1 - end];
            let mut got: Vec<_> = pair.received[end].iter().map(|m| (m.first, m.bytes.clone())).collect();
            if mode == Mode::Unordered {
                got.sort_by_key(|(first, _)| *first);
            }
            let got: Vec<_> = got.into_iter().map(|(_, bytes)| bytes).collect();
            if got != *expected {
                return Err(format!(
                    "{mode:?}: end {end} got {} of {} messages at {}: {:?}",
                    got.len(),
                    expected.len(),
                    pair.now,
                    pair.events
                ));
            }
            if !pair.events[end].contains(&Event::Finished) {
                return Err(format!(
                    "{mode:?}: end {end} was not told that it is all: {:?}",
                    pair.events[end]
                ));
            }
        }
        Ok(pair.steps)
    }

    /// Sends as much as there is room for and closes after the last message.
    fn feed(&self, pair: &mut Pair, end: usize, sent: &mut usize) -> Result<(), String> {
        let now = pair.now;
        let Some(connection) = pair.end(end) else { return Ok(()) };
        while let Some(message) = self.messages[end].get(*sent) {
            match connection.send(message.clone()) {
                Ok(_) => *sent += 1,
                Err(SendError::Full | SendError::NotConnected) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
        if pair.events[end].contains(&Event::Connected)
            && let Some(connection) = pair.end(end)
        {
            connection.close(now);
        }
        Ok(())
    }

    /// Both ends have read everything and know that the other closed.
    fn is_over(&self, pair: &Pair) -> bool {
        (0..2).all(|end| {
            pair.received[end].len() >= self.messages[1 - end].len()
                && pair.events[end].contains(&Event::Finished)
        }) && pair.events.iter().any(|events| events.contains(&Event::Closed(None)))
    }
}

#[test]
fn whatever_the_wire_does_everything_arrives_once_and_in_order() {
    if let Ok(seed) = std::env::var("WIRELAB_ARQ_SEED") {
        let seed = seed.parse().expect("a number");
        Scenario::of(seed).run(seed).expect("no failure");
        return;
    }
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let steps: u64 = std::thread::scope(|scope| {
        let run = |thread| {
            move || {
                let seeds = (thread..RUNS).step_by(threads as usize);
                seeds
                    .map(|seed| {
                        let run = || Scenario::of(seed).run(seed);
                        let outcome =
                            std::panic::catch_unwind(run).unwrap_or_else(|_| Err("it panicked".into()));
                        outcome.unwrap_or_else(|error| panic!("seed {seed}: {error}"))
                    })
                    .sum::<u64>()
            }
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(run(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("no failure")).sum()
    });
    assert!(steps > RUNS, "{steps} steps");
}
