//! Segments of ARQ.

use proptest::prelude::*;
use wirelab::wire::segment::{
    Acknowledgement, Body, ConnectionId, Cookie, Fragment, Greeting, HELLO_BYTES, MAX_RANGES, Mode, Ranges,
    Segment, codec::with_check,
};

/// The bit in the count of ranges which says that more is missing.
const GAP: u8 = 0x80;

fn greetings() -> impl Strategy<Value = Greeting> {
    (any::<u64>(), any::<[u8; 16]>(), any::<u16>(), 0..4usize).prop_map(
        |(from, cookie, max_datagram, mode)| Greeting {
            from: ConnectionId(from),
            cookie: Cookie(cookie),
            max_datagram,
            mode: Mode::ALL[mode],
        },
    )
}

fn bodies(payload: &[u8]) -> impl Strategy<Value = Body<'_>> {
    prop_oneof![
        greetings().prop_map(Body::Hello),
        greetings().prop_map(Body::Challenge),
        (any::<u32>(), any::<u16>(), 1..u16::MAX).prop_map(move |(first, index, count)| Body::Data {
            sequence: u64::from(first) + u64::from(index % count),
            fragment: Fragment { index: index % count, count },
            payload,
        }),
        any::<u64>().prop_map(|sequence| Body::Fin { sequence }),
        Just(Body::Ack),
        Just(Body::Ping),
        any::<u64>().prop_map(|sequence| Body::Reset { sequence }),
    ]
}

const PAYLOAD: &[u8] = b"a payload";

prop_compose! {
    fn segments()(
        to: u64, next: u32, window: u32, gap: bool,
        pieces in prop::collection::vec((1..1000u64, 1..1000u64), 0..MAX_RANGES),
        body in bodies(PAYLOAD),
    ) -> Segment<'static> {
        let greets = matches!(body, Body::Hello(_) | Body::Challenge(_));
        let next = if greets { 0 } else { u64::from(next) };
        let mut ranges = Ranges::default();
        for (offset, length) in pieces.iter().filter(|_| !greets) {
            ranges.push(next + offset..next + offset + length);
        }
        let acknowledgement = Acknowledgement { next, window, gap: gap && !greets, ranges };
        Segment { to: ConnectionId(to), acknowledgement, body }
    }
}

proptest! {
    #[test]
    fn a_segment_reads_as_it_was_written(segment in segments()) {
        let bytes = segment.encode();
        prop_assert_eq!(Segment::parse(&bytes), Ok(segment));
    }

    #[test]
    fn one_flipped_bit_is_always_seen(segment in segments(), bit: usize) {
        let mut bytes = segment.encode();
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Segment::parse(&bytes).is_err());
    }

    #[test]
    fn what_parses_is_written_as_it_was_read(mut bytes in prop::collection::vec(any::<u8>(), 40..600)) {
        bytes[2] %= 9;
        bytes[3] &= GAP | 3;
        bytes = with_check(&bytes);
        if let Ok(segment) = Segment::parse(&bytes) {
            prop_assert_eq!(segment.encode(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = Segment::parse(&bytes);
    }
}

#[test]
fn a_hello_is_larger_than_its_answer() {
    let greeting = Greeting {
        from: ConnectionId(1),
        cookie: Cookie::default(),
        max_datagram: 1200,
        mode: Mode::Selective,
    };
    let segment = |body| Segment { to: ConnectionId(0), acknowledgement: Acknowledgement::default(), body };
    assert_eq!(segment(Body::Hello(greeting)).encode().len(), HELLO_BYTES);
    assert!(segment(Body::Challenge(greeting)).encode().len() < HELLO_BYTES / 3);
}
