//! Arbitrary bytes: a discovery answer that parses encodes to the same bytes, and every query has the same length.
//!
//! The first byte of the input picks the magic bytes in front of the rest: those of an answer, of a query, or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirelab::wire::discovery::{Answer, QUERY_BYTES, Query};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let magic = [&b"wirelab!\x01"[..], b"wirelab?\x01", b""][usize::from(kind % 3)];
    let datagram = [magic, rest].concat();
    if let Ok(answer) = Answer::parse(&datagram) {
        assert_eq!(answer.encode(), datagram);
    }
    if let Ok(query) = Query::parse(&datagram) {
        assert_eq!(datagram.len(), QUERY_BYTES);
        // A query may be of any version.
        let encoded = query.encode();
        assert_eq!((&encoded[..8], &encoded[9..25]), (&datagram[..8], &datagram[9..25]));
    }
});
