//! The tour: its output with and without a terminal, and whether its commands show what its lessons claim.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::{run, skip_missing, wirelab};
use tempfile::tempdir;
use wirelab::{
    lesson::{LESSONS, Results},
    path::StopSignal,
};

#[test]
fn the_commands_of_a_lesson_and_its_exercises_show_what_the_lesson_shows() {
    let folder = tempdir().unwrap();
    for lesson in LESSONS {
        let stop = StopSignal::default();
        let (results, exercises) = (lesson.run(&stop).unwrap(), lesson.run_exercises(&stop).unwrap());
        let files: Vec<_> = results.files().chain(exercises.iter().flat_map(Results::files)).collect();
        assert_eq!(lesson.commands().count(), files.len(), "{}", lesson.title);
        for (command, file) in lesson.commands().zip(files) {
            let command = command.replace(" --ladder", "");
            let printed = run(folder.path(), format!("{command} -J").split(' ')).succeeded();
            let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
            assert_eq!(printed["cells"], serde_json::to_value(&file.cells).unwrap(), "{command}");
        }
    }
}

#[test]
fn without_a_terminal_everything_is_printed_in_80_columns() {
    let folder = tempdir().unwrap();
    let mut command = wirelab(folder.path(), ["tour"]);
    let output = command.env("COLUMNS", "80").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for (lesson, number) in LESSONS.iter().zip(1..) {
        assert!(text.contains(&format!("{number}. {}\n", lesson.title)), "{text}");
    }
    assert_eq!(text.matches("\nAnswer: ").count(), LESSONS.len(), "{text}");
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty() && !text.contains('\u{1b}'), "{wide:#?}");
}

#[test]
fn on_a_terminal_it_asks_first() {
    let line = format!("stty cols 80; NO_COLOR=1 {} tour 2", env!("CARGO_BIN_EXE_wirelab"));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = script.env_remove("COLUMNS").spawn() else { return skip_missing("script") };
    child.stdin.take().unwrap().write_all(b"z\na\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    assert!(output.status.success(), "{text}");
    let places = [
        "Question: ",
        "Your prediction (a, b, c, d, Enter to skip, q to quit): ",
        "Please type one of these (",
        "You said a, but it is b)",
    ];
    let found: Vec<_> = places.iter().map(|place| text.find(place)).collect();
    assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{found:?}\n{text}");
}

#[test]
fn the_page_for_teachers_needs_a_format() {
    let folder = tempdir().unwrap();
    let said = run(folder.path(), ["tour", "--teacher", "page.doc"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("expected a file name that ends in .md or .html"), "{}", said.stderr);
}

#[test]
fn without_arguments_three_commands_are_given() {
    let said = run(tempdir().unwrap().path(), [] as [&str; 0]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let commands: Vec<&str> = said.stdout.lines().filter(|line| line.starts_with("  wirelab ")).collect();
    assert!(commands.len() == 3 && commands[0].contains("wirelab tour"), "{}", said.stdout);
}
