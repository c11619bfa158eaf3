//! `wirelab properties` gives each transport the answers that its standard gives.

use wirelab::{properties::measure, report::PropertyCell, transport::Transport};

/// The values of a column, top to bottom.
fn column(transport: Transport) -> Vec<String> {
    let value = |cell: &PropertyCell| {
        let answer = cell.answer.as_ref();
        answer.unwrap_or_else(|| panic!("{}: {:?}", cell.row, cell.problem)).value.clone()
    };
    measure(&[transport]).cells().map(value).collect()
}

#[test]
fn raw_udp_is_what_rfc_768_says() {
    let expected = [
        "no",
        "1",
        "messages",
        "no",
        "no",
        "no",
        "no",
        "no",
        "no",
        "no",
        // An IPv4 and a UDP header; what they leave of an MTU of 1,500.
        "28",
        "1472",
        "yes, 3 of 3",
        "no",
    ];
    assert_eq!(column(Transport::UDP), expected);
}

#[test]
fn a_signature_keeps_changed_repeated_and_foreign_datagrams_out_and_hides_nothing() {
    let expected = [
        "no",
        "1",
        "messages",
        "no",
        "no",
        "yes",
        "yes",
        "yes",
        "no",
        "no",
        "76",
        "1424",
        "yes, 3 of 3",
        "no",
    ];
    assert_eq!(column(Transport::UDP_HMAC), expected);
}

/// RFC 9147: the cookie and the handshake take a round trip each. A record adds 22 bytes to what UDP adds.
#[test]
fn dtls_keeps_datagrams_as_they_are_and_all_others_out() {
    let expected = [
        "yes, 2 RTT",
        "3",
        "messages",
        "no",
        "no",
        "yes",
        "yes",
        "yes",
        "yes",
        "no",
        "50",
        "1450",
        "no",
        "yes",
    ];
    assert_eq!(column(Transport::DTLS), expected);
}

/// A cookie costs the first reply a round trip. With 40 bytes of headers both ways and an acknowledgement for each
/// message, the overhead is more than TCP's.
#[test]
fn reliability_by_hand_keeps_messages_and_their_order_and_nobody_out() {
    let expected = [
        "yes, 1 RTT",
        "2",
        "messages",
        "yes",
        "yes",
        "yes",
        "yes",
        "no",
        "no",
        "yes, 20 ms",
        "102",
        "over 1 MB",
        "no",
        "yes",
    ];
    assert_eq!(column(Transport::ARQ_SELECTIVE), expected);
}

/// RFC 9000: one round trip before data, streams without message boundaries, and order within each.
#[test]
fn quic_keeps_order_within_a_stream_and_a_stream_for_each_message_keeps_none() {
    let one = column(Transport::QUIC_ONE);
    let expected = [
        "yes, 1 RTT",
        "2",
        "a stream",
        "yes",
        "yes",
        "yes",
        "yes",
        "yes",
        "yes",
        "yes, 20 ms",
        "72",
        "over 1 MB",
        "no",
        "yes",
    ];
    assert_eq!(one, expected);
    let message = column(Transport::QUIC_MESSAGE);
    assert_eq!(message[2..4], ["messages", "no"], "a message is a stream");
    assert_eq!(message[9], "no", "nobody waits for another");
}
