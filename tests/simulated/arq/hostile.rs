//! Hostile segments cause no panic, exceed no limit, and forge no message.

use std::time::Duration;

use proptest::prelude::*;
use wirelab::{
    arq::{Config, Mode},
    unit::PerDirection,
    wire::segment::{Acknowledgement, Body, Fragment, Ranges, Segment},
};

use super::pair::Pair;

/// Numbers near the boundaries, and arbitrary ones.
fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..40u64, 1 => any::<u64>()]
}

fn bodies() -> impl Strategy<Value = Body<'static>> {
    let fragments = (prop_oneof![0..6u16, any::<u16>()], 1..9u16);
    prop_oneof![
        6 => (numbers(), fragments).prop_map(|(sequence, (index, count))| Body::Data {
            sequence,
            fragment: Fragment { index, count },
            payload: b"forged",
        }),
        1 => numbers().prop_map(|sequence| Body::Fin { sequence }),
        3 => Just(Body::Ack),
        1 => Just(Body::Ping),
        1 => numbers().prop_map(|sequence| Body::Reset { sequence }),
    ]
}

fn acknowledgements() -> impl Strategy<Value = Acknowledgement> {
    let ranges = prop::collection::vec((1..20u64, 1..20u64), 0..3);
    (numbers(), prop_oneof![0..40u32, any::<u32>()], any::<bool>(), ranges).prop_map(
        |(next, window, gap, pieces)| {
            let mut ranges = Ranges::default();
            for (offset, length) in pieces {
                let start = next.saturating_add(offset);
                ranges.push(start..start.saturating_add(length));
            }
            Acknowledgement { next, window, gap, ranges }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// The attacker knows the connection id.
    #[test]
    fn no_sequence_of_segments_makes_a_connection_panic(
        mode in 0..4usize,
        segments in prop::collection::vec((acknowledgements(), bodies(), 0..300u64), 1..40),
    ) {
        let config = Config { mode: Mode::ALL[mode], receive_window: 16, ..Config::default() };
        let mut pair = Pair::connected([config.clone(), config], PerDirection::default(), 1);
        let id = pair.client.id();
        for (acknowledgement, body, after) in segments {
            let _ = pair.client.send(b"sent".as_slice().into());
            let now = pair.now + Duration::from_millis(after);
            pair.now = now;
            pair.client.handle_segment(now, &Segment { to: id, acknowledgement, body }.encode());
            pair.client.handle_timeout(now);
            let mut transmitted = 0;
            while pair.client.poll_transmit(now).is_some() {
                transmitted += 1;
                prop_assert!(transmitted < 1000, "it never stops sending");
            }
        }
        let mut segments = 0;
        while let Some(message) = pair.client.recv(pair.now) {
            segments += message.segments;
            prop_assert_eq!(message.bytes.len(), 6 * usize::from(message.segments));
        }
        prop_assert!(segments <= 16, "{segments} segments were kept in a window of 16");
    }
}
