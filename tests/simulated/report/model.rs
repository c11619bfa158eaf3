//! Values of the result file, and the text of `hol --explain`.

use proptest::prelude::*;
use wirelab::report::{OrderedUnits, Ratio, explain_hol};

#[test]
fn a_denominator_of_zero_gives_no_ratio() {
    assert_eq!(Ratio::of(0, 0), None);
    assert_eq!(Ratio::of(1, 0), None);
    assert_eq!(Ratio::new(f64::NAN), None);
}

#[test]
fn six_decimals_are_written_and_zero_has_one_sign() {
    assert_eq!(serde_json::to_string(&Ratio::of(1, 3)).unwrap(), "0.333333");
    assert_eq!(serde_json::to_string(&Ratio::new(-1e-9)).unwrap(), "0.0");
}

proptest! {
    #[test]
    fn a_ratio_read_back_is_written_to_the_same_bytes(a in 0u64..1 << 40, b in 1u64..1 << 40) {
        let written = serde_json::to_string(&Ratio::of(a, b)).unwrap();
        let read: Option<Ratio> = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }
}

#[test]
fn every_transport_is_named_with_its_unit() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let units = OrderedUnits {
        message: names(&["udp", "quic-message"]),
        flow: names(&["quic-flow"]),
        all: names(&["tcp", "tls", "arq-selective"]),
    };
    let text = explain_hol(&units);
    assert!(text.contains("  the message   udp and quic-message\n"), "{text}");
    assert!(text.contains("  all messages  tcp, tls and arq-selective\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 82), "{text}");
}
