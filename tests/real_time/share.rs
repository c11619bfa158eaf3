//! Senders that share a bottleneck with the kernel's TCP, and messages beside it.

use std::{fs, path::Path};

use crate::support::{alone, has_namespaces, run, skip};
use serde_json::Value;

/// The only cell of the result of `wirelab` with these arguments, between namespaces.
fn cell(arguments: &str) -> Value {
    let finished = run(Path::new("/"), format!("{arguments} --path netns -J -q").split_whitespace());
    let result: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    assert_eq!(result["cells"].as_array().map(Vec::len), Some(1), "{finished:?}");
    result["cells"][0].clone()
}

/// Whether the kernel has a congestion controller. Skips if it does not.
fn has_controller(name: &str) -> bool {
    let available =
        fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").unwrap_or_default();
    let has = available.split_whitespace().any(|known| known == name);
    if !has {
        skip(&format!("the kernel has no {name}"));
    }
    has
}

fn senders(cell: &Value) -> &[Value] {
    cell["share"]["senders"].as_array().unwrap()
}

/// The share of a sender.
fn share(cell: &Value, sender: usize) -> f64 {
    senders(cell)[sender]["share_ratio"].as_f64().unwrap()
}

#[test]
fn kernel_tcp_quic_and_datagrams_share_a_link_each_under_its_own_controller() {
    let _alone = alone();
    if !has_namespaces() || !has_controller("reno") {
        return;
    }
    let senders_of = "tcp:cubic,tcp:reno,quic-one:cubic,udp@2mbit@start=1s@end=6s";
    let cell = cell(&format!("share -t {senders_of} -d 7s -w 1s --rate 20mbit --queue 1bdp --loss 0%"));
    let controllers: Vec<&str> =
        senders(&cell).iter().map(|sender| sender["congestion"].as_str().unwrap_or("none")).collect();
    assert_eq!(controllers, ["cubic", "reno", "cubic", "none"]);
    for sender in senders(&cell) {
        assert!(sender["stopped"].is_null(), "{sender}");
        assert!(sender["goodput_bps"].as_u64().unwrap() > 500_000, "{sender}");
    }
    // 2 Mbit/s of datagrams carry 1.93 Mbit/s of content, 1448 bytes in 1500, and the queue drops a few.
    let datagrams = senders(&cell)[3]["goodput_bps"].as_f64().unwrap();
    assert!((1.6e6..1.95e6).contains(&datagrams), "{datagrams}");
    let packets: u64 = senders(&cell).iter().map(|sender| sender["packets"].as_u64().unwrap()).sum();
    assert_eq!(packets, cell["wire"]["to_server"]["packets"].as_u64().unwrap());
    assert!(cell["share"]["utilisation_ratio"].as_f64().unwrap() > 0.9, "{cell}");
}

/// Two senders with the same controller and round-trip time share equally, within 15 percentage points in one run of 15 s.
#[test]
fn two_kernel_cubic_senders_share_about_equally() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let cell =
        cell("share -t tcp:cubic,tcp:cubic -d 20s -w 5s --rtt 20ms --rate 20mbit --queue 1bdp --loss 0%");
    assert!((share(&cell, 0) - 0.5).abs() < 0.15, "{}", share(&cell, 0));
}

/// The same within 5 percentage points in one run of a minute.
#[test]
#[ignore = "takes a minute"]
fn two_kernel_cubic_senders_share_within_five_percent_over_a_minute() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let cell =
        cell("share -t tcp:cubic,tcp:cubic -d 65s -w 5s --rtt 20ms --rate 20mbit --queue 1bdp --loss 0%");
    assert!((share(&cell, 0) - 0.5).abs() < 0.05, "{}", share(&cell, 0));
}

/// Ha, Rhee and Xu (2008, "CUBIC: a new TCP-friendly high-speed TCP variant", section 5.3): with a small product of
/// bandwidth and delay, CUBIC is as fast as Reno, and with a large one it gets more.
#[test]
#[ignore = "takes two minutes"]
fn cubic_gets_about_half_beside_reno_on_a_short_path_and_more_on_a_long_one() {
    let _alone = alone();
    if !has_namespaces() || !has_controller("reno") {
        return;
    }
    let cubic =
        |link: &str| share(&cell(&format!("share -t tcp:cubic,tcp:reno -d 60s -w 5s --loss 0% {link}")), 0);
    let short = cubic("--rate 10mbit --rtt 10ms --queue 1bdp");
    let long = cubic("--rate 50mbit --rtt 150ms --queue 0.5bdp");
    assert!((0.3..0.7).contains(&short), "{short}");
    assert!(long > short, "{long} after {short}");
}

/// Hock, Bless and Zitterbart (ICNP 2017, "Experimental evaluation of BBR congestion control") and Ware et al. (IMC
/// 2019, "Modeling BBR's interactions with loss-based congestion control"): in a shallow queue BBR v1 takes most of
/// the link from CUBIC; in a queue of many bandwidth-delay products CUBIC gets more than in the shallow one.
#[test]
#[ignore = "takes two minutes"]
fn bbr_takes_most_of_a_shallow_queue_from_cubic_and_less_of_a_deep_one() {
    let _alone = alone();
    if !has_namespaces() || !has_controller("bbr") {
        return;
    }
    let bbr = |queue: &str| {
        let link = format!("--rate 20mbit --rtt 40ms --queue {queue} --loss 0%");
        share(&cell(&format!("share -t tcp:cubic,tcp:bbr -d 60s -w 5s {link}")), 1)
    };
    let (shallow, deep) = (bbr("0.5bdp"), bbr("8bdp"));
    assert!(shallow > 0.7, "{shallow}");
    assert!(deep < 0.6 && deep < shallow, "{deep}");
}

#[test]
fn a_background_of_kernel_tcp_fills_the_queues_that_messages_wait_in() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let link = "--rtt 20ms --rate 20mbit --queue 100ms --loss 0%";
    let cell = cell(&format!("bench --background tcp -t udp -d 4s -w 2s --seeds 1 {link}"));
    let load = &cell["load"];
    let background = load["background"].as_array().unwrap();
    let ways: Vec<&str> = background.iter().map(|sender| sender["direction"].as_str().unwrap()).collect();
    assert_eq!(ways, ["up", "down"]);
    // Without the background, a round trip is that of the link; with it, there is a queue of up to 100 ms each way.
    let idle = load["idle_latency_ns"]["p50"].as_u64().unwrap();
    assert!((20_000_000..30_000_000).contains(&idle), "{idle}");
    let added = load["added_p50_ns"].as_u64().unwrap();
    assert!((30_000_000..210_000_000).contains(&added), "{added}");
    assert!(cell["budget_ns"]["queue"].as_u64().unwrap() > 30_000_000, "{}", cell["budget_ns"]);
    // The counters of the link are those of the messages: one packet for each of about 400 requests.
    let packets = cell["wire"]["to_server"]["packets"].as_u64().unwrap();
    assert!((390..=410).contains(&packets), "{packets}");
}
