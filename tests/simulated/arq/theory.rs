//! The variants against the formulas of the textbooks (Bertsekas and Gallager, Data Networks, section 2.4; Tanenbaum,
//! Computer Networks, section 3.4), under the assumptions that make them exact: the transmitter is the bottleneck, the
//! window is fixed, each segment has a timer of exactly one RTT, and acknowledgements take no time and are never lost.

use std::time::Duration;

use bytes::Bytes;
use wirelab::{
    arq::{Config, Congestion, Mode, SegmentKind, Timer},
    link::{LinkSpec, Loss},
    unit::{PerDirection, Time},
};

use super::pair::{IP_UDP_BYTES, Pair};

/// A segment's payload, and its bytes on the link with all headers.
const PAYLOAD: usize = 400;
const SEGMENT: u64 = 440;
const PACKET: usize = SEGMENT as usize + IP_UDP_BYTES;
/// A segment's transmission time; the delay is `A` of them.
const SLOT: Duration = Duration::from_millis(1);
const A: u32 = 8;
/// Slots of a run. At 10% loss there are at least 2,000 losses, each of which costs a few rounds. So the relative
/// standard error of a utilisation is below 2%, and a tolerance of 10% is more than three of them.
const SLOTS: u32 = 40_000;

fn round_trip() -> Duration {
    SLOT * (1 + 2 * A)
}

fn config(mode: Mode, window: u64) -> Config {
    Config {
        mode,
        congestion: Congestion::Fixed(window * SEGMENT),
        timer: Timer::Fixed(round_trip()),
        fast_retransmit: false,
        receive_window: 1 << 20,
        max_timeouts: u32::MAX,
        ..Config::default()
    }
}

fn links(loss: &str) -> PerDirection<LinkSpec> {
    let mut to_server = LinkSpec { delay: SLOT * A, ..LinkSpec::default() };
    let to_client = to_server.clone();
    to_server.set("loss", loss).expect("a loss");
    to_server.set("rate", &format!("{}bit", PACKET * 8 * 1000)).expect("a rate");
    PerDirection { to_server, to_client }
}

/// The share of slots whose segment reached the application, for a saturated sender.
fn utilisation(mode: Mode, window: u64, loss: &str) -> f64 {
    let config = config(mode, window);
    let mut pair = Pair::connected([config.clone(), config], links(loss), 1);
    while pair.links.iter().any(|link| link.poll_timeout().is_some()) {
        pair.step(|_, _| {});
    }
    let mut free = pair.now;
    let (end, before) = (pair.now + SLOT * SLOTS, pair.received[1].len());
    while pair.now < end {
        while pair.client.stats().segments as usize + 64 > pair.queued && pair.queue(PAYLOAD) {}
        pair.slot(&mut free, window);
    }
    (pair.received[1].len() - before) as f64 / f64::from(SLOTS)
}

impl Pair {
    fn queue(&mut self, bytes: usize) -> bool {
        let sent = self.client.send(Bytes::from(vec![0; bytes])).is_ok();
        self.queued += usize::from(sent);
        sent
    }

    /// The transmitter starts a segment only when the one before is sent, so nothing is queued on the link and no timer
    /// runs for a queued segment. A narrow window is spread over the round trip: sent in one burst, it would close up
    /// after each loss and lose less than the whole window of the formula.
    fn slot(&mut self, free: &mut Time, window: u64) {
        let now = self.now;
        while now >= *free
            && let Some(transmit) = self.client.poll_transmit(now)
        {
            if matches!(transmit.kind, SegmentKind::Content { .. }) {
                *free = now + SLOT.max(round_trip() / window as u32);
            }
            self.offer(0, transmit.datagram);
        }
        while let Some(transmit) = self.server.as_mut().and_then(|server| server.poll_transmit(now)) {
            self.offer(1, transmit.datagram);
        }
        let busy = (*free > now).then_some(*free);
        let next = self.next().into_iter().chain(busy).min().expect("something is under way");
        self.advance(next);
    }
}

fn assert_within_a_tenth(measured: f64, expected: f64, what: &str) {
    assert!((measured / expected - 1.0).abs() < 0.1, "{what}: {measured:.4}, the formula says {expected:.4}");
}

const LOSSES: [(&str, f64); 3] = [("1%", 0.01), ("5%", 0.05), ("10%", 0.1)];

