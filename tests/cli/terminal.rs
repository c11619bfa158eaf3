//! What a terminal gets: lines that fit it, and colours unless they are not wanted.

use std::process::Command;

use crate::support::{run, skip_missing, wirelab};
use tempfile::tempdir;

const BENCH: &str = "bench -t udp,arq-selective,quic-one,tcp -d 2s --seeds 2 --no-progress";

/// What `wirelab` prints on a terminal of so many columns; `None` without a program that makes one.
fn on_terminal(columns: usize, setting: &str, arguments: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_wirelab");
    let line = format!("stty cols {columns}; {setting} {program} {arguments}");
    let folder = tempdir().unwrap();
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(folder.path());
    let output = script.env_remove("COLUMNS").env_remove("NO_COLOR").output().ok()?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

/// The text without its colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').unwrap_or_default().1)
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn text_is_as_wide_as_the_terminal_and_prose_stays_readable() {
    let folder = tempdir().unwrap();
    for (columns, least) in [(70, 60), (80, 70), (100, 90), (200, 125)] {
        let Some(text) = on_terminal(columns, "", BENCH) else { return skip_missing("script") };
        let text = plain(&text);
        assert!((least..=columns).contains(&widest(&text)), "{columns}: {}\n{text}", widest(&text));
        let prose = text.lines().filter(|line| line.contains(" the ")).map(|line| line.chars().count());
        assert!(prose.max().unwrap() <= 120, "{columns}:\n{text}");
        // Without a terminal, COLUMNS says it.
        let mut command = wirelab(folder.path(), BENCH.split(' '));
        let output = command.env("COLUMNS", columns.to_string()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    }
    let verify = "verify --only 1,6,13";
    for columns in [60, 80, 100] {
        let mut command = wirelab(folder.path(), verify.split(' '));
        let output = command.env("COLUMNS", columns.to_string()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(widest(&text) <= columns && text.contains("ok"), "{columns}:\n{text}");
    }
}

#[test]
fn only_a_terminal_gets_colours_and_none_if_they_are_not_wanted() {
    let Some(coloured) = on_terminal(100, "", BENCH) else { return skip_missing("script") };
    assert!(
        coloured.contains("\u{1b}[1msim: 50 ms round trip") && coloured.contains("\u{1b}[33m! "),
        "{coloured}"
    );
    for (setting, option) in [("NO_COLOR=1", ""), ("", "--no-color"), ("", "--no-colour")] {
        let text = on_terminal(100, setting, &format!("{BENCH} {option}")).unwrap();
        assert_eq!(text, plain(&coloured), "{setting}{option}");
    }
    let folder = tempdir().unwrap();
    let piped = run(folder.path(), BENCH.split(' ')).succeeded();
    assert!(!piped.contains('\u{1b}'), "{piped}");
}
