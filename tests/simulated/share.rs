//! Senders that share a bottleneck, in virtual time.

use std::time::Duration;

use crate::{driven::driven, support::ResultSchema};
use wirelab::{
    experiment::{PathKind, Share, SharePlan, parse_senders, transfer::Direction},
    link::LinkSpec,
    report::{ResultFile, ShareSender, to_csv, to_html, to_json, to_markdown},
    unit::PerDirection,
};

/// Runs these senders over 20 Mbit/s, 40 ms of round trip, and a queue of this size.
fn shared(senders: &str, queue: &str, seconds: u64, seeds: u64, direction: Direction) -> ResultFile {
    let link: LinkSpec = format!("delay=20ms,rate=20mbit,queue={queue}").parse().unwrap();
    let plan = SharePlan {
        path: PathKind::Sim,
        links: PerDirection::both(link),
        senders: parse_senders(senders).unwrap(),
        direction,
        duration: Duration::from_secs(seconds),
        warmup: Duration::from_secs(2),
    };
    let driven = driven(&Share, "share", vec![plan], seeds, true);
    assert!(driven.problems.is_empty(), "{:?}", driven.problems);
    driven.file
}

fn up(senders: &str, queue: &str, seconds: u64, seeds: u64) -> ResultFile {
    shared(senders, queue, seconds, seeds, Direction::Up)
}

fn senders(file: &ResultFile) -> &[ShareSender] {
    &file.cells[0].share.as_ref().unwrap().senders
}

fn goodputs(file: &ResultFile) -> Vec<f64> {
    senders(file).iter().map(|sender| sender.goodput_bps.unwrap() as f64).collect()
}

fn jain(file: &ResultFile) -> f64 {
    file.cells[0].share.as_ref().unwrap().jain_index.unwrap().get()
}

#[test]
fn two_equal_streams_of_datagrams_that_overload_the_link_lose_what_the_rate_says() {
    for direction in [Direction::Up, Direction::Down] {
        let file = shared("udp@15mbit,udp@15mbit", "100KB", 20, 4, direction);
        // 20 of 30 Mbit/s get through, so a third is lost, except for the 100 KB of 75 MB that fill the queue at first:
        // 0.13%. Which sender loses more depends on the phase of its packets, which the seed decides.
        let both = senders(&file).iter().map(|sender| (sender.dropped, sender.packets));
        let (dropped, packets) = both.fold((0, 0), |(d, p), (dropped, packets)| (d + dropped, p + packets));
        let lost = dropped as f64 / packets as f64;
        assert!((lost - 1.0 / 3.0).abs() < 0.002, "{direction:?}: {lost}");
        let utilisation = file.cells[0].share.as_ref().unwrap().utilisation_ratio.unwrap().get();
        assert!((utilisation - 1.0).abs() < 0.001, "{utilisation}");
    }
}

#[test]
fn a_stream_of_datagrams_within_the_rate_loses_nothing_and_gets_its_rate() {
    let file = up("udp@5mbit,udp@3mbit", "100KB", 10, 1);
    let [first, second] = senders(&file) else { panic!("two senders") };
    assert_eq!((first.dropped, second.dropped), (0, 0));
    // A packet of 1500 bytes carries 1448 bytes of content, after 20 of IP, 8 of UDP and 24 of the transfer's header.
    // The slower sender sends 2,000 packets in 8 s, so the tolerance is two packets.
    for (sender, rate) in [(first, 5e6), (second, 3e6)] {
        let goodput = sender.goodput_bps.unwrap() as f64;
        assert!((goodput / rate - 1448.0 / 1500.0).abs() < 0.001, "{goodput}");
    }
    // (5 + 3)^2 / (2 x (25 + 9)).
    assert!((jain(&file) - 64.0 / 68.0).abs() < 0.001, "{}", jain(&file));
}

#[test]
fn equal_quic_senders_share_equally_within_their_interval() {
    let file = up("quic-one,quic-one,quic-one,quic-one", "1bdp", 60, 6);
    let share = file.cells[0].share.as_ref().unwrap();
    assert!(jain(&file) > 0.95, "{}", jain(&file));
    let [low, high] = share.jain_index_ci95.unwrap();
    assert!(low.get() > 0.95, "{low:?}");
    assert!(low <= share.jain_index.unwrap() && share.jain_index.unwrap() <= high);
    for sender in &share.senders {
        // The interval of six seeds is wide, and contains the equal share.
        let [low, high] = sender.share_ci95_ratio.unwrap().map(|end| end.get());
        assert!(low <= 0.25 && 0.25 <= high, "{}: {low} to {high}", sender.sender);
    }
    assert!(share.utilisation_ratio.unwrap().get() > 0.97);
}

