//! The result file against its schema, and every renderer against snapshots of its output.

mod model;
mod pictures;
mod sample;

use serde_json::{Value, json};
use wirelab::{link::PROPERTIES, report::*, stats::Histogram};

use crate::support::ResultSchema;

fn value(file: &ResultFile) -> Value {
    serde_json::from_str(&to_json(file)).unwrap()
}

/// A result with all remaining objects: handshake, transfer, theory, a system, a link with every property.
fn the_rest() -> ResultFile {
    let summary = (1..=100u64).collect::<Histogram>().summary();
    let mut file = sample::five_transports();
    file.command = "handshake".to_owned();
    file.system = Some(System {
        kernel: "Linux 6.8".to_owned(),
        cores: 2,
        crates: [("quinn".to_owned(), "0.11.12".to_owned())].into(),
        settings: [("rmem_max".to_owned(), "212992".to_owned())].into(),
        lateness_ns: Some(summary),
        dropped_packets: Some(0),
        send_errors: Some(2),
    });
    let mut cell = Cell::new("tls", "netns", Some(sample::link()), Workload::default());
    cell.handshake = Some(Handshake {
        mode: HandshakeMode::ZeroRtt,
        connections: Some(100),
        failed: Some(1),
        connect_ns: Some(summary),
        first_reply_ns: Some(summary),
        second_reply_ns: None,
        over_1s_ratio: Ratio::of(4, 100),
        round_trips: Ratio::new(2.0),
        packets_to_server: Ratio::new(4.5),
        packets_to_client: None,
        bytes_to_server: Some(1_500),
        bytes_to_client: None,
        connections_per_second: Ratio::new(7000.0),
    });
    cell.transfer = Some(Transfer {
        direction: Some(TransferDirection::Down),
        bytes: 10_000_000,
        pace_bps: Some(10_000_000),
        completed: 9,
        failed: 1,
        unknown: 0,
        time_ns: summary,
        goodput_bps: summary,
        arrived_bytes: Some(99_999_000),
        arrived_ratio: Ratio::new(0.9999),
        missing: Some(Missing { bytes: 1_000, parts: 1, first: vec![[4_000, 5_000]] }),
        stopped: Some("interrupted".to_owned()),
    });
    cell.theory = Some(Theory {
        delayed_ratio: Ratio::new(0.114),
        blocked_ratio: None,
        extra_mean_ns: Some(6_900_000),
    });
    cell.latency_ns = Some(Latency::default());
    if let Some(link) = &mut cell.link {
        link.to_client = sample::direction(&["delay=25ms,loss=1%,jitter=5ms:pareto,loss-by=time:1ms"]);
    }
    file.cells.push(cell);
    file.cells.push(Cell::new("udp", "direct", None, Workload::default()));
    file
}

#[test]
fn what_is_written_matches_the_schema() {
    let schema = ResultSchema::new();
    for file in [
        sample::five_transports(),
        sample::nothing_delivered(),
        sample::interrupted(),
        the_rest(),
        ResultFile::new("bench"),
    ] {
        schema.check(&value(&file)).unwrap();
    }
}

#[test]
fn the_schema_rejects_broken_files() {
    type Breaking = fn(&mut Value);
    let schema = ResultSchema::new();
    let good = value(&sample::five_transports());
    let broken: [(&str, Breaking); 9] = [
        ("other schema", |v| v["schema"] = json!("wirelab/2")),
        ("no cells", |v| drop(v.as_object_mut().unwrap().remove("cells"))),
        ("unknown key", |v| v["cells"][0]["colour"] = json!("red")),
        ("null key absent", |v| {
            v["cells"][0].as_object_mut().unwrap().remove("transfer");
        }),
        ("negative time", |v| v["cells"][0]["latency_ns"]["p50"] = json!(-1)),
        ("fraction of a nanosecond", |v| {
            v["cells"][0]["latency_ns"]["max"] = json!(0.5);
        }),
        ("unknown flag", |v| v["cells"][0]["flags"] = json!(["wet"])),
        ("interval of one end", |v| {
            v["cells"][0]["latency_ns"]["ci95"]["p99"] = json!([1]);
        }),
        ("time difference with a fraction", |v| {
            v["paired"][1]["difference"] = json!(0.5);
        }),
    ];
    schema.check(&good).unwrap();
    for (what, breaking) in broken {
        let mut document = good.clone();
        breaking(&mut document);
        assert!(schema.check(&document).is_err(), "{what}");
    }
}

#[test]
fn a_file_read_back_is_written_to_the_same_bytes() {
    for file in [sample::five_transports(), the_rest()] {
        let written = to_json(&file);
        let read = from_json(written.as_bytes()).unwrap();
        assert_eq!(read, file);
        assert_eq!(to_json(&read), written);
        assert!(written.ends_with("}\n"));
    }
}

