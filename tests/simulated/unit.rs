//! Values with a unit: how they are read, written and refused.

use std::time::Duration;

use proptest::prelude::*;
use wirelab::unit::{Rate, Share, Size, UnitError, format_duration, parse_duration};

fn refusal<T: std::fmt::Debug>(result: Result<T, UnitError>) -> String {
    let line = result.unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn durations_are_read_exactly() {
    let cases = [
        ("10ms", 10_000_000),
        ("2.5ms", 2_500_000),
        ("1m30s", 90_000_000_000),
        ("1m 30s", 90_000_000_000),
        ("200us", 200_000),
        ("200µs", 200_000),
        (".5s", 500_000_000),
        ("1.000000001s", 1_000_000_001),
        ("2h", 7_200_000_000_000),
        ("0ms", 0),
    ];
    for (text, nanos) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
}

#[test]
fn durations_are_refused_with_what_would_do() {
    assert_eq!(refusal(parse_duration("50")), "`50` has no unit: write 50ms or 50s");
    assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
    assert_eq!(refusal(parse_duration("1m30")), "`1m30` has no unit: write a unit after 30");
    assert_eq!(refusal(parse_duration("fast")), "`fast` is not a duration: write 50ms, 1.5s or 1m30s");
    assert_eq!(
        refusal(parse_duration("5 parsecs")),
        "`5 parsecs` has the unknown unit `parsecs`: use ns, us, ms, s, m, h or d"
    );
    // In iperf3, `-w 1M` sets the window. Here `-w` is the warm-up.
    assert_eq!(refusal(parse_duration("1M")), "`1M` has the unknown unit `M`: use ns, us, ms, s, m, h or d");
    assert_eq!(refusal(parse_duration("-5ms")), "`-5ms` is negative: a duration is at least 0");
    assert_eq!(refusal(parse_duration("0.5ns")), "`0.5ns` is finer than 1ns: leave off some decimals");
    assert_eq!(
        refusal(parse_duration("99999999999999999999s")),
        "`99999999999999999999s` is over 365d: a duration is at most that"
    );
    for text in ["", " ", ".", "1.2.3s", "s", "\n"] {
        refusal(parse_duration(text));
    }
}

#[test]
fn durations_are_written_in_the_unit_they_fill() {
    let cases = [
        (0, "0ms"),
        (999, "999ns"),
        (200_000, "200us"),
        (50_000_000, "50ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "90s"),
        (1_000_000_001, "1.000000001s"),
    ];
    for (nanos, text) in cases {
        assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
    }
}

#[test]
fn sizes_know_both_thousands() {
    let cases = [
        ("1500", 1500, "1500B"),
        ("1500B", 1500, "1500B"),
        ("128KB", 128_000, "128KB"),
        ("128KiB", 131_072, "128KiB"),
        ("1.25KiB", 1280, "1280B"),
        ("1.5MB", 1_500_000, "1500KB"),
        ("2 GiB", 2 << 30, "2GiB"),
        ("0", 0, "0B"),
    ];
    for (text, bytes, shown) in cases {
        let size: Size = text.parse().unwrap();
        assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
    }
    assert_eq!(
        refusal("5K".parse::<Size>()),
        "`5K` has the unknown unit `K`: use B, KB, KiB, MB, MiB, GB or GiB (a small b means bits)"
    );
    for bits in ["128Kb", "128kb", "1Mib", "5b"] {
        assert!(refusal(bits.parse::<Size>()).ends_with("(a small b means bits)"), "{bits}");
    }
    assert_eq!("128kB".parse::<Size>(), "128KB".parse::<Size>());
    assert_eq!(refusal("0.5B".parse::<Size>()), "`0.5B` is finer than 1 byte: leave off some decimals");
    refusal("99999999GiB".parse::<Size>());
    refusal("99999999999999999999".parse::<Size>());
    refusal("-1".parse::<Size>());
}

#[test]
fn rates_carry_their_unit() {
    for (text, bits) in [("1.5mbit", 1_500_000), ("384kbit", 384_000), ("1gbit", 1_000_000_000)] {
        let rate: Rate = text.parse().unwrap();
        assert_eq!((rate.bits_per_second(), rate.to_string().as_str()), (bits, text));
    }
    for same in ["20Mbit", "20M", "20m", "20 Mbit/s", "0.02G"] {
        assert_eq!(same.parse::<Rate>(), "20mbit".parse::<Rate>(), "{same}");
    }
    assert_eq!(refusal("20".parse::<Rate>()), "`20` has no unit: write 20mbit or 20kbit");
    assert_eq!(
        refusal("0mbit".parse::<Rate>()),
        "a rate of 0 carries nothing: write 1.5mbit, or leave the option out"
    );
    assert_eq!(
        refusal("20kbps".parse::<Rate>()),
        "`20kbps` has the unknown unit `kbps`: use bit, kbit, mbit or gbit (bits per second)"
    );
    assert_eq!(refusal("2000gbit".parse::<Rate>()), "`2000gbit` is over 1000gbit: a rate is at most that");
}

#[test]
fn shares_carry_their_percent() {
    let share: Share = "0.07%".parse().unwrap();
    assert_eq!(share.ratio(), 0.0007);
    assert_eq!(share.to_string(), "0.07%");
    assert_eq!(share.complement().to_string(), "99.93%");
    assert_eq!(serde_json::to_string(&share).unwrap(), "0.0007");
    assert_eq!("100%".parse(), Ok(Share::ONE));
    assert_eq!("0%".parse(), Ok(Share::ZERO));
    assert_eq!(refusal("0.01".parse::<Share>()), "`0.01` has no unit: write 0.01% (a ratio of 0.01 is 1%)");
    assert_eq!(refusal("101%".parse::<Share>()), "`101%` is over 100%: a share is at most that");
    assert_eq!(refusal("-1%".parse::<Share>()), "`-1%` is negative: a share is at least 0");
    refusal("0.00000000001%".parse::<Share>());
    refusal("NaN%".parse::<Share>());
}

proptest! {
    #[test]
    fn nothing_that_is_typed_panics(text in ".*") {
        let lines = [
            parse_duration(&text).err(),
            text.parse::<Size>().err(),
            text.parse::<Rate>().err(),
            text.parse::<Share>().err(),
        ];
        for line in lines.into_iter().flatten() {
            prop_assert!(!line.to_string().contains('\n'));
        }
    }

    #[test]
    fn numbers_with_units_do_not_panic(text in "-?[0-9]{0,25}[.]?[0-9]{0,25} ?(|ns|us|ms|s|m|d|KB|KiB|GiB|mbit|gbit|%)") {
        let _ = parse_duration(&text);
        let _ = text.parse::<Size>();
        let _ = text.parse::<Rate>();
        let _ = text.parse::<Share>();
    }

    #[test]
    fn what_is_displayed_reads_back(value in 0u64..31_536_000_000_000_000) {
        let duration = Duration::from_nanos(value);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        let size = Size::from_bytes(value % (1 << 50));
        prop_assert_eq!(size.to_string().parse(), Ok(size));
        let rate = Rate::from_bits_per_second(1 + value % 1_000_000_000_000).unwrap();
        prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        let percent = format!("{}.{:010}%", value % 100, value % 10_000_000_000);
        let share: Share = percent.parse().unwrap();
        prop_assert_eq!(share.to_string().parse(), Ok(share));
        prop_assert_eq!(share.complement().complement(), share);
    }
}
