//! Result files that nobody's program wrote: a report of them is nonsense, but it neither panics nor takes all memory.

use std::{collections::BTreeSet, fs, path::Path, thread};

use serde_json::Value;
use tempfile::TempDir;
use wirelab::report::{FORMATS, Saved, TextOptions, load, to_ladders, to_svgs};

use crate::support::run;

/// 52 days in nanoseconds. Sums of thousands of them do not overflow, which only builds with checks would notice.
const HUGE: u64 = 1 << 52;

/// One command for each kind of figure.
const COMMANDS: [&str; 9] = [
    "bench -t udp,quic-one --loss 2% -d 1s --seeds 1 --rate 5mbit --queue 1bdp",
    "bench -t quic-one --handover 1s:300ms -d 3s --seeds 1 --loss 1%",
    "bench --workload game:30 -t udp,quic-one --loss 2% -d 2s --seeds 1",
    "bench --workload page:5:4KB -t quic-one --loss 2% --loads 2 --seeds 1",
    "bench --workload video -t udp,quic-one --loss 1% -d 3s --seeds 1",
    "hol -t quic-one --loss 3% -d 2s --seeds 1 --ladder longest",
    "handshake -t udp,quic-one -n 3 --seeds 1 --path sim --loss 5%",
    "share -t quic-one:cubic,udp@1mbit --rate 5mbit -d 3s -w 1s --seeds 1",
    "transfer -t quic-one -n 100KB --seeds 1 --loss 1%",
];

fn result_of(folder: &Path, line: &str) -> Value {
    let pictures = if line.starts_with("handshake") { "" } else { " --pictures" };
    let finished = run(folder, format!("{line}{pictures} -o result.json -q").split_whitespace());
    assert_eq!(finished.code, Some(0), "{line}: {}", finished.stderr);
    serde_json::from_slice(&fs::read(folder.join("result.json")).unwrap()).unwrap()
}

/// The JSON pointers (RFC 6901) to the numbers below `value`: to the first element alone of each array.
fn numbers(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Number(_) => drop(found.insert(at.to_owned())),
        Value::Array(elements) => {
            if let Some(element) = elements.first() {
                numbers(element, &format!("{at}/0"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                numbers(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// Renders a file in every way, if it can be read. Returns whether it could.
fn renders(json: &Value) -> bool {
    let Ok(Saved::Result(file)) = load(json.to_string().as_bytes()) else { return false };
    // Each mark of a chart and each letter of a bar is for something that the file lists.
    const MOST: usize = 4_000_000;
    for format in FORMATS {
        assert!((format.render)(&file).len() < MOST, "{}", format.ending);
    }
    assert!(to_ladders(&file.episodes, TextOptions::default()).len() < MOST);
    to_svgs(&file).iter().for_each(|svg| assert!(svg.text.len() < MOST, "{}", svg.name));
    true
}

#[test]
fn no_number_in_a_result_makes_a_report_panic_or_grow() {
    let folder = TempDir::new().unwrap();
    let results = COMMANDS.map(|line| result_of(folder.path(), line));
    let check = |result: &Value| {
        assert!(renders(result));
        let mut places = BTreeSet::new();
        numbers(result, "", &mut places);
        let mut rendered = 0;
        for place in &places {
            for strange in [Value::from(HUGE), Value::from(0), Value::from(1e300)] {
                let mut changed = result.clone();
                *changed.pointer_mut(place).unwrap() = strange;
                rendered += usize::from(renders(&changed));
            }
        }
        assert!(rendered > places.len() / 2, "{rendered} of {} numbers", places.len());
    };
    thread::scope(|scope| {
        for half in results.chunks(COMMANDS.len().div_ceil(2)) {
            scope.spawn(move || half.iter().for_each(check));
        }
    });
}
