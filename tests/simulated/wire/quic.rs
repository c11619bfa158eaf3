//! Frames of QUIC.

use proptest::prelude::*;
use wirelab::wire::quic::{Frame, frames, parameters};

fn of(payload: &[u8]) -> Vec<Frame<'_>> {
    frames(payload).collect()
}

const fn stream(id: u64, offset: u64, length: u64, fin: bool) -> Frame<'static> {
    Frame::Stream { id, offset, length, fin }
}

#[test]
fn a_stream_frame_states_its_offset_and_length() {
    // Without offset and length, a frame extends to the end of the packet.
    assert_eq!(of(&[0x08, 4, 1, 2, 3]), [stream(4, 0, 3, false)]);
    // With offset, length and FIN, followed by padding.
    let payload = [0x0f, 0x40, 0x64, 0x80, 0x01, 0x00, 0x00, 2, 9, 9, 0, 0];
    assert_eq!(of(&payload), [stream(100, 65_536, 2, true), Frame::Padding { length: 2 }]);
}

#[test]
fn a_datagram_frame_gives_its_bytes() {
    assert_eq!(of(&[0x31, 2, 7, 8, 0x30, 9]), [Frame::Datagram(&[7, 8]), Frame::Datagram(&[9])]);
}

#[test]
fn every_type_of_frame_is_read_to_its_end() {
    let token = [7; 16];
    let new_id = [&[0x18, 2, 1, 1, 5][..], &token].concat();
    let expected: [(&[u8], Frame<'_>); 22] = [
        (&[0x00, 0x00], Frame::Padding { length: 2 }),
        (&[0x01], Frame::Ping),
        (&[0x04, 0, 1, 2], Frame::ResetStream { id: 0, error: 1, final_size: 2 }),
        (&[0x05, 4, 1], Frame::StopSending { id: 4, error: 1 }),
        (&[0x06, 9, 2, 1, 1], Frame::Crypto { offset: 9, length: 2 }),
        (&[0x07, 1, 5], Frame::NewToken(&[5])),
        (&[0x10, 5], Frame::MaxData(5)),
        (&[0x11, 4, 1], Frame::MaxStreamData { id: 4, maximum: 1 }),
        (&[0x12, 3], Frame::MaxStreams { bidirectional: true, maximum: 3 }),
        (&[0x13, 3], Frame::MaxStreams { bidirectional: false, maximum: 3 }),
        (&[0x14, 8], Frame::DataBlocked(8)),
        (&[0x15, 4, 8], Frame::StreamDataBlocked { id: 4, limit: 8 }),
        (&[0x17, 6], Frame::StreamsBlocked { bidirectional: false, limit: 6 }),
        (&new_id, Frame::NewConnectionId { sequence: 2, retire_prior_to: 1, id: &[5], reset_token: &token }),
        (&[0x19, 3], Frame::RetireConnectionId(3)),
        (&[0x1a, 1, 2, 3, 4, 5, 6, 7, 8], Frame::PathChallenge(&[1, 2, 3, 4, 5, 6, 7, 8])),
        (&[0x1b, 1, 2, 3, 4, 5, 6, 7, 8], Frame::PathResponse(&[1, 2, 3, 4, 5, 6, 7, 8])),
        (
            &[0x1c, 1, 6, 1, 65],
            Frame::ConnectionClose { by_application: false, error: 1, frame_type: Some(6), reason: b"A" },
        ),
        (
            &[0x1d, 1, 1, 65],
            Frame::ConnectionClose { by_application: true, error: 1, frame_type: None, reason: b"A" },
        ),
        (&[0x1e], Frame::HandshakeDone),
        (&[0x1f], Frame::ImmediateAck),
        (
            &[0x40, 0xaf, 1, 2, 3, 4],
            Frame::AckFrequency {
                sequence: 1,
                ack_eliciting_threshold: 2,
                max_ack_delay: 3,
                reordering_threshold: 4,
            },
        ),
    ];
    for (bytes, frame) in expected {
        let payload = [bytes, &[0x0a, 0, 1, 5]].concat();
        assert_eq!(of(&payload), [frame, stream(0, 0, 1, false)], "{bytes:02x?}");
    }
}

#[test]
fn an_acknowledgement_lists_its_ranges_from_the_highest() {
    // RFC 9000 section 19.3.1: 18 to 20, then a gap of 2 numbers, then 14 and 15.
    let Some(Frame::Ack(ack)) = frames(&[0x03, 20, 9, 1, 2, 1, 1, 5, 6, 7]).next() else { panic!("no ACK") };
    assert_eq!((ack.largest, ack.delay, ack.ecn), (20, 9, Some([5, 6, 7])));
    assert_eq!(ack.ranges().collect::<Vec<_>>(), [(18, 20), (14, 15)]);
    // A range below 0 ends the list.
    let Some(Frame::Ack(ack)) = frames(&[0x02, 5, 0, 1, 1, 3, 0]).next() else { panic!("no ACK") };
    assert_eq!(ack.ranges().collect::<Vec<_>>(), [(4, 5)]);
}

#[test]
fn a_truncated_or_unknown_frame_ends_the_iteration() {
    assert_eq!(of(&[0x0a, 0, 9, 1]), []);
    assert_eq!(of(&[0x21, 0x0a, 0, 1, 5]), []);
    assert_eq!(of(&[0x02, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), []);
}

#[test]
fn parameters_have_an_id_and_a_value() {
    let found: Vec<_> = parameters(&[0x0b, 1, 25, 0x6a, 0xb2, 0, 0x04, 2, 0x40, 100, 0x05, 9]).collect();
    let ids: Vec<_> = found.iter().map(|found| (found.id, found.integer())).collect();
    assert_eq!(ids, [(0x0b, Some(25)), (0x2ab2, None), (0x04, Some(100))]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_claim_more_than_there_is(payload: Vec<u8>) {
        let mut total = 0;
        for frame in frames(&payload) {
            total += match frame {
                Frame::Stream { length, .. } | Frame::Crypto { length, .. } | Frame::Padding { length } => length,
                Frame::Datagram(bytes) | Frame::NewToken(bytes) => bytes.len() as u64,
                Frame::Ack(ack) => ack.ranges().count() as u64,
                _ => 1,
            };
        }
        prop_assert!(total <= payload.len() as u64);
        prop_assert!(parameters(&payload).map(|found| found.value.len()).sum::<usize>() <= payload.len());
    }
}
