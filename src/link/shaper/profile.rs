//! Rates that change: a trace, steps, and seeded generators.

use std::{fmt, sync::Arc, time::Duration};

use rand::Rng;

use super::{trace::Trace, varying::Pieces};
use crate::{
    link::{ValueError, property::time_within},
    unit::{
        Rate, UnitError, format_duration, nanos, parse_duration,
        random::{ChaCha8Rng, unit},
        shown,
    },
};

/// How the rate of a link changes over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateProfile {
    /// Delivery opportunities from a file.
    Trace(Arc<Trace>),
    /// The rates, each with the instant at which it begins. The first begins at 0.
    Steps(Vec<(Duration, Rate)>),
    /// Alternates between this rate and no transmission. The times on and off are exponentially distributed, with these
    /// means.
    OnOff(Rate, Duration, Duration),
    /// Rises from the first rate to the second in [`SAWTOOTH_STEPS`] equal steps, in each period.
    Sawtooth(Rate, Rate, Duration),
    /// A random walk with this mean rate, from 0 to twice the mean. The steps are quarters of the mean, one each
    /// [`CELLULAR_SLOT`].
    Cellular(Rate),
}

/// The number of steps in a period of a sawtooth.
pub const SAWTOOTH_STEPS: u64 = 32;

const FORMS: &str = "20mbit, trace:FILE, steps:0s=20mbit:10s=2mbit, onoff:20mbit:2s:1s (mean times on and off), \
                     sawtooth:2mbit:20mbit:5s or cellular:12mbit";

impl RateProfile {
    /// Parses a rate that changes; `None` if `text` has another form.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, ValueError> {
        let form = || ValueError::Form { text: shown(text), forms: FORMS };
        let Some((name, rest)) = text.split_once(':') else { return Ok(None) };
        if name == "trace" {
            return Ok(Some(Self::Trace(Arc::new(Trace::read(rest)?))));
        }
        let values: Vec<&str> = rest.split(':').collect();
        Ok(Some(match (name, values.as_slice()) {
            ("steps", steps) => Self::Steps(parse_steps(steps)?.ok_or_else(form)?),
            ("onoff", [rate, on, off]) => Self::OnOff(rate.parse()?, time(on)?, time(off)?),
            ("sawtooth", [low, high, period]) => {
                let (low, high): (Rate, Rate) = (low.parse()?, high.parse()?);
                if low >= high {
                    return Err(form());
                }
                Self::Sawtooth(low, high, time(period)?)
            }
            ("cellular", [rate]) => {
                let rate: Rate = rate.parse()?;
                Rate::from_bits_per_second(rate.bits_per_second() * 2)?;
                Self::Cellular(rate)
            }
            _ => return Err(form()),
        }))
    }

    /// The mean rate. For steps it is the first rate, because the last step never ends.
    pub(in crate::link) fn mean(&self) -> Result<Rate, UnitError> {
        let bits = |rate: &Rate| u128::from(rate.bits_per_second());
        let mean = match self {
            Self::Trace(trace) => trace.mean(),
            Self::Steps(steps) => return steps.first().map(|(_, rate)| *rate).ok_or(UnitError::ZeroRate),
            Self::OnOff(rate, on, off) => {
                bits(rate) * u128::from(nanos(*on)) / u128::from(nanos(*on) + nanos(*off))
            }
            Self::Sawtooth(low, high, _) => (bits(low) + bits(high)) / 2,
            Self::Cellular(rate) => return Ok(*rate),
        };
        Rate::from_bits_per_second(u64::try_from(mean).unwrap_or(u64::MAX).max(1))
    }

    /// The rate in pieces; `None` for a trace, which has no rate. `rng` is called if the rate is random.
    pub(super) fn pieces(&self, rng: impl FnOnce() -> ChaCha8Rng) -> Option<Box<dyn Pieces>> {
        Some(match self {
            Self::Trace(_) => return None,
            Self::Steps(steps) => {
                let steps = steps.iter().map(|(from, rate)| (nanos(*from), rate.bits_per_second()));
                Box::new(Steps { steps: steps.collect(), current: 0 })
            }
            Self::OnOff(rate, on, off) => {
                let (rate, means) = (rate.bits_per_second(), [nanos(*off), nanos(*on)]);
                Box::new(OnOff { rate, means, is_on: false, until: 0, rng: rng() })
            }
            Self::Sawtooth(low, high, period) => {
                let (low, high) = (low.bits_per_second(), high.bits_per_second());
                Box::new(Sawtooth { low, high, period: nanos(*period) })
            }
            Self::Cellular(mean) => Box::new(Cellular::new(mean.bits_per_second(), rng())),
        })
    }
}

