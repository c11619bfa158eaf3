//! What `bench`, `hol`, `handshake` and `transfer` have in common.

use crate::support::{Finished, Program, accounted, run, wirelab};
use serde_json::Value;
use tempfile::tempdir;
use wirelab::{
    link::Preset,
    report::{self, Flag},
};

fn said(arguments: &str) -> Finished {
    run(tempdir().unwrap().path(), arguments.split_whitespace())
}

/// A short run of each experiment in virtual time, printed as JSON.
const SHORT: [&str; 4] = [
    "bench -d 100ms -w 0s --seeds 1 -J",
    "hol -d 100ms -w 0s --seeds 1 -J",
    "handshake --path sim --connections 1 --seeds 1 -J",
    "transfer --bytes 10KB --seeds 1 -J",
];

fn result(arguments: &str) -> Value {
    let said = said(arguments);
    assert_eq!(said.code, Some(0), "{arguments}: {said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_controller_that_a_transport_lacks_is_refused_alike_by_every_experiment() {
    for command in SHORT {
        let result = result(&format!("{command} -t udp,arq-selective -C bbr"));
        let cells: Vec<_> =
            result["cells"].as_array().unwrap().iter().map(|cell| &cell["transport"]).collect();
        assert_eq!(cells, ["udp"], "{command}");
        let skipped = &result["skipped"][0];
        assert_eq!(skipped["transport"], "arq-selective", "{command}");
        assert!(skipped["reason"].as_str().unwrap().contains("cubic, newreno"), "{command}: {skipped}");
    }
}

#[test]
fn rows_that_differ_in_their_controller_only_name_it() {
    for command in SHORT {
        let result = result(&format!("{command} -t arq-selective -C cubic,newreno"));
        let cells = result["cells"].as_array().unwrap();
        let mut controllers: Vec<_> = cells.iter().map(|cell| cell["congestion"].as_str().unwrap()).collect();
        controllers.dedup();
        assert_eq!(controllers, ["cubic", "newreno"], "{command}");
    }
    let said = said("transfer -t arq-selective -C cubic,newreno --bytes 10KB --seeds 1");
    for label in ["arq-selective cubic", "arq-selective newreno"] {
        assert!(said.stdout.contains(label), "{}", said.stdout);
    }
}

/// Transfers have a test of their own, which takes every size and direction.
#[test]
fn every_preset_completes_with_the_defaults_of_every_measurement() {
    for preset in Preset::ALL {
        for command in ["bench", "hol", "handshake"] {
            let arguments = format!("{command} --path sim --preset {} --seeds 1 -J", preset.name());
            let said = said(&arguments);
            assert_eq!(said.code, Some(0), "{arguments}: {said:?}");
            let file = report::from_json(said.stdout.as_bytes()).unwrap();
            assert!(file.complete && !file.cells.is_empty(), "{arguments}");
            accounted(&file).unwrap_or_else(|e| panic!("{arguments}: {e}"));
            for cell in &file.cells {
                let gone = |flag: &Flag| matches!(flag, Flag::NoReply | Flag::ConnectionLost);
                assert!(!cell.flags.iter().any(gone), "{arguments}: {} {:?}", cell.transport, cell.flags);
            }
        }
    }
}

#[test]
fn every_help_text_lists_all_transports_and_paths_and_the_default() {
    for (command, transports, path) in [
        ("bench", "udp,arq-selective,tcp,quic", "sim"),
        ("hol", "udp,quic,arq-selective,tcp", "sim"),
        ("handshake", "udp,tcp,tls,quic-one", "sim, and netns for tcp and tls"),
        ("transfer", "arq-selective,tcp,quic-one,quic-flow,quic-message", "sim"),
    ] {
        let help = said(&format!("{command} --help")).stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for name in
            ["arq-stop-and-wait, arq-go-back-n", "arq-unordered, tcp, tls, quic-one", "netns (network"]
        {
            assert!(help.contains(name), "{command}: {name}: {help}");
        }
        for default in [transports, path] {
            assert!(help.contains(&format!("[default: {default}]")), "{command}: {default}: {help}");
        }
    }
}

#[test]
fn properties_writes_every_cell_with_what_was_counted() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), "properties -t udp,quic-one -J -o table.md".split_whitespace());
    assert_eq!(said.code, Some(0), "{said:?}");
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    for row in result["rows"].as_array().unwrap() {
        assert!(
            row["how"].as_str().unwrap().contains("Counted:") || row["claim"] == "largest message",
            "{row}"
        );
        for cell in row["cells"].as_array().unwrap() {
            assert!(cell["answer"]["detail"].is_string() && cell["path"] == "sim", "{cell}");
        }
    }
    let table = std::fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert!(table.starts_with("|  | udp | quic-one |\n"), "{table}");
    assert!(table.contains("| largest message | 1472 | over 1 MB |\n"), "{table}");
    let said = run(folder.path(), ["properties", "-o", "table.doc"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("it must end in .json, .csv, .md, .html or .txt"), "{said:?}");
}

