//! Frames of QUIC.

use proptest::prelude::*;
use wirelab::wire::quic::{Content, contents};

fn of(payload: &[u8]) -> Vec<Content<'_>> {
    contents(payload).collect()
}

#[test]
fn a_stream_frame_states_its_offset_and_length() {
    // Without offset and length, a frame extends to the end of the packet.
    assert_eq!(of(&[0x08, 4, 1, 2, 3]), [Content::Stream { id: 4, offset: 0, length: 3 }]);
    // With offset, length and FIN, followed by padding.
    let payload = [0x0f, 0x40, 0x64, 0x80, 0x01, 0x00, 0x00, 2, 9, 9, 0, 0];
    assert_eq!(of(&payload), [Content::Stream { id: 100, offset: 65_536, length: 2 }]);
}

#[test]
fn a_datagram_frame_gives_its_bytes() {
    assert_eq!(of(&[0x31, 2, 7, 8, 0x30, 9]), [Content::Datagram(&[7, 8]), Content::Datagram(&[9])]);
}

#[test]
fn every_other_frame_is_skipped() {
    let frames: [&[u8]; 14] = [
        &[0x00, 0x00],
        &[0x01],
        &[0x02, 9, 0, 1, 2, 0, 3],
        &[0x03, 9, 0, 0, 2, 5, 6, 7],
        &[0x04, 0, 1, 2],
        &[0x05, 0, 1],
        &[0x06, 0, 2, 1, 1],
        &[0x07, 1, 1],
        &[0x11, 0, 1],
        &[0x18, 2, 1, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x1c, 1, 0, 1, 65],
        &[0x1e],
        &[0x40, 0xaf, 1, 2, 3, 4],
    ];
    for frame in frames {
        let payload = [frame, &[0x0a, 0, 1, 5]].concat();
        assert_eq!(of(&payload), [Content::Stream { id: 0, offset: 0, length: 1 }], "{frame:02x?}");
    }
}

#[test]
fn a_truncated_or_unknown_frame_ends_the_iteration() {
    assert_eq!(of(&[0x0a, 0, 9, 1]), []);
    assert_eq!(of(&[0x21, 0x0a, 0, 1, 5]), []);
    assert_eq!(of(&[0x02, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), []);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_claim_more_than_there_is(payload: Vec<u8>) {
        let mut total = 0;
        for content in contents(&payload) {
            total += match content {
                Content::Stream { length, .. } => length,
                Content::Datagram(bytes) => bytes.len() as u64,
            };
        }
        prop_assert!(total <= payload.len() as u64);
    }
}