/// Parses `0s=20mbit`, `10s=2mbit`, ...; `None` if they do not begin at 0 or are not in order.
fn parse_steps(steps: &[&str]) -> Result<Option<Vec<(Duration, Rate)>>, ValueError> {
    let mut parsed: Vec<(Duration, Rate)> = Vec::new();
    for step in steps {
        let Some((from, rate)) = step.split_once('=') else { return Ok(None) };
        let (from, rate) = (parse_duration(from)?, rate.parse::<Rate>()?);
        let is_next = match parsed.last() {
            Some((before, _)) => from > *before,
            None => from.is_zero(),
        };
        if !is_next {
            return Ok(None);
        }
        parsed.push((from, rate));
    }
    Ok((!parsed.is_empty()).then_some(parsed))
}

/// Parses a time from 1 ms to an hour.
fn time(text: &str) -> Result<Duration, ValueError> {
    time_within(text, Duration::from_millis(1)..=Duration::from_secs(3600), "a time from 1ms to 1h")
}

impl fmt::Display for RateProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(trace) => trace.fmt(f),
            Self::Steps(steps) => {
                f.write_str("steps")?;
                steps.iter().try_for_each(|(from, rate)| write!(f, ":{}={rate}", format_duration(*from)))
            }
            Self::OnOff(rate, on, off) => {
                write!(f, "onoff:{rate}:{}:{}", format_duration(*on), format_duration(*off))
            }
            Self::Sawtooth(low, high, period) => {
                write!(f, "sawtooth:{low}:{high}:{}", format_duration(*period))
            }
            Self::Cellular(rate) => write!(f, "cellular:{rate}"),
        }
    }
}

#[derive(Debug)]
struct Steps {
    /// The start of each step in nanoseconds, and its rate.
    steps: Vec<(u64, u64)>,
    current: usize,
}

impl Pieces for Steps {
    fn at(&mut self, now: u64) -> (u64, u64) {
        let until = |next: usize| self.steps.get(next).map_or(u64::MAX, |(from, _)| *from);
        while until(self.current + 1) <= now {
            self.current += 1;
        }
        let rate = self.steps.get(self.current).map_or(1, |(_, rate)| *rate);
        (rate, until(self.current + 1))
    }
}

#[derive(Debug)]
struct OnOff {
    rate: u64,
    /// The mean time off and the mean time on.
    means: [u64; 2],
    is_on: bool,
    until: u64,
    rng: ChaCha8Rng,
}

impl Pieces for OnOff {
    /// The first period is on.
    fn at(&mut self, now: u64) -> (u64, u64) {
        while self.until <= now {
            self.is_on = !self.is_on;
            let mean = self.means[usize::from(self.is_on)] as f64;
            // 1 - u lies in (0, 1], where the logarithm is finite.
            let length = -mean * libm::log(1.0 - unit(&mut self.rng));
            self.until = self.until.saturating_add((length as u64).max(1));
        }
        (if self.is_on { self.rate } else { 0 }, self.until)
    }
}

#[derive(Debug)]
struct Sawtooth {
    low: u64,
    high: u64,
    period: u64,
}

impl Pieces for Sawtooth {
    fn at(&mut self, now: u64) -> (u64, u64) {
        let (start, within) = (now - now % self.period, now % self.period);
        // The step that holds at `within`: the last that begins at or before it.
        let begins =
            |step: u64| (u128::from(self.period) * u128::from(step)).div_ceil(SAWTOOTH_STEPS.into()) as u64;
        let step = (0..SAWTOOTH_STEPS).rev().find(|step| begins(*step) <= within).unwrap_or(0);
        let rise = u128::from(self.high - self.low) * u128::from(step) / u128::from(SAWTOOTH_STEPS - 1);
        (self.low + rise as u64, start.saturating_add(begins(step + 1)))
    }
}

/// A Markov chain of nine rates, from 0 to twice the mean in quarters. Every [`CELLULAR_SLOT`] it goes up, down, or
/// stays, each with probability 1/3; at the lowest and the highest rate it stays instead of leaving the range. All
/// rates are equally likely, also the first.
#[derive(Debug)]
struct Cellular {
    mean: u64,
    quarters: u64,
    until: u64,
    rng: ChaCha8Rng,
}

/// The time between two steps of the cellular model.
pub const CELLULAR_SLOT: Duration = Duration::from_millis(100);

const MOST_QUARTERS: u64 = 8;

impl Cellular {
    fn new(mean: u64, mut rng: ChaCha8Rng) -> Self {
        let quarters = Self::below(&mut rng, MOST_QUARTERS + 1);
        Self { mean, quarters, until: nanos(CELLULAR_SLOT), rng }
    }

