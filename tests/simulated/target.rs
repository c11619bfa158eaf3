//! Servers by URL: `udp://127.0.0.1:9999`, `quic://[::1]?streams=datagram`.

use wirelab::{
    target::{Family, Target},
    transport::Transport,
};

fn parse(text: &str) -> String {
    match text.parse::<Target>() {
        Ok(target) => target.to_string(),
        Err(e) => e.to_string(),
    }
}

#[test]
fn what_a_url_leaves_out_has_a_default() {
    assert_eq!(parse("udp://"), "udp://127.0.0.1:9999");
    assert_eq!(parse("tcp://:7000"), "tcp://127.0.0.1:7000");
    assert_eq!(parse("tls://example.org"), "tls://example.org:9443");
    assert_eq!(parse("quic://[::1]"), "quic://[::1]:4433");
    assert_eq!(parse("quic://?streams=one"), "quic://127.0.0.1:4433?streams=one");
    assert_eq!(parse("arq://h?mode=go-back-n"), "arq://h:9996?mode=go-back-n");
    assert_eq!(parse("udp://LOCALHOST:0/"), "udp://localhost:0");
}

#[test]
fn quic_maps_a_message_to_a_stream_unless_told_otherwise() {
    let transport = |text: &str| text.parse::<Target>().unwrap().transport();
    assert_eq!(transport("quic://h"), Transport::QUIC_MESSAGE);
    assert_eq!(transport("quic://h?streams=datagram"), Transport::QUIC_DATAGRAM);
    assert_eq!(transport("tls://h"), Transport::TLS);
    assert_eq!(transport("arq://h"), Transport::ARQ_SELECTIVE);
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_reason() {
    for (text, part) in [
        ("127.0.0.1:9999", "write one of udp://127.0.0.1:9999, udp-hmac://127.0.0.1:9999, dtls://"),
        ("http://h", "udp://, udp-hmac://, dtls://, arq://, tcp://, tls://, quic://"),
        ("arq://h?mode=two", "mode=two: expected stop-and-wait, go-back-n, selective, unordered"),
        ("arq://h?streams=one", "streams on quic://"),
        ("udp://h:65536", "invalid port number"),
        ("udp://h:9999/path", "has more than"),
        ("udp://me@h", "has more than"),
        ("udp://::1", "is not a valid URL"),
        ("udp://127.0.0.256", "no valid host name"),
        ("udp://a b", "is not a valid URL"),
        ("quic://h?streams=two", "streams=two: expected one, flow, message, datagram"),
        ("tcp://h?streams=one", "streams on quic://"),
        ("quic://h?stream=one", "unknown option `stream`"),
    ] {
        let result = parse(text);
        assert!(result.contains(part), "{text}: {result}");
    }
}

#[test]
fn addresses_resolve_to_themselves_and_families_are_kept_apart() {
    let target: Target = "udp://127.0.0.1".parse().unwrap();
    assert_eq!(target.resolve(None).unwrap(), ["127.0.0.1:9999".parse().unwrap()]);
    let error = target.resolve(Some(Family::V6)).unwrap_err().to_string();
    assert_eq!(error, "127.0.0.1 has no IPv6 address");
}

#[test]
fn an_address_may_have_a_zone() {
    assert_eq!(parse("udp://[fe80::1%25eth0]:9999"), "udp://[fe80::1%25eth0]:9999");
    assert_eq!(parse("tcp://[fe80::1%eth0]"), "tcp://[fe80::1%25eth0]:9999");
    assert_eq!(parse("udp://[fe80::1%25]"), "udp://[fe80::1%2525]:9999", "interface 25");
    for wrong in ["udp://[fe80::1%]", "udp://[fe80::1%25a/b]"] {
        assert!(parse(wrong).contains("no valid interface name"), "{wrong}: {}", parse(wrong));
    }
    let resolved = |url: &str| url.parse::<Target>().unwrap().resolve(None).map(|found| found[0].to_string());
    assert_eq!(resolved("udp://[fe80::1%257]:9999").unwrap(), "[fe80::1%7]:9999");
    let error = resolved("udp://[fe80::1%25none9]").unwrap_err().to_string();
    assert_eq!(error, "no interface `none9` on this machine (ip link lists them)");
}
