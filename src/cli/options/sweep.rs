//! Parts of a sweep, for several machines.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde_json::{Map, Value};
use wirelab::experiment::Shard;

use crate::cli::{parts::Parts, scenarios::Scenario, usage::UsageError, values::parse};

/// Options for sweeps.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several machines, and options from files")]
pub(crate) struct SweepArgs {
    /// Run only part I of N, and save it. `wirelab report PART...` puts the parts together, with the same bytes as one
    /// machine. The parts take about equally long. slurm takes I and N from the job array, k8s from the Indexed Job and
    /// JOB_COMPLETIONS; slurm:N and k8s:N take only I, which then counts from 0. -o names the part (FILE.part) or a
    /// folder for it [default: the current folder]
    #[arg(long, value_name = "I/N|slurm|k8s", value_parser = parse::<ShardSource>)]
    shard: Option<ShardSource>,
    /// Do nothing if the part already exists and has the same options
    #[arg(long, requires = "shard")]
    resume: bool,
    /// Take options from a TOML file, by their long names: loss = ["0%", "1%"]. Options on the command line take
    /// precedence. A table [bench] has options for that command only
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Take the options of a named scenario: see `wirelab scenarios`. --config and the command line take precedence
    #[arg(long, value_name = "NAME", value_parser = str::parse::<&'static Scenario>)]
    scenario: Option<&'static Scenario>,
    /// Print the options as a file for --config, and run nothing
    #[arg(long)]
    print_config: bool,
    /// The options of the command line that determine the measurement, as they stand in the result.
    #[arg(skip)]
    pub(crate) given: Map<String, Value>,
    /// The parts to put together, instead of measuring.
    #[arg(skip)]
    pub(crate) parts: Option<Parts>,
}

/// Where the number of the part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShardSource {
    /// The option itself.
    Given(Shard),
    /// The variables of a Slurm job array. With a number of parts, only the index of the task.
    Slurm(Option<u32>),
    /// The variables of a Kubernetes Indexed Job. With a number of parts, only the index of the pod.
    Kubernetes(Option<u32>),
}

impl FromStr for ShardSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, count) = match text.split_once(':') {
            Some((name, count)) => (name, Some(count)),
            None => (text, None),
        };
        let count = || match count {
            Some(count) => count.parse().map(Some).map_err(|_| format!("invalid number of parts `{count}`")),
            None => Ok(None),
        };
        match name {
            "slurm" => Ok(Self::Slurm(count()?)),
            "k8s" => Ok(Self::Kubernetes(count()?)),
            _ => text.parse().map(Self::Given).map_err(|error| format!("{error}; or slurm, or k8s")),
        }
    }
}

/// Reads an environment variable.
type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

impl ShardSource {
    /// The part, with the variables of the engine that runs this job.
    fn resolve(self, variable: Variable<'_>) -> Result<Shard, UsageError> {
        let shard = match self {
            Self::Given(shard) => return Ok(shard),
            Self::Slurm(None) => return slurm_array(variable),
            Self::Slurm(Some(count)) => Shard::new(next(number(variable, "SLURM_ARRAY_TASK_ID")?), count),
            Self::Kubernetes(count) => {
                let index = number(variable, "JOB_COMPLETION_INDEX")?;
                let count = match count {
                    Some(count) => count,
                    None => number(variable, "JOB_COMPLETIONS")?,
                };
                Shard::new(next(index), count)
            }
        };
        shard.map_err(|error| UsageError::new(format!("--shard: {error}")))
    }
}

/// The number of the part with an index that counts from 0.
fn next(index: u32) -> u32 {
    index.saturating_add(1)
}

/// The part of a task of a job array. Its tasks may be numbered from any number in any step.
///
/// Returns an error if tasks are missing between the first and the last: one part would be run under several numbers.
fn slurm_array(variable: Variable<'_>) -> Result<Shard, UsageError> {
    let of = |name: &str| number(variable, &format!("SLURM_ARRAY_TASK_{name}"));
    let (task, count, first, last) = (of("ID")?, of("COUNT")?, of("MIN")?, of("MAX")?);
    let width = last.saturating_sub(first);
    let step = match count {
        0 | 1 => 1,
        count => width / (count - 1),
    };
    let is_range = count > 0 && step > 0 && width == step * (count - 1);
    let offset = task.checked_sub(first).filter(|offset| is_range && offset % step == 0);
    let shard = offset.and_then(|offset| Shard::new(next(offset / step), count).ok());
    shard.ok_or_else(|| {
        UsageError::new(
            "--shard slurm: the tasks of the array are not a range; use --array=0-(N-1) with --shard slurm:N, which also \
             allows to run single tasks again",
        )
    })
}

