use super::*;

fn refusal(pairs: &str) -> String {
    let result = pairs.parse().and_then(|spec: LinkSpec| spec.validate());
    let line = result.unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn pairs_set_what_they_name() {
    let spec = spec(
        "delay=10ms, jitter=5ms:normal, keep-order, loss=gilbert:0.07%:14%, loss-by=time, \
         rate=20mbit, queue=128KB, aqm=codel, ecn, ecn-fault=bleach, reorder=1%, duplicate=0.1%, corrupt=0.01%, mtu=1400",
    );
    insta::assert_snapshot!(serde_json::to_string(&spec).unwrap(), @r#"{"delay_ns":10000000,"jitter":"5ms:normal","keep_order":true,"loss":"gilbert:0.07%:14%","loss_by":"time:1ms","rate_bps":20000000,"rate_profile":null,"queue":"128KB","aqm":"codel:5ms:100ms","ecn":true,"ecn_fault":"bleach","reorder_ratio":0.01,"duplicate_ratio":0.001,"corrupt_ratio":0.0001,"replay_ratio":0.0,"inject_ratio":0.0,"mtu_bytes":1400}"#);
}

#[test]
fn none_takes_away() {
    let mut spec = spec("jitter=5ms,rate=20mbit,queue=100p");
    spec.apply_pairs("jitter=none,rate=none,queue=none").unwrap();
    assert_eq!(spec, LinkSpec::default());
}

#[test]
fn models_read_as_they_are_written() {
    let cases = [
        ("1%", "1%"),
        ("gilbert:0.07%:14%", "gilbert:0.07%:14%"),
        ("gemodel:1%:10%:0%:100%", "gilbert:1%:10%"),
        ("gemodel:1%:10%:20%:99.5%", "gemodel:1%:10%:20%:99.5%"),
        ("drop:17:3:40:3", "drop:3:17:40"),
        ("outage:2s:300ms", "outage:2s:300ms"),
    ];
    for (text, shown) in cases {
        assert_eq!(text.parse::<Loss>().unwrap().to_string(), shown);
    }
    for (text, shown) in [("packet", "packet"), ("time", "time:1ms"), ("time:50us", "time:50us")] {
        assert_eq!(text.parse::<LossBy>().unwrap().to_string(), shown);
    }
    assert_eq!("5ms".parse::<Jitter>().unwrap().to_string(), "5ms:uniform");
    assert_eq!("100p".parse(), Ok(QueueLimit::Packets(100)));
}

#[test]
fn values_are_refused_with_what_would_do() {
    let cases = [
        ("loss=2", "loss: `2` has no unit: write 2% (a ratio of 0.01 is 1%)"),
        ("delay=10", "delay: `10` has no unit: write 10ms or 10s"),
        (
            "loss=burst:3",
            "loss: invalid value `burst:3`: expected 1%, gilbert:P:R, gemodel:P:R:H:K, \
             drop:3:17:40 or outage:2s:300ms (start, length)",
        ),
        ("loss=drop:0", "loss: `0` is not a packet number: write a whole number from 1"),
        (
            "jitter=5ms:gamma",
            "jitter: invalid value `gamma`: expected uniform, normal or pareto, as in 5ms:normal",
        ),
        ("queue=0p", "queue: `0p` is not a number of packets: write a whole number from 1"),
        ("loss-by=slot", "loss-by: invalid value `slot`: expected packet, time or time:1ms"),
        ("mtu=70000", "mtu: invalid value `70000`: expected a whole number of bytes from 576 to 65535"),
        (
            "rtt=20ms",
            "unknown link property `rtt`: expected delay, jitter, keep-order, loss, loss-by, rate, \
             queue, aqm, ecn, ecn-fault, reorder, duplicate, corrupt, replay, inject, mtu",
        ),
        ("loss", "`loss` is not key=value: write pairs such as loss=2%,delay=10ms"),
        ("loss=1%,", "`` is not key=value: write pairs such as loss=2%,delay=10ms"),
        ("loss=1%,loss=2%", "loss is given twice: leave one out"),
    ];
    for (pairs, line) in cases {
        assert_eq!(refusal(pairs), line);
    }
}

#[test]
fn links_that_cannot_be_are_refused() {
    let cases = [
        (
            "queue=128KB",
            "--queue needs --rate: without a rate no packet waits; give a rate or leave --queue out",
        ),
        (
            "rate=1mbit,queue=1KB",
            "--queue 1KB is smaller than one packet (--mtu 1500): packets of that size would never pass",
        ),
        ("aqm=codel", "--aqm needs --rate: without a rate no packet waits; give a rate or leave --aqm out"),
        ("mtu=500", "--mtu 500 is below 576: write 576 to 65535"),
        ("delay=2h", "--delay is longer than 3600s: shorten it"),
        (
            "loss=drop:3,loss-by=time",
            "--loss drop lists packets, which --loss-by time does not number: leave --loss-by out",
        ),
        (
            "loss=gilbert:0%:0%",
            "--loss with P and R both 0% never changes its state: write a share such as 1%",
        ),
        ("loss=outage:2s:0ms", "--loss outage of length 0 loses nothing: write outage:2s:300ms, or 0%"),
        ("loss-by=time:1ns", "--loss-by time:1ns is out of bounds: write 10us to 1h"),
    ];
    for (pairs, line) in cases {
        assert_eq!(refusal(pairs), line);
    }
    let plain = LinkSpec { loss: Loss::Drop(vec![0]), ..LinkSpec::default() };
    assert_eq!(plain.validate(), Err(SpecError::DropZero));
    let rate = "1mbit".parse().ok();
    let plain = LinkSpec { rate, queue: QueueLimit::Packets(0), ..LinkSpec::default() };
    assert_eq!(plain.validate(), Err(SpecError::NoQueue));
}

#[test]
fn presets_are_sound_and_say_where_they_are_from() {
    let line = |preset: Preset| {
        assert_eq!(preset.name().parse(), Ok(preset));
        assert!(!preset.source().is_empty());
        [Direction::ToServer, Direction::ToClient].map(|direction| {
            let spec = preset.spec(direction);
            spec.validate().unwrap();
            let (delay, rate) = (spec.delay, spec.rate.unwrap());
            format!("{preset} {direction:?}: {delay:?} {rate} {}", spec.queue)
        })
    };
    let lines: Vec<_> = Preset::ALL.into_iter().flat_map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
        lan ToServer: 100µs 1gbit 50p
        lan ToClient: 100µs 1gbit 50p
        dsl ToServer: 25ms 384kbit 50p
        dsl ToClient: 25ms 1.5mbit 50p
        wifi ToServer: 1ms 15mbit 50p
        wifi ToClient: 1ms 30mbit 50p
        lte ToServer: 35ms 12mbit 70p
        lte ToClient: 35ms 12mbit 70p
        3g ToServer: 150ms 768kbit 50p
        3g ToClient: 150ms 1.6mbit 50p
        satellite ToServer: 300ms 2mbit 100p
        satellite ToClient: 300ms 20mbit 1000p
    ");
}
