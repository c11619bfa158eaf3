//! Messages of a transfer.

use bytes::Bytes;
use proptest::prelude::*;
use wirelab::wire::{
    Receipt, TransferMessage,
    transfer::{
        DIGEST_BYTES, Digest, Fetch, InvalidTransferMessage, MAGIC, Piece, RECEIPT_RANGES,
        TRANSFER_HEADER_BYTES, VERSION,
    },
};

fn messages() -> impl Strategy<Value = TransferMessage> {
    let bytes = prop::collection::vec(any::<u8>(), 1..2000).prop_map(Bytes::from);
    let gaps = prop::collection::vec(any::<(u64, u64)>(), 0..=RECEIPT_RANGES)
        .prop_map(|gaps| gaps.into_iter().map(|(start, end)| start..end).collect());
    prop_oneof![
        any::<(u64, u64, u32, bool)>().prop_map(|(length, seed, lanes, datagrams)| {
            TransferMessage::Fetch(Fetch { length, seed, lanes, datagrams })
        }),
        (any::<u64>(), bytes).prop_map(|(offset, bytes)| TransferMessage::Piece(Piece::new(offset, bytes))),
        any::<(u64, Digest)>().prop_map(|(length, digest)| TransferMessage::End { length, digest }),
        (any::<bool>(), any::<u64>(), any::<u32>(), gaps).prop_map(|(intact, arrived, gaps, missing)| {
            TransferMessage::Receipt(Receipt { intact, arrived, gaps, missing })
        }),
    ]
}

proptest! {
    #[test]
    fn a_message_reads_as_it_was_written(message in messages()) {
        prop_assert_eq!(TransferMessage::parse(&message.encode()), Ok(message));
    }

    #[test]
    fn one_flipped_bit_is_always_seen(message in messages(), place: prop::sample::Index, bit in 0..8) {
        let mut bytes = message.encode().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1u8 << bit;
        prop_assert_eq!(TransferMessage::parse(&bytes.into()), Err(InvalidTransferMessage));
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100), kind in 0u8..6) {
        let _ = TransferMessage::parse(&bytes.clone().into());
        if bytes.len() >= TRANSFER_HEADER_BYTES {
            let body = (bytes.len() - TRANSFER_HEADER_BYTES) as u32;
            bytes[..4].copy_from_slice(&MAGIC);
            bytes[8..12].copy_from_slice(&[kind, VERSION, 0, 0]);
            bytes[12..16].copy_from_slice(&body.to_le_bytes());
            let check = crc32fast::hash(&bytes[8..]).to_le_bytes();
            bytes[4..8].copy_from_slice(&check);
            let _ = TransferMessage::parse(&bytes.into());
        }
    }
}

#[test]
fn no_answer_is_longer_than_what_it_answers() {
    let missing = vec![0..1; RECEIPT_RANGES];
    let receipt = Receipt { missing, ..Receipt::default() };
    let end = TransferMessage::End { length: 0, digest: [0; DIGEST_BYTES] };
    assert_eq!(TransferMessage::Receipt(receipt).encode().len(), end.encode().len());
}