fn number(variable: Variable<'_>, name: &str) -> Result<u32, UsageError> {
    match variable(name) {
        Some(text) => text.parse().map_err(|_| UsageError::new(format!("{name}: invalid number `{text}`"))),
        None => Err(UsageError::new(format!("--shard: the environment variable {name} is not set"))),
    }
}

impl SweepArgs {
    /// The part to run; `None` runs everything.
    pub(crate) fn shard(&self) -> Result<Option<Shard>, UsageError> {
        self.shard.map(|source| source.resolve(&|name| std::env::var(name).ok())).transpose()
    }

    /// The file of options.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The scenario that is named on the command line.
    pub(crate) fn scenario(&self) -> Option<&'static Scenario> {
        self.scenario
    }

    /// Whether to print the options instead of running the command.
    pub(crate) fn prints_config(&self) -> bool {
        self.print_config
    }

    /// Whether one part is run.
    pub(crate) fn is_part(&self) -> bool {
        self.shard.is_some()
    }

    /// Whether to keep a part that already exists.
    pub(crate) fn resumes(&self) -> bool {
        self.resume
    }
}

/// The name of a part in a folder, such that names sort by number.
fn part_name(command: &str, shard: Shard) -> String {
    let width = shard.count.to_string().len();
    format!("{command}-{:0width$}-of-{}.part", shard.index, shard.count)
}

/// The file of a part: what `-o` names, or a file with a name of its own in the folder that it names.
pub(crate) fn part_path(output: Option<&Path>, command: &str, shard: Shard) -> Result<PathBuf, UsageError> {
    match output {
        None => Ok(part_name(command, shard).into()),
        Some(folder) if folder.is_dir() => Ok(folder.join(part_name(command, shard))),
        Some(path) if path.extension().is_some_and(|ending| ending == "part") => Ok(path.to_owned()),
        Some(path) => Err(UsageError::new(format!(
            "--output: with --shard, expected a name that ends in .part or an existing folder, not `{}`; `wirelab report` \
             makes the other formats of all parts",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(source: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        let source: ShardSource = source.parse()?;
        source.resolve(&variable).map(|shard| shard.to_string()).map_err(|error| error.to_string())
    }

    fn slurm(source: &str, [id, count, min, max]: [&str; 4]) -> Result<String, String> {
        let names =
            ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX"];
        resolved(source, &names.into_iter().zip([id, count, min, max]).collect::<Vec<_>>())
    }

    #[test]
    fn the_tasks_of_a_job_array_are_the_parts() {
        assert_eq!(slurm("slurm", ["0", "7", "0", "6"]), Ok("1/7".to_owned()));
        assert_eq!(slurm("slurm", ["7", "7", "1", "7"]), Ok("7/7".to_owned()));
        assert_eq!(slurm("slurm", ["14", "3", "10", "18"]), Ok("2/3".to_owned()));
        assert_eq!(slurm("slurm", ["5", "1", "5", "5"]), Ok("1/1".to_owned()));
        assert_eq!(slurm("slurm:7", ["5", "1", "5", "5"]), Ok("6/7".to_owned()));
        // Tasks 1, 3 and 7; a task between those of the array; a task beyond them; no tasks.
        for wrong in [["3", "3", "1", "7"], ["2", "3", "1", "5"], ["9", "3", "1", "3"], ["1", "0", "1", "1"]]
        {
            assert!(slurm("slurm", wrong).is_err(), "{wrong:?}");
        }
        assert!(slurm("slurm:7", ["7", "1", "7", "7"]).unwrap_err().contains("8/7"));
        assert!(resolved("slurm", &[]).unwrap_err().contains("SLURM_ARRAY_TASK_ID is not set"));
    }

    #[test]
    fn the_pods_of_an_indexed_job_are_the_parts() {
        let index = ("JOB_COMPLETION_INDEX", "6");
        assert_eq!(resolved("k8s:7", &[index]), Ok("7/7".to_owned()));
        assert_eq!(resolved("k8s", &[index, ("JOB_COMPLETIONS", "100")]), Ok("7/100".to_owned()));
        assert!(resolved("k8s", &[index]).unwrap_err().contains("JOB_COMPLETIONS is not set"));
        assert!(resolved("k8s:6", &[index]).is_err());
        assert!(
            resolved("k8s:7", &[("JOB_COMPLETION_INDEX", "x")]).unwrap_err().contains("invalid number `x`")
        );
    }

    #[test]
    fn names_of_parts_sort_by_number() {
        let name = |index| part_name("hol", Shard { index, count: 100 });
        assert_eq!(
            (name(7), name(100)),
            ("hol-007-of-100.part".to_owned(), "hol-100-of-100.part".to_owned())
        );
    }
}
