//! Parts of a sweep, for several machines.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde_json::{Map, Value};
use wirelab::experiment::{InvalidShard, Shard};

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
    /// Take options from a TOML file, by their long names: loss = ["0%", "1%"], ecn = true. Options on the command
    /// line take precedence, and --no-ecn turns a flag of the file off. A table [bench] has options for that command
    /// only
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Take the options of a named scenario: see `wirelab scenarios`. --config and the command line take precedence
    #[arg(long, value_name = "NAME", value_parser = str::parse::<&'static Scenario>)]
    scenario: Option<&'static Scenario>,
    /// Print the options as a file for --config, and run nothing. Options that a run would refuse are refused
    #[arg(long)]
    print_config: bool,
    /// The options of the command line that determine the measurement, as they stand in the result.
    #[arg(skip)]
    pub(crate) given: Map<String, Value>,
    /// What set each option that comes from a file: `--scenario lte`.
    #[arg(skip)]
    pub(crate) origins: BTreeMap<String, String>,
    /// With `--print-config`, the options as a file.
    #[arg(skip)]
    pub(crate) printed: Option<String>,
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

/// A variable that an engine sets.
struct Set {
    name: &'static str,
    /// Where the engine sets it, for the error if it is missing.
    hint: &'static str,
}

const TASK: Set = Set { name: "SLURM_ARRAY_TASK_ID", hint: IN_ARRAY };
const TASKS: Set = Set { name: "SLURM_ARRAY_TASK_COUNT", hint: IN_ARRAY };
const FIRST: Set = Set { name: "SLURM_ARRAY_TASK_MIN", hint: IN_ARRAY };
const LAST: Set = Set { name: "SLURM_ARRAY_TASK_MAX", hint: IN_ARRAY };
const STEP: Set = Set { name: "SLURM_ARRAY_TASK_STEP", hint: IN_ARRAY };
const POD: Set = Set {
    name: "JOB_COMPLETION_INDEX",
    hint: "Kubernetes sets it in the pods of a Job with completionMode: Indexed",
};
const PODS: Set = Set {
    name: "JOB_COMPLETIONS",
    hint: "set it to the completions of the Job in its manifest, or use --shard k8s:N",
};

const IN_ARRAY: &str = "Slurm sets it in the tasks of a job array, such as sbatch --array=0-6";

impl ShardSource {
    /// The part, with the variables of the engine that runs this job.
    fn resolve(self, variable: Variable<'_>) -> Result<Shard, UsageError> {
        match self {
            Self::Given(shard) => Ok(shard),
            Self::Slurm(None) => slurm_array(variable),
            Self::Slurm(Some(count)) => {
                nth(number(variable, &TASK)?, &TASK, count, |last| format!("use --array=0-{last}"))
            }
            Self::Kubernetes(count) => {
                let index = number(variable, &POD)?;
                let count = count.map_or_else(|| number(variable, &PODS), Ok)?;
                nth(index, &POD, count, |last| format!("use completions: {}", last + 1))
            }
        }
    }
}

/// The part with this index, counted from 0. The error names the variable `set`, which has the index, and says by
/// `instead` how to number parts up to the last.
fn nth(index: u32, set: &Set, count: u32, instead: impl Fn(u32) -> String) -> Result<Shard, UsageError> {
    Shard::new(index.saturating_add(1), count).map_err(|error| {
        UsageError::new(match error {
            InvalidShard::Range { .. } => {
                let (name, last) = (set.name, count - 1);
                format!("--shard: {name} is {index}, and {count} parts are counted from 0: {}", instead(last))
            }
            error => format!("--shard: {error}"),
        })
    })
}

/// The part of a task of a job array. Its tasks may begin at any number and have any step.
///
/// Returns an error if tasks are missing between the first and the last. Such an array usually runs some tasks of an
/// earlier one again, whose parts were numbered differently.
fn slurm_array(variable: Variable<'_>) -> Result<Shard, UsageError> {
    let of = |set: &Set| number(variable, set);
    let (task, count, first, last) = (of(&TASK)?, of(&TASKS)?, of(&FIRST)?, of(&LAST)?);
    let step = if variable(STEP.name).is_some() { of(&STEP)? } else { 1 };
    // The number of a task, from 1; `None` if it is between two tasks or before the first.
    let nth = |task: u32| {
        let distance = task.checked_sub(first)?;
        let is_task = distance.checked_rem(step)? == 0;
        (distance / step).checked_add(1).filter(|_| is_task)
    };
    let is_whole = nth(last) == Some(count);
    nth(task).filter(|_| is_whole).and_then(|index| Shard::new(index, count).ok()).ok_or_else(|| {
        UsageError::new(format!(
            "--shard slurm: task {task} is one of {count} tasks from {first} to {last}, which do not follow each other \
             in steps of {step}; use --array=0-(N-1) with --shard slurm:N, which also allows single tasks to be run \
             again"
        ))
    })
}

