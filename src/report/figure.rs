//! A figure of a table: a number that knows what it measures.

use std::fmt;

use super::{
    model::{Amount, Ratio},
    numbers,
};

/// A number and its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// Nanoseconds.
    Time(u64),
    /// A part of a whole.
    Share(Ratio),
    /// An interval of shares.
    Shares([Ratio; 2]),
    /// Bits per second.
    Throughput(u64),
    Count(u64),
    /// A mean of counts, with its number of decimals.
    Mean(f64, usize),
    /// Means to the server and to the client, with their number of decimals.
    UpDown([f64; 2], usize),
    /// The longest time that one gap held messages back, and how many.
    Stall {
        ns: u64,
        messages: u64,
    },
    /// Lost packets that a sender detected, packets that it declared lost although they arrived, and the mean time
    /// until it detected a loss.
    Found {
        losses: u64,
        false_losses: u64,
        ns: Option<u64>,
    },
    /// A difference between two rows, and its 95% confidence interval.
    Difference(Amount, Option<[Amount; 2]>),
}

impl Figure {
    /// The figure as a number, for a curve; `None` if one number cannot express it.
    pub(crate) fn height(self) -> Option<f64> {
        match self {
            Self::Time(n) | Self::Throughput(n) | Self::Count(n) => Some(n as f64),
            Self::Share(ratio) => Some(ratio.get()),
            Self::Mean(value, _) => Some(value),
            Self::Shares(_)
            | Self::UpDown(..)
            | Self::Stall { .. }
            | Self::Found { .. }
            | Self::Difference(..) => None,
        }
    }

    /// A figure of the same kind for another number, for an axis.
    pub(crate) fn with_height(self, height: f64) -> Self {
        match self {
            Self::Time(_) => Self::Time(height as u64),
            Self::Throughput(_) => Self::Throughput(height as u64),
            Self::Count(_) => Self::Count(height as u64),
            Self::Share(ratio) => Self::Share(Ratio::new(height).unwrap_or(ratio)),
            Self::Mean(_, decimals) => Self::Mean(height, decimals),
            other => other,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::Time(ns) => numbers::time(ns),
            Self::Share(ratio) => numbers::share(ratio),
            Self::Shares(ends) => ends.map(numbers::share).join(" to "),
            Self::Throughput(bps) => numbers::throughput(bps),
            Self::Count(n) => numbers::count(n),
            Self::Mean(value, decimals) => numbers::mean(value, decimals),
            Self::UpDown([up, down], decimals) => {
                format!("{}/{}", numbers::mean(up, decimals), numbers::mean(down, decimals))
            }
            Self::Stall { ns, messages } => format!("{} ({})", numbers::time(ns), numbers::count(messages)),
            Self::Found { losses, false_losses, ns } => {
                let sum = format!("{} + {}", numbers::count(losses), numbers::count(false_losses));
                ns.map_or(sum.clone(), |ns| format!("{sum} ({})", numbers::time(ns)))
            }
            Self::Difference(seen, ci95) => difference(seen, ci95),
        };
        f.write_str(&text)
    }
}

/// `+113 ms (+102 to +113)`: the unit is repeated only where it changes.
fn difference(seen: Amount, ci95: Option<[Amount; 2]>) -> String {
    let is_zero = |amount: &Amount| match amount {
        Amount::Nanos(ns) => *ns == 0,
        Amount::Ratio(ratio) => ratio.get() == 0.0,
    };
    if is_zero(&seen) && ci95.is_none_or(|ends| ends.iter().all(is_zero)) {
        return "no difference".to_owned();
    }
    let (value, unit) = signed(seen);
    let Some(ends) = ci95 else { return format!("{value}{unit} (no interval)") };
    let [low, high] = ends.map(signed);
    let same_unit = [&low, &high].iter().all(|(_, other)| *other == unit || other.is_empty());
    let [low, high] = [low, high].map(|(value, unit)| if same_unit { value } else { value + &unit });
    format!("{value}{unit} ({low} to {high})")
}

/// A difference with its sign, and its unit behind a space. Shares differ by percentage points, without a unit.
fn signed(amount: Amount) -> (String, String) {
    match amount {
        Amount::Nanos(0) => ("0".to_owned(), String::new()),
        Amount::Nanos(ns) => {
            let sign = if ns < 0 { '-' } else { '+' };
            let time = numbers::time(ns.unsigned_abs());
            let split = time.find(' ').unwrap_or(time.len());
            (format!("{sign}{}", &time[..split]), time[split..].to_owned())
        }
        Amount::Ratio(ratio) => {
            let text = format!("{:+.2}", ratio.get() * 100.0);
            // A value that rounds to zero has no sign.
            let is_zero = text.ends_with("0.00") && text.len() == "+0.00".len();
            (if is_zero { "0.00".to_owned() } else { text }, String::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_repeats_the_unit_only_where_it_changes() {
        let figure = |seen, low, high| {
            let ends = [low, high].map(Amount::Nanos);
            Figure::Difference(Amount::Nanos(seen), Some(ends)).to_string()
        };
        assert_eq!(figure(113_000_000, 0, 113_000_000), "+113 ms (0 to +113)");
        assert_eq!(figure(1_750_000, -75_800, 4_050_000), "+1.75 ms (-75.8 us to +4.05 ms)");
        assert_eq!(figure(0, 0, 0), "no difference");
        assert_eq!(figure(0, -1_000, 1_000), "0 (-1.00 us to +1.00 us)");
        let points = |share| Amount::Ratio(Ratio::new(share).unwrap());
        let near = Figure::Difference(points(-0.000_01), Some([points(-0.000_2), points(0.000_01)]));
        assert_eq!(near.to_string(), "0.00 (-0.02 to 0.00)");
        assert_eq!(Figure::Difference(points(0.1035), None).to_string(), "+10.35 (no interval)");
    }
}
