//! Any bytes: what parses is written again as it was read.
//!
//! The check is put right first, or nothing would ever come past it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirelab::wire::segment::{Segment, codec::with_check};

fuzz_target!(|bytes: &[u8]| {
    let _ = Segment::parse(bytes);
    let bytes = with_check(bytes);
    if let Ok(segment) = Segment::parse(&bytes) {
        assert_eq!(segment.encode(), bytes);
    }
});
