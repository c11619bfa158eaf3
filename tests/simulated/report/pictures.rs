//! The HTML page and its charts: marks show the figures of the result, and no content of a result file breaks the page.

use std::time::Duration;

use serde_json::{Value, json};
use wirelab::{
    experiment::{Bench, PathKind, Plan, Which, episode, pair},
    link::LinkSpec,
    path::StopSignal,
    report::*,
    transport::{Congestion, LossDetection, Transport},
    unit::PerDirection,
};

use super::{sample, value};
use crate::{
    driven::driven,
    support::{ResultSchema, workload},
};

fn plan(transport: Transport, link: &str) -> Plan {
    let spec: LinkSpec = link.parse().unwrap();
    Plan {
        path: PathKind::Sim,
        transport,
        links: PerDirection::both(spec),
        congestion: Congestion::Fixed(1_000_000),
        loss_detection: LossDetection::default(),
        workload: workload(Duration::from_secs(6)),
    }
}

/// A run with all data for pictures.
fn measured(plans: &[Plan], seeds: u64) -> ResultFile {
    driven(&Bench::default(), "hol", plans.to_vec(), seeds, true).file
}

fn two_transports() -> ResultFile {
    let plans = [Transport::UDP, Transport::QUIC_ONE].map(|transport| plan(transport, "delay=25ms,loss=3%"));
    let mut file = measured(&plans, 3);
    file.episodes.extend(episode(&plans[1], 1, Which::Longest, &StopSignal::default()).unwrap());
    file
}

/// The values of an attribute, in order.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.match_indices(&start).map(|(at, _)| html[at + start.len()..].split('"').next().unwrap()).collect()
}

/// The part of a page that shows one chart.
fn chart<'a>(html: &'a str, name: &str) -> &'a str {
    let start = html.find(&format!("data-chart=\"{name}\"")).unwrap_or_else(|| panic!("no chart {name}"));
    &html[start..start + html[start..].find("</svg>").unwrap()]
}

#[test]
fn what_pictures_need_is_in_the_file_by_its_schema_and_only_if_asked_for() {
    let file = two_transports();
    ResultSchema::new().check(&value(&file)).unwrap();
    assert_eq!(from_json(to_json(&file).as_bytes()).unwrap(), file);
    let plain = to_json(&sample::five_transports());
    assert!(!plain.contains("pictures") && !plain.contains("episodes"));
}

#[test]
fn the_line_of_a_transport_falls_at_its_latencies() {
    let file = two_transports();
    let html = to_html(&file);
    let lines = attributes(chart(&html, "latency"), "data-points");
    assert_eq!(lines.len(), 2);
    for (cell, line) in file.cells.iter().zip(lines) {
        let (messages, pictures) = (cell.messages.as_ref().unwrap(), cell.pictures.as_ref().unwrap());
        let bins = &pictures.latency_bins;
        assert_eq!(bins.iter().map(|[_, n]| n).sum::<u64>(), messages.delivered);
        assert_eq!(bins.last().map(|[ns, _]| *ns), cell.latency_ns.as_ref().unwrap().summary.max);
        let mut arrived = 0;
        let expected = bins.iter().map(|[ns, n]| {
            arrived += n;
            format!("{ns} {}", Ratio::of(messages.scheduled - arrived, messages.scheduled).unwrap().get())
        });
        assert_eq!(line, expected.collect::<Vec<_>>().join(" "), "{}", cell.transport);
    }
}

#[test]
fn bars_have_the_lengths_of_the_budget_and_of_the_blocked() {
    let file = two_transports();
    let html = to_html(&file);
    let of = |name| attributes(chart(&html, name), "data-value").iter().map(|n| n.parse().unwrap()).collect();
    let (budget, blocking): (Vec<f64>, Vec<f64>) = (of("budget"), of("blocking"));
    for cell in &file.cells {
        let parts = cell.budget_ns.as_ref().unwrap();
        let parts = [parts.path, parts.send_wait, parts.recovery, parts.order_wait, parts.host];
        for part in parts.into_iter().flatten().filter(|ns| *ns > 0) {
            assert!(budget.contains(&(part as f64)), "{part} of {} is missing in {budget:?}", cell.transport);
        }
    }
    let share = file.cells[1].hol.as_ref().unwrap().blocked_ratio.unwrap().get();
    assert!(share > 0.0 && (blocking.iter().sum::<f64>() - share).abs() < 1e-9, "{blocking:?}, {share}");
}