    /// A draw from 0 to `bound` - 1.
    fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
        // Below `bound`.
        ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

impl Pieces for Cellular {
    fn at(&mut self, now: u64) -> (u64, u64) {
        while self.until <= now {
            self.quarters = match Self::below(&mut self.rng, 3) {
                0 => self.quarters.saturating_sub(1),
                1 => (self.quarters + 1).min(MOST_QUARTERS),
                _ => self.quarters,
            };
            self.until = self.until.saturating_add(nanos(CELLULAR_SLOT));
        }
        (self.mean * self.quarters / 4, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Shaper, varying::Varying},
        *,
    };
    use crate::unit::{Time, random::generator};

    fn shaper(text: &str) -> Varying {
        let profile = RateProfile::parse(text).unwrap().unwrap();
        Varying::new(profile.pieces(|| generator(1, 0)).unwrap())
    }

    #[test]
    fn a_packet_in_transmission_continues_at_the_new_rate() {
        // 1000 bytes take 0.8 ms, or 8 ms from 1 ms on, or 1 ms from 11 ms on.
        let mut shaper = shaper("steps:0s=10mbit:1ms=1mbit:11ms=8mbit");
        let mut sent = |offered_us: u64| {
            let sent = shaper.transmit(Time::from_nanos(offered_us * 1000), 1000);
            (sent.starts.as_nanos() / 1000, sent.departs.as_nanos() / 1000)
        };
        assert_eq!(sent(0), (0, 800));
        // 2000 of 8000 bits until 1 ms, the others at 1 Mbit/s.
        assert_eq!(sent(0), (800, 7000));
        // 4000 bits until 11 ms, and 4000 at 8 Mbit/s.
        assert_eq!(sent(0), (7000, 11_500));
        assert_eq!(sent(20_000), (20_000, 21_000));
    }

    #[test]
    fn fractions_of_a_nanosecond_are_carried_over_a_busy_period() {
        let mut shaper = shaper("steps:0s=7mbit:1h=1mbit");
        for number in 1..=1000u64 {
            let sent = shaper.transmit(Time::ZERO, 1200);
            assert_eq!(sent.departs.as_nanos(), (number * 1200 * 8_000).div_ceil(7));
        }
    }

    #[test]
    fn generators_send_their_mean_rate_and_depend_on_the_seed_alone() {
        for (text, tolerance) in [
            // Two hours: some 2400 times on and off; the share of time on varies by 1.2% (one standard error).
            ("onoff:30mbit:2s:1s", 0.04),
            ("sawtooth:2mbit:38mbit:5s", 0.001),
            // 72,000 slots that are correlated over some 80: one standard error is 2%.
            ("cellular:20mbit", 0.06),
        ] {
            let end = 7_200_000_000_000u64;
            let mut shapers = [shaper(text), shaper(text)];
            let mut packets = 0u64;
            loop {
                let [first, second] = shapers.each_mut().map(|shaper| shaper.transmit(Time::ZERO, 15_000));
                assert_eq!(first, second);
                if first.departs.as_nanos() > end {
                    break;
                }
                packets += 1;
            }
            let mean = (packets * 15_000 * 8) as f64 / (end as f64 / 1e9);
            assert!((mean / 20e6 - 1.0).abs() < tolerance, "{text}: {mean}");
        }
    }

    #[test]
    fn nothing_starts_while_the_link_is_off() {
        let mut shaper = shaper("onoff:30mbit:10ms:10ms");
        let mut pieces = RateProfile::parse("onoff:30mbit:10ms:10ms").unwrap().unwrap();
        let mut pieces = {
            let profile = &mut pieces;
            profile.pieces(|| generator(1, 0)).unwrap()
        };
        for number in 0..10_000u64 {
            let sent = shaper.transmit(Time::from_nanos(number * 7_000_000), 1000);
            assert!(pieces.at(sent.starts.as_nanos()).0 > 0, "{number}");
        }
    }

    #[test]
    fn profiles_are_written_as_they_are_read() {
        for text in [
            "steps:0ms=20mbit:10s=2mbit:12s=20mbit",
            "onoff:20mbit:2s:1s",
            "sawtooth:2mbit:20mbit:5s",
            "cellular:12mbit",
        ] {
            let profile = RateProfile::parse(text).unwrap().unwrap();
            assert_eq!(RateProfile::parse(&profile.to_string()), Ok(Some(profile.clone())), "{profile}");
        }
        for wrong in [
            "steps:",
            "steps:1s=2mbit",
            "steps:0s=2mbit:0s=1mbit",
            "onoff:20mbit",
            "onoff:20mbit:0s:1s",
            "sawtooth:2mbit:2mbit:1s",
            "cellular:",
            "waves:1",
            "trace:/no/such/file",
        ] {
            let error = RateProfile::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
