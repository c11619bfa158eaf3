//! The transports, one line each.

use wirelab::{
    report::transport_in_words,
    transport::{Congestion, Scheme, Transport},
};

#[test]
fn every_transport_is_found_by_its_name_and_in_its_scheme() {
    for transport in Transport::all() {
        assert_eq!(transport.name().parse(), Ok(transport));
        let scheme = transport.scheme();
        assert!(scheme.transports().any(|other| other == transport), "{transport}");
        assert_eq!(scheme.query.is_some(), transport.spec().variant.is_some(), "{transport}");
        assert!(scheme.transports().any(|other| other == (scheme.default)()), "{transport}");
    }
}

#[test]
fn a_report_says_what_every_transport_is() {
    for transport in Transport::all() {
        assert!(transport_in_words(transport.name()).is_some(), "{transport}");
    }
}

#[test]
fn a_scheme_with_several_transports_is_a_group() {
    assert_eq!(Transport::named("quic").unwrap(), Transport::QUIC);
    assert_eq!(Transport::named("arq").unwrap(), Transport::ARQ);
    assert_eq!(Transport::named("udp").unwrap(), [Transport::UDP]);
    let error = Transport::named("sctp").unwrap_err().to_string();
    assert!(
        error.contains("`sctp`: expected udp, udp-hmac, dtls, arq-stop-and-wait")
            && error.ends_with("all, arq, quic"),
        "{error}"
    );
}

#[test]
fn only_arq_refuses_bbr() {
    for transport in Transport::all() {
        let refuses = Transport::ARQ.contains(&transport);
        assert_eq!(transport.refuses_controller(Congestion::Bbr).is_some(), refuses, "{transport}");
        assert_eq!(transport.refuses_controller(Congestion::Cubic), None, "{transport}");
    }
}

#[test]
fn transports_are_ordered_as_they_are_shown() {
    let mut sorted: Vec<Transport> = Transport::all().collect();
    sorted.reverse();
    sorted.sort();
    assert!(sorted.iter().copied().eq(Transport::all()));
    assert_eq!(Scheme::names(), "udp://, udp-hmac://, dtls://, arq://, tcp://, tls://, quic://");
}