fn number(variable: Variable<'_>, Set { name, hint }: &Set) -> Result<u32, UsageError> {
    match variable(name) {
        Some(text) => text.parse().map_err(|_| UsageError::new(format!("{name}: invalid number `{text}`"))),
        None => Err(UsageError::new(format!("--shard: {name} is not set: {hint}"))),
    }
}

impl SweepArgs {
    /// The part to run; `None` runs everything.
    pub(crate) fn shard(&self) -> Result<Option<Shard>, UsageError> {
        self.shard.map(|source| source.resolve(&|name| std::env::var(name).ok())).transpose()
    }

    /// An option in a message: `--loss`, or `--loss of --scenario lte` if it is not on the command line.
    pub(crate) fn with_origin(&self, option: &str) -> String {
        match self.origins.get(option.trim_start_matches('-')) {
            Some(origin) => format!("{option} of {origin}"),
            None => option.to_owned(),
        }
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

    /// The values are of the task's ID, and of COUNT, MIN, MAX and STEP of its array.
    fn slurm<const N: usize>(source: &str, values: [&str; N]) -> Result<String, String> {
        let names = [&TASK, &TASKS, &FIRST, &LAST, &STEP].map(|set| set.name);
        resolved(source, &names.into_iter().zip(values).collect::<Vec<_>>())
    }

    #[test]
    fn the_tasks_of_a_job_array_are_the_parts() {
        assert_eq!(slurm("slurm", ["0", "7", "0", "6"]), Ok("1/7".to_owned()));
        assert_eq!(slurm("slurm", ["7", "7", "1", "7"]), Ok("7/7".to_owned()));
        assert_eq!(slurm("slurm", ["12", "3", "10", "12"]), Ok("3/3".to_owned()));
        assert_eq!(slurm("slurm", ["5", "1", "5", "5"]), Ok("1/1".to_owned()));
        assert_eq!(slurm("slurm:7", ["5", "1", "5", "5"]), Ok("6/7".to_owned()));
        // --array=10-18:4
        let stepped = ["10", "14", "18"].map(|task| slurm("slurm", [task, "3", "10", "18", "4"]));
        assert_eq!(stepped, ["1/3", "2/3", "3/3"].map(|part| Ok(part.to_owned())));
        assert_eq!(slurm("slurm", ["4", "7", "0", "6", "1"]), Ok("5/7".to_owned()));
        assert_eq!(slurm("slurm", ["5", "1", "5", "5", "4"]), Ok("1/1".to_owned()));
        let wrong = [
            // Without the step.
            ["3", "3", "1", "5", "1"],
            // Tasks 1, 3 and 7.
            ["3", "3", "1", "7", "1"],
            ["3", "3", "1", "7", "2"],
            // Beyond the last task, before the first, and between two.
            ["9", "3", "1", "3", "1"],
            ["6", "3", "10", "18", "4"],
            ["12", "3", "10", "18", "4"],
            // No tasks, and no step.
            ["1", "0", "1", "1", "1"],
            ["1", "1", "1", "1", "0"],
        ];
        for wrong in wrong {
            let refused = slurm("slurm", wrong).unwrap_err();
            assert!(refused.contains("--shard slurm:N"), "{wrong:?}: {refused}");
        }
        assert_eq!(
            slurm("slurm:7", ["7", "7", "1", "7"]).unwrap_err(),
            "--shard: SLURM_ARRAY_TASK_ID is 7, and 7 parts are counted from 0: use --array=0-6"
        );
        let unset = resolved("slurm", &[]).unwrap_err();
        assert!(
            unset.contains("SLURM_ARRAY_TASK_ID is not set") && unset.contains("sbatch --array"),
            "{unset}"
        );
        assert!(resolved("slurm:0", &[("SLURM_ARRAY_TASK_ID", "0")]).unwrap_err().contains("parts `0`"));
    }

    #[test]
    fn the_pods_of_an_indexed_job_are_the_parts() {
        let index = ("JOB_COMPLETION_INDEX", "6");
        assert_eq!(resolved("k8s:7", &[index]), Ok("7/7".to_owned()));
        assert_eq!(resolved("k8s", &[index, ("JOB_COMPLETIONS", "100")]), Ok("7/100".to_owned()));
        assert!(resolved("k8s", &[index]).unwrap_err().contains("JOB_COMPLETIONS is not set"));
        let beyond = resolved("k8s:6", &[index]).unwrap_err();
        assert!(
            beyond.contains("JOB_COMPLETION_INDEX is 6") && beyond.contains("completions: 6"),
            "{beyond}"
        );
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
