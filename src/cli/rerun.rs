//! `wirelab rerun`.

use std::{
    env,
    io::Read as _,
    path::PathBuf,
    process::{Child, Command as Process, ExitCode, Stdio},
    sync::Arc,
};

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::Value;
use wirelab::{
    report::{ResultFile, Saved, episode::Episode, from_json},
    unit::Mutex,
};

use super::{
    Cli,
    given::Given,
    interrupt::{INTERRUPTED, leave, on_interrupt},
    output::{line, note, printable},
    report::read,
};

/// Run the options of a saved result again, and compare the figures
///
/// Runs the command with the options that the result names. With --path sim, the same version gives the same figures;
/// in real time they differ. The exit status is 1 if a figure differs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  wirelab rerun monday.json
      says whether this version gives the same figures")]
pub(crate) struct Rerun {
    /// A result that `-o FILE.json` or `--json` has written; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The most differences that are printed.
const SHOWN: usize = 20;

impl Rerun {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display();
        let Saved::Result(saved) = read(&self.file)? else {
            bail!("cannot run {shown} again: it is a table of properties");
        };
        if saved.cells.is_empty() {
            bail!("cannot compare {shown}: it has no figures, because nothing was measured");
        }
        let again = again(&saved).map_err(|why| anyhow!("cannot run {shown} again: {why}"))?;
        let (rows, made) = (saved.cells.len(), again.cells.len());
        if rows != made {
            bail!(
                "cannot compare {shown}: it has {rows} rows, and its options make {made}; did report put results together?"
            );
        }
        if !is_of_same_messages(&saved, &again) {
            note("not compared: the ladder, which is of a message that --ladder chose");
        }
        let differences = differences(&saved, &again)?;
        let versions = match saved.version == again.version {
            true => format!("version {}", again.version),
            false => {
                format!("saved by version {}, run by version {}", printable(&saved.version), again.version)
            }
        };
        if differences.is_empty() {
            let noun = if rows == 1 { "row" } else { "rows" };
            line(format!("the same: every figure of {rows} {noun} ({versions})"))?;
            return Ok(ExitCode::SUCCESS);
        }
        for Difference { place, saved, now } in differences.iter().take(SHOWN) {
            line(format!("{place}: {saved} was saved, {now} now"))?;
        }
        line(format!("not the same: {} of its values differ ({versions})", differences.len()))?;
        Ok(ExitCode::FAILURE)
    }
}

/// Runs the options of `saved` in another process. Returns its result.
fn again(saved: &ResultFile) -> anyhow::Result<ResultFile> {
    let command = Cli::sweep_command(&saved.command);
    let command = &command.ok_or_else(|| anyhow!("the command `{}` cannot be run again", saved.command))?;
    let Some(Value::Object(options)) = saved.config.get("options") else {
        bail!("it does not name its options; it was saved by an older version, or by the lab");
    };
    let options = Given::from_json(command, options).map_err(|why| anyhow!(why))?;
    let has_pictures = !saved.episodes.is_empty() || saved.cells.iter().any(|cell| cell.pictures.is_some());
    let mut process = Process::new(env::current_exe()?);
    process.arg(&saved.command).args(["--json", "--quiet"]);
    if has_pictures {
        process.arg("--pictures");
    }
    process.args(options.arguments(command)).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = output(process)?;
    match from_json(&output) {
        Ok(again) => Ok(again),
        Err(_) if output.is_empty() => bail!("the run failed"),
        Err(error) => Err(error.into()),
    }
}

/// Runs a process, which ends with this one if that is interrupted. Returns what it writes to its standard output.
fn output(mut process: Process) -> anyhow::Result<Vec<u8>> {
    let running = Arc::new(Mutex::new(None::<Child>));
    let interrupted = Arc::clone(&running);
    on_interrupt(move || {
        if let Some(child) = interrupted.lock().as_mut() {
            // It may have ended by itself.
            let _ = child.kill();
        }
        leave(INTERRUPTED);
    })
    .map_err(|e| anyhow!("cannot listen for Ctrl-C: {e}"))?;
    process.stdout(Stdio::piped());
    let pipe = running.lock().insert(process.spawn()?).stdout.take();
    let mut output = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut output))?;
    running.lock().as_mut().map_or(Ok(()), |child| child.wait().map(drop))?;
    Ok(output)
}

/// Whether the episodes of two results are about the same messages: `--ladder` can choose others than the longest.
fn is_of_same_messages(saved: &ResultFile, again: &ResultFile) -> bool {
    let about = |file: &ResultFile| -> Vec<_> {
        let about = |episode: &Episode| {
            (episode.transport.clone(), episode.seed, episode.at, episode.subject.message.number)
        };
        file.episodes.iter().map(about).collect()
    };
    about(saved) == about(again)
}

/// A value that differs between two results.
struct Difference {
    /// Its place in the file.
    place: String,
    saved: String,
    now: String,
}

/// Where the figures of two results differ.
fn differences(saved: &ResultFile, again: &ResultFile) -> anyhow::Result<Vec<Difference>> {
    let mut found = Vec::new();
    let has_same_ladder = is_of_same_messages(saved, again);
    let figures = |file: &ResultFile| -> anyhow::Result<Value> {
        let mut value = serde_json::to_value(file)?;
        // Neither the machine nor the version is a figure.
        let left_out = ["version", "system", "config"].into_iter();
        let left_out = left_out.chain((!has_same_ladder).then_some("episodes"));
        if let Value::Object(fields) = &mut value {
            left_out.for_each(|key| drop(fields.remove(key)));
        }
        Ok(value)
    };
    compare("", &figures(saved)?, &figures(again)?, &mut found);
    // Settings that this version does not have cannot be compared.
    for (key, old) in saved.config.iter().filter(|(key, _)| again.config.contains_key(*key)) {
        compare(&format!("config.{key}"), old, &again.config[key], &mut found);
    }
    Ok(found)
}

fn compare(place: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
            for key in keys {
                let [one, other] = [old, new].map(|map| map.get(key).unwrap_or(&Value::Null));
                let dot = if place.is_empty() { "" } else { "." };
                compare(&format!("{place}{dot}{key}"), one, other, found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (one, other)) in old.iter().zip(new).enumerate() {
                compare(&format!("{place}[{index}]"), one, other, found);
            }
        }
        (old, new) if old != new => {
            let short = |value: &Value| match value {
                Value::Array(values) => format!("an array of {}", values.len()),
                Value::Object(_) => "an object".to_owned(),
                value => value.to_string(),
            };
            found.push(Difference { place: place.to_owned(), saved: short(old), now: short(new) });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named_with_its_place() {
        let [old, new] = [
            r#"{"cells":[{"p50":1,"gone":2,"bins":[1]},{"p50":3}],"same":true}"#,
            r#"{"cells":[{"p50":1,"bins":[1,2]},{"p50":4}],"same":true}"#,
        ]
        .map(|text| serde_json::from_str::<Value>(text).unwrap());
        let mut found = Vec::new();
        compare("", &old, &new, &mut found);
        let places: Vec<_> =
            found.iter().map(|Difference { place, saved, now }| format!("{place} {saved} {now}")).collect();
        assert_eq!(
            places,
            ["cells[0].bins an array of 1 an array of 2", "cells[0].gone 2 null", "cells[1].p50 3 4"]
        );
        found.clear();
        compare("", &old, &old, &mut found);
        assert!(found.is_empty());
    }
}
