//! Numbers as text, with units that suit them.

use super::model::Ratio;

type Units = [(u64, &'static str); 4];

const TIMES: Units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];

/// A time of zero, in the unit that most other times have.
const ZERO: &str = "0 ms";

const RATES: Units = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s"), (1, "bit/s")];

/// A measured time to the three significant digits that a histogram holds: `50.0 ms`.
pub(crate) fn time(ns: u64) -> String {
    if ns == 0 { ZERO.to_owned() } else { measured(ns, TIMES) }
}

/// A measured rate to three significant digits: `9.41 Mbit/s`.
pub(crate) fn throughput(bps: u64) -> String {
    measured(bps, RATES)
}

fn measured(value: u64, units: Units) -> String {
    let mut step = 1;
    while value / step >= 1000 {
        step *= 10;
    }
    // Rounded before the unit is chosen: 999.9 us is 1.00 ms.
    let rounded = (value.saturating_add(step / 2) / step).saturating_mul(step);
    let (scale, unit) = unit_of(rounded, units);
    let decimals = match (scale, rounded / scale) {
        (1, _) | (_, 100..) => 0,
        (_, 10..) => 1,
        _ => 2,
    };
    format!("{:.decimals$} {unit}", rounded as f64 / scale as f64)
}

/// A configured time, exact and without trailing zeros: `50 ms`, `112.5 ms`.
pub(crate) fn setting(ns: u64) -> String {
    if ns == 0 {
        return ZERO.to_owned();
    }
    let (scale, unit) = unit_of(ns, TIMES);
    format!("{} {unit}", decimal(ns, scale))
}

/// A round time beside an axis; zero has no unit.
pub(crate) fn instant(ns: f64) -> String {
    let ns = libm::round(ns) as u64;
    if ns == 0 { "0".to_owned() } else { setting(ns) }
}

/// A configured rate: `20 Mbit/s`.
pub(crate) fn rate(bps: u64) -> String {
    let (scale, unit) = unit_of(bps, RATES);
    format!("{} {unit}", decimal(bps, scale))
}

fn unit_of(value: u64, units: Units) -> (u64, &'static str) {
    units.into_iter().find(|&(scale, _)| value >= scale).unwrap_or(units[units.len() - 1])
}

/// `value / scale` without trailing zeros; `scale` is a power of ten.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, part) = (value / scale, value % scale);
    if part == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// A share that was set, in percent, exact to a billionth of a percent.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.9}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A share in percent. Only exact values read `0%` and `100%`; what rounds to them reads `<0.01%` and `>99.99%`.
pub(crate) fn share(ratio: Ratio) -> String {
    let ratio = ratio.get();
    match ratio {
        0.0 => "0%".to_owned(),
        1.0 => "100%".to_owned(),
        _ if 0.0 < ratio && ratio < 0.000_05 => "<0.01%".to_owned(),
        _ if 0.999_95 < ratio && ratio < 1.0 => ">99.99%".to_owned(),
        _ => format!("{:.2}%", ratio * 100.0),
    }
}

/// A whole number with thousands separators: `1,234`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `mean` of counts; without decimals it reads like [`count`].
pub(crate) fn mean(mean: f64, decimals: usize) -> String {
    if decimals == 0 { count(libm::round(mean) as u64) } else { format!("{mean:.decimals$}") }
}

/// `n` items, in the plural unless it is one.
pub(crate) fn plural(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_significant_digits_and_a_suitable_unit() {
        for (ns, text) in [
            (0, "0 ms"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (12_345, "12.3 us"),
            (999_900, "1.00 ms"),
            (49_950_000, "50.0 ms"),
            (162_400_000, "162 ms"),
            (999_600_000, "1.00 s"),
            (3_600_000_000_000, "3600 s"),
        ] {
            assert_eq!(time(ns), text);
        }
        assert_eq!(time(u64::MAX), "18400000000 s");
    }

    #[test]
    fn settings_are_exact() {
        for (ns, text) in [
            (10_000_000, "10 ms"),
            (112_500_000, "112.5 ms"),
            (60_000_000_000, "60 s"),
            (1, "1 ns"),
            (0, "0 ms"),
        ] {
            assert_eq!(setting(ns), text);
        }
        assert_eq!(rate(2_500_000), "2.5 Mbit/s");
    }

    #[test]
    fn shares_that_were_set_read_as_they_were_written() {
        for (share, text) in
            [(0.07, "7%"), (0.0, "0%"), (0.001, "0.1%"), (1.0, "100%"), (0.000_001, "0.0001%")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn only_exact_shares_read_as_none_and_all() {
        let of = |a, b| share(Ratio::of(a, b).unwrap());
        assert_eq!(of(0, 10), "0%");
        assert_eq!(of(10, 10), "100%");
        assert_eq!(of(1, 100_000), "<0.01%");
        assert_eq!(of(99_999, 100_000), ">99.99%");
        assert_eq!(of(199, 10_000), "1.99%");
    }

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