#[test]
fn every_message_of_the_worst_part_is_a_dot() {
    let file = two_transports();
    for cell in &file.cells {
        let detail = &cell.pictures.as_ref().unwrap().timeline.as_ref().unwrap().detail;
        let html = to_html(&ResultFile { cells: vec![cell.clone()], ..ResultFile::new("hol") });
        let chart = chart(&html, "time");
        let counts: Vec<usize> = attributes(chart, "data-n").iter().map(|n| n.parse().unwrap()).collect();
        let drops = detail.dropped_to_server_ns.len() + detail.dropped_to_client_ns.len();
        assert!(drops > 0 && !detail.due_ns.is_empty());
        assert_eq!(counts.iter().sum::<usize>(), detail.due_ns.len() + drops, "{}", cell.transport);
        assert!(
            detail.latency_ns.iter().flatten().max()
                <= cell.latency_ns.as_ref().unwrap().summary.max.as_ref()
        );
    }
    let blocked =
        &file.cells[1].pictures.as_ref().unwrap().timeline.as_ref().unwrap().detail.blocked_by_other;
    assert!(!blocked.is_empty(), "one stream makes flows wait for each other");
}

#[test]
fn the_queue_of_a_bottleneck_is_drawn_and_no_longer_than_latency() {
    let plan = plan(Transport::UDP, "delay=25ms,rate=2mbit,queue=20p");
    let file = measured(&[plan], 1);
    let detail = &file.cells[0].pictures.as_ref().unwrap().timeline.as_ref().unwrap().detail;
    let queue = detail.queue.as_ref().unwrap();
    let most = *queue.to_server_ns.iter().max().unwrap();
    // 1028 bytes take 4.1 ms at 2 Mbit/s.
    assert!((4_112_000..25_000_000).contains(&most), "{most}");
    assert!(chart(&to_html(&file), "time").contains("class=\"queue\""));
}

/// When packets entered the wire, in the order in which a ladder draws them: acknowledgements, then messages, then
/// what was lost or retransmitted.
fn in_order_of_drawing(episode: &wirelab::report::episode::Episode) -> Vec<u64> {
    let mut packets: Vec<_> = episode.packets.iter().collect();
    packets.sort_by_key(|packet| {
        let is_special = packet.lost || packet.carries.iter().any(|carries| carries.again);
        (is_special, is_special || !packet.carries.is_empty())
    });
    packets.into_iter().map(|packet| packet.entered_ns).collect()
}

#[test]
fn a_ladder_has_an_arrow_for_each_packet_and_a_bar_for_each_wait() {
    let file = two_transports();
    let html = to_html(&file);
    let (ladder, episode) = (chart(&html, "ladder"), &file.episodes[0]);
    let entered: Vec<u64> = attributes(ladder, "data-entered").iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(entered, in_order_of_drawing(episode));
    let waits: Vec<u64> = attributes(ladder, "data-message").iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(waits, episode.waits.iter().map(|wait| wait.message.number).collect::<Vec<_>>());
    assert!(!waits.is_empty());
    let lost = episode.packets.iter().filter(|packet| packet.lost).count();
    // One more cross is in the legend.
    assert_eq!(ladder.matches("class=\"cross\"").count(), lost + 1);
}

