//! The settings of a link in JSON.

use wirelab::link::{LinkSettings, LinkSpec};

fn settings(pairs: &str) -> LinkSettings {
    let spec: LinkSpec = pairs.parse().unwrap();
    LinkSettings::of(&spec)
}

#[test]
fn what_is_written_is_read_back() {
    for pairs in [
        "delay=25ms",
        "jitter=5ms:pareto,keep-order,loss=gilbert:1%:25%,loss-by=time:2ms",
        "rate=20mbit,queue=128KB,reorder=1%,duplicate=100%,corrupt=0.1%,replay=2%,inject=3%,mtu=576",
    ] {
        let settings = settings(pairs);
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<LinkSettings>(&json).unwrap(), settings, "{json}");
    }
}

#[test]
fn a_field_of_another_type_and_one_that_is_missing_are_refused() {
    let json = serde_json::to_value(settings("delay=25ms,reorder=1%")).unwrap();
    let read = |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut changed = json.as_object().unwrap().clone();
        change(&mut changed);
        serde_json::from_value::<LinkSettings>(changed.into())
    };
    assert!(read(|fields| fields["delay_ns"] = "25ms".into()).is_err());
    assert!(read(|fields| fields["delay_ns"] = serde_json::Value::Null).is_err());
    assert!(read(|fields| fields["jitter_ns"] = true.into()).is_err());
    assert!(read(|fields| drop(fields.remove("mtu_bytes"))).is_err());
    assert!(read(|fields| drop(fields.remove("jitter_ns"))).is_ok());
    assert!(read(|fields| drop(fields.insert("from_the_future".to_owned(), 1.into()))).is_ok());
    assert_eq!(read(|fields| fields["reorder_ratio"] = 1.into()).unwrap().ratio("reorder_ratio"), Some(1.0));
}
