//! What each service answers.

use std::time::Duration;

use proptest::prelude::*;
use wirelab::service::Service;

const RECEIVED: Duration = Duration::new(1_800_000_000, 5);

fn answer(service: Service, request: &[u8]) -> Vec<u8> {
    let mut reply = Vec::new();
    service.answer(request, RECEIVED, &mut reply);
    reply
}

#[test]
fn each_service_has_its_own_reply() {
    assert_eq!(answer(Service::Echo, b"\0\xff"), b"\0\xff");
    assert_eq!(answer(Service::Hello, b"Michael"), b"Hello, Michael!");
    assert_eq!(answer(Service::Thanks, b"anything"), b"thank you !");
    assert!(answer(Service::Json, b"1").starts_with(b"{\"status\":\"ok\""));
}

#[test]
fn only_echo_never_replies_with_more_than_the_request() {
    assert!(!Service::Echo.amplifies());
    assert!([Service::Hello, Service::Thanks, Service::Json].into_iter().all(Service::amplifies));
}

#[test]
fn unknown_names_are_refused_with_the_list() {
    for service in Service::ALL {
        assert_eq!(service.name().parse(), Ok(service));
    }
    let error = "chargen".parse::<Service>().unwrap_err().to_string();
    assert_eq!(error, "unknown service `chargen`: expected echo, hello, thanks, json");
}

fn reply(request: &[u8]) -> String {
    String::from_utf8(answer(Service::Json, request)).unwrap()
}

#[test]
fn a_value_is_returned_on_one_line_with_the_time_of_its_reception() {
    assert_eq!(
        reply(b"{\n  \"z\": [1, 2.50],\n  \"a\": \"x \\\" y\\\\\"\n}\n"),
        "{\"status\":\"ok\",\"value\":{\"z\":[1,2.50],\"a\":\"x \\\" y\\\\\"},\
         \"received\":\"2027-01-15T08:00:00.000000005Z\"}"
    );
}

#[test]
fn numbers_keep_all_digits() {
    let number = "123456789012345678901234567890.00";
    assert!(reply(number.as_bytes()).contains(&format!("\"value\":{number},")));
}

#[test]
fn an_error_states_line_and_column() {
    assert_eq!(
        reply(b"{\"a\":\n x}"),
        "{\"status\":\"error\",\"error\":\"expected value\",\"line\":2,\"column\":2}"
    );
    assert!(reply(b"").contains("\"line\":1,\"column\":0"), "{}", reply(b""));
    assert!(reply(b"\"\xff\"").contains("\"status\":\"error\""));
}

#[test]
fn nesting_is_limited() {
    let deep = "[".repeat(100_000);
    assert!(reply(deep.as_bytes()).contains("recursion limit exceeded"));
}

#[test]
fn every_time_can_be_written() {
    let mut reply = Vec::new();
    Service::Json.answer(b"1", Duration::MAX, &mut reply);
    assert!(String::from_utf8(reply).unwrap().contains("\"9999-12-31T23:59:59.999999999Z\""));
}

proptest! {
    #[test]
    fn every_reply_is_one_line_of_json(request in prop::collection::vec(any::<u8>(), 0..60)) {
        let reply = reply(&request);
        prop_assert!(!reply.contains('\n'));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&reply).is_ok());
    }

    #[test]
    fn strings_are_returned_unchanged(text in any::<String>()) {
        let request = serde_json::to_string_pretty(&[&text]).unwrap();
        let reply: serde_json::Value = serde_json::from_str(&reply(request.as_bytes())).unwrap();
        prop_assert_eq!(reply["value"][0].as_str(), Some(text.as_str()));
    }
}