#[test]
fn stop_and_wait_delivers_a_segment_each_round_trip() {
    let rounds = f64::from(1 + 2 * A);
    let clear = utilisation(Mode::StopAndWait, 32, "0%");
    assert!((clear * rounds - 1.0).abs() < 0.001, "{clear} of {}", 1.0 / rounds);
    for (loss, p) in LOSSES {
        let measured = utilisation(Mode::StopAndWait, 32, loss);
        assert_within_a_tenth(measured, (1.0 - p) / rounds, loss);
    }
}

#[test]
fn without_loss_a_window_is_delivered_each_round_trip() {
    let rounds = f64::from(1 + 2 * A);
    for mode in [Mode::GoBackN, Mode::Selective, Mode::Unordered] {
        for window in [1, 8, 17, 32] {
            let measured = utilisation(mode, window, "0%");
            let expected = (window as f64 / rounds).min(1.0);
            assert!(
                (measured / expected - 1.0).abs() < 0.002,
                "{mode:?}, {window}: {measured}, not {expected}"
            );
        }
    }
}

#[test]
fn go_back_n_loses_a_window_with_each_segment() {
    let (a, rounds) = (f64::from(A), f64::from(1 + 2 * A));
    for (loss, p) in LOSSES {
        let wide = utilisation(Mode::GoBackN, 32, loss);
        assert_within_a_tenth(wide, (1.0 - p) / (1.0 + 2.0 * a * p), &format!("a wide window at {loss}"));
        let w = 8.0;
        let narrow = utilisation(Mode::GoBackN, 8, loss);
        let expected = w * (1.0 - p) / (rounds * (1.0 - p + w * p));
        assert_within_a_tenth(narrow, expected, &format!("a narrow window at {loss}"));
    }
}

#[test]
fn selective_repeat_loses_one_transmission_with_each_segment() {
    let rounds = f64::from(1 + 2 * A);
    for mode in [Mode::Selective, Mode::Unordered] {
        for (loss, p) in LOSSES {
            let wide = utilisation(mode, 32, loss);
            assert_within_a_tenth(wide, 1.0 - p, &format!("{mode:?}, a wide window at {loss}"));
            let narrow = utilisation(mode, 8, loss);
            assert_within_a_tenth(
                narrow,
                8.0 * (1.0 - p) / rounds,
                &format!("{mode:?}, a narrow one at {loss}"),
            );
        }
    }
}

/// One segment of a steady sequence is lost. Returns how much later it arrives, and how many segments waited.
fn detour(mode: Mode, round_trip: Duration, interval: Duration) -> (Duration, usize) {
    let mut to_server = LinkSpec { delay: round_trip / 2, ..LinkSpec::default() };
    let to_client = to_server.clone();
    // Two hellos, then one segment per interval.
    to_server.loss = Loss::Drop(vec![2 + 30]);
    let config = Config { mode, congestion: Congestion::Fixed(1 << 20), ..Config::default() };
    let mut pair = Pair::connected([config.clone(), config], PerDirection { to_server, to_client }, 1);
    let mut due = pair.now + round_trip;
    let mut sent = Vec::new();
    while sent.len() < 120 {
        pair.run_until(due);
        pair.client.send(Bytes::from_static(&[0; PAYLOAD])).expect("room");
        sent.push(pair.now);
        due += interval;
    }
    while pair.received[1].len() < 120 {
        pair.step(|_, _| {});
    }
    let lost = pair.received[1].iter().find(|message| message.first == 29).expect("it came");
    let waited = pair.received[1].iter().filter(|message| message.released > message.arrived).count();
    assert!(pair.received[1].iter().all(|message| message.blocked_by.is_none_or(|by| by == 29)));
    assert_eq!(pair.client.stats().retransmissions, 1);
    (lost.arrived.since(sent[29] + round_trip / 2), waited)
}

#[test]
fn an_isolated_loss_is_repaired_as_late_as_the_closed_form_says() {
    let ms = Duration::from_millis;
    for (round_trip, interval) in [(ms(50), ms(10)), (ms(100), ms(10)), (ms(100), ms(2)), (ms(50), ms(20))] {
        let expected = round_trip + (3 * interval).min(interval.max(round_trip / 8));
        let (measured, waited) = detour(Mode::Selective, round_trip, interval);
        assert_eq!(measured, expected, "round trip {round_trip:?}, a segment every {interval:?}");
        let blocked = expected.as_nanos().div_ceil(interval.as_nanos()) as usize - 1;
        assert_eq!(waited, blocked, "messages that waited");
        assert_eq!(
            detour(Mode::Unordered, round_trip, interval),
            (expected, 0),
            "nothing waits without order"
        );
    }
}
