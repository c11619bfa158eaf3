//! A transport that is altered gets other answers, in the rows that the alteration concerns and in no others.

use std::collections::BTreeSet;

use super::*;

/// The rows in which two transports differ, with the answers of the second.
fn differences(transport: Transport, altered: Transport) -> Vec<(String, String)> {
    let table = measure(&[transport, altered]);
    let answers = |transport: Transport| {
        let cells = table.cells().filter(move |cell| cell.transport == transport.name());
        cells.map(move |cell| {
            let answer = cell.answer.as_ref();
            let answer = answer.unwrap_or_else(|| panic!("{}: {}: {:?}", transport, cell.row, cell.problem));
            (cell.row.clone(), answer.value.clone())
        })
    };
    let pairs = answers(transport).zip(answers(altered));
    pairs.filter(|(before, after)| before != after).map(|(_, after)| after).collect()
}

/// A transport, the same one altered, and the rows in which they differ, with the answers of the second.
type Case = (Transport, Transport, &'static [(&'static str, &'static str)]);

/// Raw UDP with something in addition.
const ADDITIONS: &[Case] = &[
    (
        Transport::UDP,
        Transport::RETRANSMITTING_UDP,
        &[
            ("losses repaired", "yes"),
            ("duplicates removed", "yes"),
            ("header bytes per message", "72"),
            ("largest message", "1464"),
        ],
    ),
    (Transport::UDP, Transport::FILTERING_UDP, &[("duplicates removed", "yes")]),
    (
        Transport::UDP,
        Transport::CHECKING_UDP,
        &[("damage noticed", "yes"), ("header bytes per message", "32"), ("largest message", "1468")],
    ),
    (Transport::UDP, Transport::MASKING_UDP, &[("content hidden", "yes")]),
    (
        Transport::UDP,
        Transport::NUMBERING_UDP,
        &[
            ("order kept", "yes"),
            ("duplicates removed", "yes"),
            ("header bytes per message", "36"),
            ("largest message", "1464"),
        ],
    ),
    (
        Transport::UDP,
        Transport::CONNECTING_UDP,
        &[
            ("connection before data", "yes, 1 RTT"),
            ("round trips to the first reply", "2"),
            ("one sender to many receivers", "no"),
            ("server keeps state per peer", "yes"),
        ],
    ),
    (Transport::UDP, Transport::COALESCING_UDP, &[("messages or a stream", "a stream")]),
];

/// Secured transports with ends that trust any peer.
const CREDULOUS: &[Case] = &[
    (Transport::UDP_HMAC, Transport::CREDULOUS_UDP_HMAC, &[("others' data kept out", "no")]),
    (Transport::DTLS, Transport::CREDULOUS_DTLS, &[("others' data kept out", "no")]),
    (Transport::QUIC_ONE, Transport::CREDULOUS_QUIC, &[("others' data kept out", "no")]),
];

/// Two modes of one transport. A message waits for a lost packet only if the transport restores the order. No addition
/// to UDP does that, so these cases cover the row about it.
const MODES: &[Case] = &[
    (
        Transport::ARQ_SELECTIVE,
        Transport::ARQ_UNORDERED,
        &[("order kept", "no"), ("a lost packet holds later messages", "no")],
    ),
    (
        Transport::QUIC_ONE,
        Transport::QUIC_MESSAGE,
        &[
            ("messages or a stream", "messages"),
            ("order kept", "no"),
            ("a lost packet holds later messages", "no"),
            ("header bytes per message", "69"),
        ],
    ),
];

fn check(cases: &[Case]) {
    for (transport, altered, expected) in cases {
        let found = differences(*transport, *altered);
        let found: Vec<_> = found.iter().map(|(row, value)| (row.as_str(), value.as_str())).collect();
        assert_eq!(found, *expected, "{transport}, {altered}");
    }
}

#[test]
fn an_addition_to_udp_changes_the_rows_that_it_concerns_and_no_others() {
    check(ADDITIONS);
}

#[test]
fn ends_that_trust_anybody_change_only_the_row_about_others_data() {
    check(CREDULOUS);
}

#[test]
fn another_mode_changes_the_rows_that_it_concerns_and_no_others() {
    check(MODES);
}

#[test]
fn each_row_is_changed_by_a_case() {
    let cases = [ADDITIONS, CREDULOUS, MODES].concat();
    let covered: BTreeSet<_> = cases.iter().flat_map(|(.., rows)| *rows).map(|(row, _)| *row).collect();
    let all: BTreeSet<_> = ROWS.iter().map(|row| row.claim).collect();
    assert_eq!(covered, all);
}