#[test]
fn two_episodes_of_a_message_are_drawn_side_by_side() {
    let plans =
        [Transport::QUIC_ONE, Transport::QUIC_MESSAGE].map(|transport| plan(transport, "delay=25ms,loss=3%"));
    let mut file = measured(&plans, 1);
    file.episodes = pair([&plans[0], &plans[1]], &[1, 2, 3], Which::Longest, &StopSignal::default())
        .unwrap()
        .unwrap()
        .into();
    let html = to_html(&file);
    assert_eq!(html.matches("data-chart=\"ladder\"").count(), 1);
    let ladder = chart(&html, "ladder");
    let entered: Vec<u64> = attributes(ladder, "data-entered").iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(entered, file.episodes.iter().flat_map(in_order_of_drawing).collect::<Vec<_>>());
    assert_eq!(attributes(ladder, "data-transport"), ["quic-one", "quic-message"]);
    // Episodes of different messages have a chart each.
    file.episodes[1].subject.message.number += 1;
    assert_eq!(to_html(&file).matches("data-chart=\"ladder\"").count(), 2);
}

#[test]
fn cells_and_rows_of_tables_lead_to_their_charts() {
    let html = to_html(&two_transports());
    for (id, links) in
        [("g0-latency", 4), ("g0-budget", 4), ("g0-blocking", 2), ("g0-time", 1), ("g0-time-2", 1)]
    {
        assert!(html.contains(&format!("<figure id=\"{id}\"")), "{id}");
        let found = html.matches(&format!("href=\"#{id}\"")).count();
        assert!(found >= links, "{id}: {found}");
    }
}

#[test]
fn the_overview_counts_what_was_blocked_and_dropped() {
    let file = two_transports();
    let overview = &file.cells[1].pictures.as_ref().unwrap().timeline.as_ref().unwrap().overview;
    let html = to_html(&ResultFile { cells: vec![file.cells[1].clone()], ..ResultFile::new("hol") });
    let totals: Vec<u64> =
        attributes(chart(&html, "time"), "data-total").iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(totals, [overview.blocked.iter().sum::<u64>(), overview.dropped.iter().sum()]);
    assert!(totals.iter().all(|total| *total > 0), "{totals:?}");
}

#[test]
fn every_option_that_differs_has_a_curve() {
    for list in [
        ["rate=1mbit", "rate=2mbit", "rate=5mbit"],
        ["queue=20p,rate=2mbit", "queue=50p,rate=2mbit", "queue=64KB,rate=2mbit"],
        ["jitter=1ms", "jitter=2ms", "jitter=5ms"],
        ["reorder=1%", "reorder=2%", "reorder=5%"],
        ["loss=1%", "loss=gilbert:1%:25%", "loss=5%"],
    ] {
        let plans = list.map(|link| plan(Transport::UDP, &format!("delay=25ms,{link}")));
        let html = to_html(&measured(&plans, 1));
        // Each figure has three points.
        let points = attributes(chart(&html, "curve"), "data-y").len();
        assert!(points >= 6 && points.is_multiple_of(3), "{list:?}: {points}");
    }
}

#[test]
fn lists_become_curves_with_the_figures_of_their_cells() {
    let plans = ["loss=0%", "loss=2%", "loss=5%"]
        .map(|loss| plan(Transport::QUIC_ONE, &format!("delay=25ms,{loss}")));
    let file = measured(&plans, 2);
    let html = to_html(&file);
    let curve = chart(&html, "curve");
    let seen: Vec<f64> = attributes(curve, "data-y").iter().map(|n| n.parse().unwrap()).collect();
    let blocked = file.cells.iter().map(|cell| cell.hol.as_ref().unwrap().blocked_ratio.unwrap().get());
    let p99 = file.cells.iter().map(|cell| cell.latency_ns.as_ref().unwrap().summary.p99.unwrap() as f64);
    let on_time = file.cells.iter().map(|cell| cell.on_time_ratio.unwrap().get());
    assert_eq!(seen, blocked.chain(p99).chain(on_time).collect::<Vec<_>>());
}

#[test]
fn the_same_result_gives_the_same_bytes_also_after_it_was_saved() {
    let (file, again) = (two_transports(), two_transports());
    let html = to_html(&file);
    assert_eq!(html, to_html(&again));
    assert_eq!(html, to_html(&from_json(to_json(&file).as_bytes()).unwrap()));
    assert_eq!(to_svgs(&file), to_svgs(&again));
}

