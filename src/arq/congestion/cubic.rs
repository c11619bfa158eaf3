//! CUBIC (RFC 9438). After a loss the window follows a cubic curve that is flat around its previous maximum.

use super::{Acked, Controller, initial_window};
use crate::unit::Time;

/// The multiplicative decrease factor (section 4.6).
const BETA: f64 = 0.7;
/// Datagrams per second cubed (section 5.1).
const C: f64 = 0.4;
/// The additive increase that makes the Reno-friendly region as aggressive as Reno with [`BETA`] (section 4.3).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

#[derive(Debug)]
pub(super) struct Cubic {
    datagram: f64,
    /// The window in bytes, as are all windows here.
    window: f64,
    threshold: f64,
    /// `W_max`: the window before the last loss, reduced by fast convergence (section 4.7).
    max: f64,
    /// `cwnd_prior`: the window at the last loss.
    prior: f64,
    epoch: Option<Epoch>,
}

/// Congestion avoidance since the last loss.
#[derive(Debug)]
struct Epoch {
    start: Time,
    /// `K`: seconds from the start until the curve reaches `W_max` again (section 4.2).
    plateau: f64,
    /// `W_est`: the window of Reno (section 4.3).
    reno: f64,
}

impl Cubic {
    pub(super) fn new(datagram: u64) -> Self {
        Self {
            datagram: datagram as f64,
            window: initial_window(datagram) as f64,
            threshold: f64::INFINITY,
            max: 0.0,
            prior: f64::INFINITY,
            epoch: None,
        }
    }

    fn begin(&self, now: Time) -> Epoch {
        let below = (self.max - self.window).max(0.0) / self.datagram;
        Epoch { start: now, plateau: libm::cbrt(below / C), reno: self.window }
    }

    /// Sections 4.4 and 4.5: approaches the value of the curve one RTT from now.
    fn avoid(&mut self, ack: Acked) {
        let mut epoch = self.epoch.take().unwrap_or_else(|| self.begin(ack.now));
        let after = (ack.now.since(epoch.start) + ack.rtt).as_secs_f64() - epoch.plateau;
        let top = self.max.max(self.window.min(epoch.reno));
        let curve = C * after * after * after * self.datagram + top;
        let target = curve.clamp(self.window, 1.5 * self.window);
        let share = ack.bytes as f64 / self.window;
        let alpha = if epoch.reno >= self.prior { 1.0 } else { ALPHA };
        epoch.reno += alpha * share * self.datagram;
        self.window = (self.window + (target - self.window) * share).max(epoch.reno);
        self.epoch = Some(epoch);
    }

    fn reduce(&mut self) {
        let fast_convergence = if self.window < self.max { (1.0 + BETA) / 2.0 } else { 1.0 };
        self.max = self.window * fast_convergence;
        self.prior = self.window;
        self.threshold = (self.window * BETA).max(2.0 * self.datagram);
        self.epoch = None;
    }
}

impl Controller for Cubic {
    fn on_ack(&mut self, ack: Acked) {
        if self.window < self.threshold {
            self.window += ack.bytes as f64;
        } else {
            self.avoid(ack);
        }
    }

    fn on_loss(&mut self) {
        self.reduce();
        self.window = self.threshold;
    }

    /// Section 4.8.
    fn on_timeout(&mut self, _: u64) {
        self.reduce();
        self.window = self.datagram;
    }

    fn window(&self) -> u64 {
        self.window as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    /// The window after each of `rounds` round trips from `now` on, in datagrams.
    fn rounds(controller: &mut Cubic, now: &mut Time, rounds: usize) -> Vec<f64> {
        let mut windows = Vec::new();
        for _ in 0..rounds {
            for _ in 0..controller.window() / 1000 {
                controller.on_ack(Acked { now: *now, bytes: 1000, rtt: RTT });
            }
            *now += RTT;
            windows.push(controller.window / 1000.0);
        }
        windows
    }

    #[test]
    fn a_loss_leaves_seven_tenths_and_the_curve_is_back_after_k_seconds() {
        let mut controller = Cubic::new(1000);
        controller.window = 1_000_000.0;
        controller.on_loss();
        assert_eq!(controller.window(), 700_000);
        // K = cbrt(300 / 0.4) = 9.09 s.
        let mut now = Time::ZERO;
        let windows = rounds(&mut controller, &mut now, 91);
        assert!((windows[90] - 1000.0).abs() < 5.0, "{}", windows[90]);
        let early = windows[10] - windows[0];
        let late = windows[90] - windows[80];
        assert!(early > 10.0 * late, "steep at first ({early}), flat near the maximum ({late})");
    }

    #[test]
    fn small_windows_grow_as_renos_do() {
        let mut controller = Cubic::new(1000);
        controller.window = 20_000.0;
        controller.on_loss();
        let mut now = Time::ZERO;
        let windows = rounds(&mut controller, &mut now, 10);
        let growth = (windows[9] - windows[0]) / 9.0;
        assert!((0.5..=0.8).contains(&growth), "{growth} datagrams a round trip, alpha is {ALPHA:.2}");
    }
}
