//! Probes: the header of a message of an experiment.

use proptest::prelude::*;

use wirelab::{
    unit::Time,
    wire::{
        EXTENDED_HEADER_BYTES, Extension, HEADER_BYTES, MessageId, Probe, ReportRequest,
        probe::{message_length, padding},
    },
};

fn probe(flow: u32, seq: u64, due: u64) -> Probe {
    Probe::new(MessageId { flow, seq }, Time::from_nanos(due))
}

proptest! {
    #[test]
    fn a_probe_reads_as_it_was_written(
        flow: u32, seq: u64, due: u64, length in HEADER_BYTES..200_000usize,
    ) {
        let message = probe(flow, seq, due).message(length);
        prop_assert_eq!(Probe::parse_whole(&message), Ok(probe(flow, seq, due)));
    }

    #[test]
    fn one_flipped_bit_is_always_seen(
        flow: u32, seq: u64, due: u64, length in HEADER_BYTES..2_000usize, bit: usize,
    ) {
        let mut message = probe(flow, seq, due).message(length);
        let bit = bit % (length * 8);
        message[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Probe::parse_whole(&message).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(message: Vec<u8>) {
        let _ = Probe::parse_whole(&message);
    }

    #[test]
    fn the_shared_padding_is_what_a_message_has(length in HEADER_BYTES..200_000usize) {
        let message = probe(1, 2, 3).message(length);
        let mut joined = probe(1, 2, 3).header(length).to_vec();
        padding(HEADER_BYTES..length).for_each(|part| joined.extend_from_slice(&part));
        prop_assert_eq!(joined, message);
    }

    #[test]
    fn an_extended_probe_reads_as_it_was_written_and_states_its_length(
        run: u64, number: u64, length in EXTENDED_HEADER_BYTES..200_000usize, bit: usize,
    ) {
        let extension = Some(Extension::Request(ReportRequest { run, number }));
        let extended = Probe { extension, ..probe(1, number, 3) };
        let mut message = extended.message(length);
        prop_assert_eq!(Probe::parse_whole(&message), Ok(extended));
        prop_assert_eq!(message_length(message.first_chunk().unwrap()), Some(length));
        let mut joined = extended.header(length).to_vec();
        padding(EXTENDED_HEADER_BYTES..length).for_each(|part| joined.extend_from_slice(&part));
        prop_assert_eq!(&joined, &message);
        let bit = bit % (length * 8);
        message[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Probe::parse_whole(&message).is_err());
    }
}

#[test]
fn a_probe_without_extension_states_no_length() {
    assert_eq!(message_length(probe(1, 2, 3).header(500).first_chunk().unwrap()), None);
}