#[test]
fn a_sender_that_joins_converges_and_one_that_ends_leaves_the_rest_to_the_other() {
    let file = up("quic-one@end=30s,quic-one@start=10s", "1bdp", 50, 3);
    let [first, second] = senders(&file) else { panic!("two senders") };
    assert_eq!(first.converge_ns, None);
    assert!(first.converge_reason.as_ref().unwrap().contains("joined no other"));
    assert_eq!(second.converged, 3, "{second:?}");
    let converged = second.converge_ns.unwrap();
    assert!((100_000_000..20_000_000_000).contains(&converged), "{converged}");
    // Shares are measured while both send: from the warm-up after the second joins until the first ends.
    let measured = file.cells[0].share.as_ref().unwrap().measured_ns.unwrap();
    assert_eq!(measured, [12_000_000_000, 30_000_000_000]);
    let pictures = file.cells[0].pictures.as_ref().unwrap().share.as_ref().unwrap();
    let rate = |sender: usize, seconds: std::ops::Range<u64>| {
        let bins = (seconds.start * 1_000_000_000 / pictures.bin_ns) as usize..;
        let bins = bins.take(((seconds.end - seconds.start) * 1_000_000_000 / pictures.bin_ns) as usize);
        let (sum, n) = bins.fold((0, 0), |(sum, n), bin| (sum + pictures.goodput_bps[sender][bin], n + 1));
        sum as f64 / f64::from(n)
    };
    assert!(rate(0, 5..9) > 18e6 && rate(1, 5..9) == 0.0);
    assert!(rate(0, 32..49) == 0.0 && rate(1, 35..49) > 18e6);
}

/// Hock, Bless and Zitterbart (ICNP 2017, "Experimental evaluation of BBR congestion control", section V) and Ware et
/// al. (IMC 2019, "Modeling BBR's interactions with loss-based congestion control"): in a buffer below one
/// bandwidth-delay product BBR leaves little to CUBIC; in one of several, CUBIC keeps a good part, because BBR limits
/// itself to two products in flight. The bounds hold for the whole 95% interval of three seeds of 58 s.
#[test]
fn bbr_starves_cubic_in_a_shallow_queue_and_shares_a_deep_one() {
    let cubic = |queue: &str| {
        let file = up("quic-one:cubic,quic-one:bbr", queue, 60, 3);
        senders(&file)[0].share_ci95_ratio.unwrap().map(|end| end.get())
    };
    let (shallow, deep) = (cubic("0.5bdp"), cubic("8bdp"));
    assert!(shallow[1] < 0.2, "{shallow:?}");
    assert!(deep[0] > 0.4, "{deep:?}");
}

#[test]
fn a_result_is_the_same_byte_for_byte_and_fits_the_schema() {
    let run = || up("quic-one:cubic,arq-selective,udp@2mbit@start=1s@end=5s,quic-flow:bbr", "50p", 6, 2);
    let (first, second) = (run(), run());
    let json = to_json(&first);
    assert_eq!(json, to_json(&second));
    ResultSchema::new().check(&serde_json::from_str(&json).unwrap()).unwrap();
    assert_eq!(to_csv(&first).lines().count(), 1 + senders(&first).len());
    let page = to_markdown(&first);
    for text in ["fairness", "utilisation", "queue p95", "udp@2mbit@start=1s@end=5s", "Jain's index"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(to_html(&first).contains("data-chart=\"share\""));
}

#[test]
fn every_datagram_and_stream_transport_of_the_path_can_share() {
    let file = up(
        "udp@1mbit,udp-hmac@1mbit,dtls@1mbit,arq-go-back-n,arq-selective,arq-unordered,quic,quic-one:fixed:30000",
        "1bdp",
        10,
        1,
    );
    for sender in senders(&file) {
        assert!(sender.goodput_bps.unwrap() > 50_000, "{sender:?}");
        assert!(sender.stopped.is_none(), "{sender:?}");
    }
    assert_eq!(goodputs(&file).len(), 11);
}