#[test]
fn a_file_that_cannot_be_read_gives_the_reason() {
    let error = |text: &str| from_json(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("# bench"), "not JSON: expected value at line 1 column 1");
    assert!(error("{\"schema\": \"wirelab/1\"").starts_with("not JSON: EOF"));
    assert!(error("[1, 2]").starts_with("not a wirelab result"));
    assert!(error("{}").starts_with("not a wirelab result"));
    assert_eq!(
        error(r#"{"schema": "wirelab/9"}"#),
        r#"unsupported schema "wirelab/9": this version reads "wirelab/1" and "wirelab-properties/1""#
    );
    let mut document = value(&sample::five_transports());
    document.as_object_mut().unwrap().remove("cells");
    assert!(error(&document.to_string()).contains("missing field `cells`"));
    let large = vec![b' '; MAX_BYTES + 1];
    assert!(matches!(from_json(&large), Err(LoadError::TooLarge { .. })));
    let deep = "[".repeat(100_000);
    assert!(error(&deep).starts_with("not "));
}

#[test]
fn files_of_older_and_newer_versions_are_read() {
    let mut document = value(&sample::five_transports());
    document["cells"][0]["from_the_future"] = json!(1);
    document["cells"][0].as_object_mut().unwrap().remove("transfer");
    let read = from_json(document.to_string().as_bytes()).unwrap();
    assert_eq!(read, sample::five_transports());
}

fn text(file: &ResultFile, width: usize) -> String {
    let options = TextOptions { width, ..TextOptions::default() };
    to_text(file, options)
}

#[test]
fn text_keeps_to_the_width() {
    for file in [sample::five_transports(), sample::interrupted(), the_rest()] {
        for width in [60, 70, 80, 90, 100, 120, 160, 200] {
            let text = text(&file, width);
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn p99_always_stands_beside_loss() {
    for width in [60, 80, 100] {
        let text = text(&sample::five_transports(), width);
        let head = text.lines().find(|line| line.contains("p99")).unwrap();
        assert!(head.contains("lost"), "{width}: {head}");
    }
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let file = sample::interrupted();
    let coloured = to_text(&file, TextOptions { colour: true, ..TextOptions::default() });
    let stripped = ["\x1b[1m", "\x1b[33m", "\x1b[0m"]
        .iter()
        .fold(coloured.clone(), |text, escape| text.replace(escape, ""));
    assert_ne!(coloured, stripped);
    assert_eq!(stripped, text(&file, 100));
}

#[test]
fn a_file_cannot_send_escapes_or_break_a_table() {
    let mut file = sample::nothing_delivered();
    file.cells[0].transport = "u\x1b[2Jd|p,\"\n".to_owned();
    assert!(!text(&file, 80).contains('\x1b'));
    assert!(to_markdown(&file).contains("| u \\[2Jd\\|p,\"  |"));
    assert!(to_csv(&file).contains("\"u\x1b[2Jd|p,\"\"\n\","));
}

#[test]
fn every_row_of_csv_has_the_columns_of_the_header() {
    let csv = to_csv(&the_rest());
    let mut rows = csv.split_terminator("\r\n");
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    let names: std::collections::BTreeSet<&&str> = header.iter().collect();
    assert_eq!(names.len(), header.len(), "names are unique");
    assert!(
        header
            .iter()
            .all(|name| { name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') })
    );
    assert_eq!(rows.clone().count(), 7);
    assert!(rows.all(|row| row.split(',').count() == header.len()));
}

#[test]
fn text_at_80_columns() {
    insta::assert_snapshot!(text(&sample::five_transports(), 80));
}

#[test]
fn text_at_100_columns() {
    insta::assert_snapshot!(text(&sample::five_transports(), 100));
}

#[test]
fn text_of_an_empty_cell() {
    insta::assert_snapshot!(text(&sample::nothing_delivered(), 80));
}

#[test]
fn text_of_an_interrupted_run() {
    insta::assert_snapshot!(text(&sample::interrupted(), 100));
}

#[test]
fn text_of_hol() {
    let mut file = sample::five_transports();
    file.command = "hol".to_owned();
    insta::assert_snapshot!(text(&file, 100));
}

#[test]
fn text_of_other_commands() {
    insta::assert_snapshot!(text(&the_rest(), 100));
}

#[test]
fn text_of_nothing() {
    assert_eq!(text(&ResultFile::new("bench"), 80), "Nothing was measured.\n");
}

#[test]
fn csv() {
    insta::assert_snapshot!(to_csv(&sample::five_transports()));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(to_markdown(&sample::five_transports()));
}

#[test]
fn markdown_of_hol() {
    let mut file = sample::five_transports();
    file.command = "hol".to_owned();
    insta::assert_snapshot!(to_markdown(&file));
}

#[test]
fn markdown_of_an_interrupted_run() {
    insta::assert_snapshot!(to_markdown(&sample::interrupted()));
}

#[test]
fn markdown_of_other_commands() {
    insta::assert_snapshot!(to_markdown(&the_rest()));
}

/// The words of a rendering, without marks, table rules and wrapping.
fn words(rendering: &str) -> std::collections::BTreeSet<String> {
    let marks = |c: char| "|*#`\\!()".contains(c);
    let words = rendering.split_whitespace().map(|word| word.replace(marks, ""));
    let words = words.map(|word| word.trim_end_matches(';').to_owned());
    words.filter(|word| word.chars().any(char::is_alphanumeric)).collect()
}

#[test]
fn markdown_says_all_that_text_says() {
    let mut hol = sample::five_transports();
    hol.command = "hol".to_owned();
    for file in
        [sample::five_transports(), hol, sample::nothing_delivered(), sample::interrupted(), the_rest()]
    {
        assert_eq!(words(&to_markdown(&file)), words(&text(&file, 200)));
    }
}

#[test]
fn each_format_has_its_own_ending_and_renders() {
    let file = sample::five_transports();
    let endings: std::collections::BTreeSet<&str> = FORMATS.iter().map(|format| format.ending).collect();
    assert_eq!(endings.len(), FORMATS.len());
    for format in FORMATS {
        assert!((format.render)(&file).contains("quic-one"), "{}", format.ending);
        assert_eq!(Format::of_ending(format.ending).unwrap().ending, format.ending);
    }
    assert!(Format::of_ending("pdf").is_none());
    assert_eq!(Format::endings(), ".json, .csv, .md, .html or .txt");
}

#[test]
fn rows_that_differ_in_one_property_of_the_link_differ_in_csv() {
    let base = "delay=25ms,jitter=1ms,loss=1%,rate=20mbit,queue=100p";
    let changes = [
        "delay=26ms",
        "jitter=2ms",
        "jitter=1ms:normal",
        "keep-order",
        "loss=2%",
        "loss-by=time",
        "loss-by=time:2ms",
        "rate=10mbit",
        "rate=cellular:20mbit",
        "queue=99p",
        "aqm=codel",
        "ecn",
        "ecn-fault=bleach",
        "reorder=1%",
        "duplicate=1%",
        "corrupt=1%",
        "replay=1%",
        "inject=1%",
        "mtu=1400",
    ];
    for property in PROPERTIES {
        assert!(changes.iter().any(|change| change.starts_with(property.key())), "{}", property.key());
    }
    for what in changes {
        let mut file = sample::five_transports();
        file.cells.truncate(1);
        file.cells[0].link = Some(Link::both(sample::direction(&[base])));
        let mut other = file.cells[0].clone();
        other.link.as_mut().unwrap().to_client = sample::direction(&[base, what]);
        file.cells.push(other);
        let csv = to_csv(&file);
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert_ne!(rows[0], rows[1], "{what}");
    }
}

#[test]
fn what_is_unfinished_is_shown_and_not_compared_with_what_is_lost() {
    let mut file = sample::five_transports();
    let before = to_text(&file, TextOptions::default());
    assert!(!before.contains("unfinished") && before.contains("The rows differ in loss"), "{before}");
    for cell in &mut file.cells[1..] {
        let messages = cell.messages.as_mut().unwrap();
        messages.unfinished = messages.delivered / 2;
        messages.delivered -= messages.unfinished;
        cell.flags = vec![Flag::Unfinished];
    }
    let text = to_text(&file, TextOptions::default());
    assert!(text.contains("  unfinished"), "{text}");
    assert!(text.contains("(unfinished)"), "{text}");
    assert!(!text.contains("differ in loss") && !text.contains("neither in loss"), "{text}");
}

#[test]
fn rows_that_differ_a_little_in_blocking_are_not_said_to_be_the_same() {
    let mut file = sample::five_transports();
    file.cells.drain(..file.cells.len() - 2);
    let mut text = |blocked: [f64; 2]| {
        for (cell, blocked) in file.cells.iter_mut().zip(blocked) {
            cell.hol.as_mut().unwrap().blocked_ratio = Ratio::new(blocked);
        }
        to_text(&file, TextOptions::default())
    };
    assert!(text([0.1, 0.1]).contains("neither in loss nor in blocking"));
    assert!(!text([0.15, 0.1]).contains("neither in loss"), "a difference, but less than twice as much");
}

#[test]
fn a_loss_without_a_direction_and_a_server_that_went_away_are_shown() {
    let mut file = sample::five_transports();
    let cell = &mut file.cells[0];
    cell.server = Some("udp://192.0.2.1:9999".to_owned());
    cell.server_gone_ns = Some(3_200_000_000);
    let messages = cell.messages.as_mut().unwrap();
    messages.unknown = messages.scheduled / 4;
    let unattributed = messages.known() / 2;
    let way = NetworkDirection { loss_ratio: Ratio::of(0, 1), ..NetworkDirection::default() };
    cell.network = Some(Network {
        unattributed,
        to_server: Some(way.clone()),
        to_client: Some(way),
        ..Network::default()
    });
    let text = to_text(&file, TextOptions::default());
    assert!(text.contains("unknown") && text.contains("25.00%"), "{text}");
    assert!(text.contains("lost up or down") && text.contains("50.00%"), "{text}");
    assert!(text.contains("the server's last reply came 3.20 s after the first message"), "{text}");
}
