//! Any bytes: a segment that parses is written back unchanged.
//!
//! The checksum is corrected first, or no input would pass it.

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