#[test]
fn each_chart_is_a_document_of_its_own() {
    let svgs = to_svgs(&two_transports());
    let names: Vec<&str> = svgs.iter().map(|svg| &*svg.name).collect();
    assert_eq!(names, ["blocking", "latency", "budget", "time", "time-2", "ladder"]);
    for svg in svgs {
        assert!(svg.text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox="), "{}", svg.name);
        assert!(!svg.text.contains("var(--"), "{}: not every program knows variables", svg.name);
    }
}

/// Replaces the names in a result with text that tries to inject a script.
fn hostile(file: &ResultFile) -> ResultFile {
    const NAME: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
    let mut document = value(file);
    for cell in document["cells"].as_array_mut().unwrap() {
        cell["transport"] = json!(NAME);
        cell["congestion"] = json!(NAME);
        cell["server"] = json!(NAME);
        cell["theory"] = Value::Null;
        cell["theory_reason"] = json!(NAME);
    }
    document["command"] = json!(NAME);
    document["version"] = json!(NAME);
    document["skipped"] = json!([{"transport": NAME, "path": NAME, "reason": NAME}]);
    for episode in document.get_mut("episodes").and_then(Value::as_array_mut).into_iter().flatten() {
        episode["transport"] = json!(NAME);
    }
    serde_json::from_value(document).unwrap()
}

#[test]
fn names_inject_nothing() {
    for file in [hostile(&two_transports()), hostile(&sample::five_transports())] {
        let html = to_html(&file);
        assert_eq!(html.matches("<script>").count(), 1);
        assert_eq!(html.matches("</script>").count(), 1);
        assert!(!html.contains("<img"));
        assert!(html.contains("&lt;/script&gt;"));
        for svg in to_svgs(&file) {
            assert!(!svg.text.contains("<script") && !svg.text.contains("<img"), "{}", svg.name);
        }
    }
}

#[test]
fn results_without_figures_have_a_page_too() {
    let mut nulls = sample::five_transports();
    for cell in &mut nulls.cells {
        *cell = Cell::new(&*cell.transport, &*cell.path, cell.link.clone(), cell.workload.clone());
    }
    let all_lost = measured(&[plan(Transport::UDP, "delay=25ms,loss=100%")], 1);
    let one_seed = measured(&[plan(Transport::QUIC_ONE, "delay=25ms,loss=1%")], 1);
    for file in [
        ResultFile::new("bench"),
        nulls,
        sample::nothing_delivered(),
        sample::interrupted(),
        all_lost,
        one_seed,
    ] {
        let html = to_html(&file);
        assert!(html.ends_with("</html>\n"));
        for unreal in ["NaN", "inf\"", "inf "] {
            assert!(!html.contains(&format!("=\"{unreal}")), "{unreal}");
        }
        to_svgs(&file);
    }
}

#[test]
fn ten_thousand_cells_make_a_page() {
    let sample = sample::five_transports();
    let mut file = ResultFile::new("bench");
    for flows in 1..=2000 {
        file.cells.extend(sample.cells.iter().cloned().map(|mut cell| {
            cell.workload.flows = flows;
            cell
        }));
    }
    let html = to_html(&file);
    assert!(html.contains("Charts are drawn for the first 40 of 2000"));
    assert_eq!(html.matches("<tr>").count(), html.matches("</tr>").count());
    assert!(html.matches("<th scope=\"row\">").count() >= 10_000);
    assert!(html.len() < 30_000_000, "{}", html.len());
}

#[test]
fn two_results_lie_over_each_other() {
    let of = |loss| measured(&[plan(Transport::QUIC_ONE, &format!("delay=25ms,loss={loss}"))], 3);
    // The same link, measured twice: only matching rows are compared.
    let (before, mut after) = (of("2%"), of("4%"));
    after.cells[0].link = before.cells[0].link.clone();
    let both = overlay(before, [after]);
    let text = to_text(&both, TextOptions::default());
    assert!(text.contains("quic-one A") && text.contains("quic-one B"), "{text}");
    assert!(text.contains("Compared with the first result (means over seeds"), "{text}");
    let html = to_html(&both);
    assert_eq!(attributes(chart(&html, "latency"), "data-points").len(), 2);
    assert!(html.contains("Compared with the first result"));
}