#[test]
fn report_shows_a_saved_table_of_properties_as_it_was_printed() {
    let folder = tempdir().unwrap();
    let said = |line: &str| run(folder.path(), line.split_whitespace());
    let printed = said("properties -t udp,arq-selective -o table.json").succeeded();
    assert_eq!(said("report table.json -o table.md").succeeded(), printed);
    let markdown = std::fs::read_to_string(folder.path().join("table.md")).unwrap();
    assert!(markdown.starts_with("|  | udp | arq-selective |\n| --- | --- | --- |\n"), "{markdown}");
    said("report table.json -o table.html -q").succeeded();
    let html = std::fs::read_to_string(folder.path().join("table.html")).unwrap();
    assert!(html.contains("<th scope=\"row\">largest message</th><td>1472</td>"), "{html}");
    assert_eq!(said("report table.json --svg charts").code, Some(2), "a table has no charts");
    let saved = std::fs::read_to_string(folder.path().join("table.json")).unwrap();
    assert_eq!(said("report table.json --format json").succeeded(), saved);
    let mut from_input = Program::start(wirelab(folder.path(), ["report", "-"]));
    from_input.say(&saved);
    assert_eq!(from_input.finish().succeeded(), printed);
    let two = said("report table.json table.json");
    assert_eq!(two.code, Some(2), "{two:?}");
    assert!(two.stderr.contains("table.json is a table of properties: name it alone"), "{two:?}");
    // Missing cells are shown, and text from a file cannot control the terminal.
    let short = saved.replacen("\"no\"", "\"\\u001b[2J\"", 1);
    let mut table: Value = serde_json::from_str(&short).unwrap();
    table["rows"][1]["cells"].as_array_mut().unwrap().pop();
    std::fs::write(folder.path().join("short.json"), table.to_string()).unwrap();
    let text = said("report short.json").succeeded();
    assert!(!text.contains('\u{1b}') && text.lines().count() > 10, "{text}");
}

/// The table in docs/tampering.md against a run for each of its cells.
#[test]
fn the_table_of_attacks_says_what_each_transport_notices() {
    let page = include_str!("../../docs/tampering.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| transport |"));
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`'));
        cells.collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    let [head, _, rows @ ..] = &*rows else { panic!("no table in {page}") };
    assert_eq!(head, &["transport", "--corrupt", "--replay", "--inject"]);
    let transports: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(transports, ["udp", "arq", "udp-hmac", "dtls", "quic"]);
    for (column, attack) in head.iter().enumerate().skip(1) {
        for row in rows {
            let transport = row[0];
            let run =
                format!("bench -t {transport} --rtt 4ms --loss 0% {attack} 5% --seeds 1 -d 5s -w 0s -J");
            let result = result(&run);
            for cell in result["cells"].as_array().unwrap() {
                let reached =
                    ["corrupted", "duplicated"].map(|count| cell["messages"][count].as_u64().unwrap());
                let noticed = if reached == [0, 0] { "noticed" } else { "delivered" };
                assert_eq!(row[column], noticed, "{}: {run}: {reached:?}", cell["transport"]);
                let attacks = ["corrupted", "replayed", "injected"]
                    .map(|count| cell["wire"]["to_server"][count].as_u64().unwrap());
                assert!(attacks[column - 1] > 10, "{}: {run}: {attacks:?}", cell["transport"]);
            }
        }
    }
}
