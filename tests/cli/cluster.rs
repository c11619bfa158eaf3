//! The scripts of `examples/cluster`, each with its engine or, without it, as the engine would run it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{command_exists, has_command, has_module, interpreter, is_root, run, skip};

const OPTIONS: &str = "transport = 'udp,quic-one'\nloss = ['0%', '2%']\nduration = '1s'\nseeds = 3\n";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster")
}

/// A folder with the scripts and a small file of options.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::write(folder.path().join("sweep.toml"), OPTIONS).unwrap();
    fs::create_dir(folder.path().join("parts")).unwrap();
    folder
}

/// A program in `folder` that finds `wirelab`.
fn program(folder: &Path, name: &str) -> Command {
    let wirelab = Path::new(env!("CARGO_BIN_EXE_wirelab")).parent().unwrap().to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    let all = [wirelab].into_iter().chain(env::split_paths(&others));
    let mut command = Command::new(name);
    command.current_dir(folder).env("PATH", env::join_paths(all).unwrap()).env("HOME", folder);
    command
}

fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Checks that `all.json` has the same bytes as one run of the whole.
fn expect_whole(folder: &Path) {
    let whole = run(folder, ["bench", "--config", "sweep.toml", "-J"]);
    assert_eq!(fs::read_to_string(folder.join("all.json")).unwrap(), whole.stdout);
}

fn merge(folder: &Path) {
    let mut command = program(folder, "bash");
    command.args(["-c", "wirelab report parts/*.part -o all.json"]);
    succeeds(command);
}

#[test]
fn the_options_of_the_examples_are_valid() {
    let shown = run(&examples(), ["bench", "--config", "sweep.toml", "--print-config"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("rtt = [\"20ms\", \"100ms\"]"), "{}", shown.stdout);
}

#[test]
fn the_tasks_of_the_slurm_script_make_the_whole() {
    let folder = folder();
    let script = fs::read_to_string(examples().join("slurm.sh")).unwrap();
    assert!(script.contains("#SBATCH --array=0-6\n") && script.contains("\nparts=7\n"));
    for task in 0..7 {
        let mut command = program(folder.path(), "bash");
        command.arg("slurm.sh").env("SLURM_ARRAY_TASK_ID", task.to_string());
        succeeds(command);
    }
    merge(folder.path());
    expect_whole(folder.path());
}

#[test]
fn gnu_parallel_makes_the_whole_and_runs_no_part_twice() {
    if !has_command("parallel") {
        return;
    }
    let folder = folder();
    let parallel = || {
        let mut command = program(folder.path(), "bash");
        command.arg("parallel.sh").env("PARTS", "7");
        command
    };
    let first = parallel().output().unwrap();
    assert!(
        first.status.success() && !String::from_utf8_lossy(&first.stderr).contains("--return"),
        "{first:?}"
    );
    expect_whole(folder.path());
    assert!(folder.path().join("sweep.toml").exists());
    // Without one part, only that part is run again.
    let part = |index: u32| folder.path().join(format!("parts/{index}.part"));
    let modified = |index| fs::metadata(part(index)).unwrap().modified().unwrap();
    let before = modified(1);
    fs::remove_file(part(5)).unwrap();
    succeeds(parallel());
    expect_whole(folder.path());
    assert_eq!(modified(1), before);
    // Nothing but the result, and no parts of other options.
    let again = parallel().output().unwrap();
    assert_eq!((again.stdout.len(), again.stderr.len()), (0, 0), "{again:?}");
    fs::write(folder.path().join("sweep.toml"), OPTIONS.replace("seeds = 3", "seeds = 2")).unwrap();
    let changed = parallel().output().unwrap();
    let said = String::from_utf8(changed.stderr).unwrap();
    assert!(!changed.status.success() && said.contains("1.part is another part: --seeds"), "{said}");
}

#[test]
fn the_kubernetes_manifest_is_an_indexed_job_that_makes_the_whole() {
    if !has_module("yaml") {
        return;
    }
    let python = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    let mut read = Command::new(interpreter());
    read.args(["-c", python]).stdin(fs::File::open(examples().join("kubernetes.yaml")).unwrap());
    let manifest: serde_json::Value = serde_json::from_slice(&read.output().unwrap().stdout).unwrap();
    assert_eq!((&manifest["apiVersion"], &manifest["kind"]), (&"batch/v1".into(), &"Job".into()));
    let spec = &manifest["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    // With a limit for each index, pods must not be restarted in place.
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    let container = &spec["template"]["spec"]["containers"][0];
    let completions = spec["completions"].as_u64().unwrap();
    let variable = &container["env"][0];
    assert_eq!(
        (&variable["name"], &variable["value"]),
        (&"JOB_COMPLETIONS".into(), &completions.to_string().into())
    );
    let volumes = spec["template"]["spec"]["volumes"].as_array().unwrap();
    for mount in container["volumeMounts"].as_array().unwrap() {
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
    }

    let folder = folder();
    let words = container["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let words: Vec<String> =
        words.map(|word| word.replace("/sweep/", "").replace("/parts", "parts")).collect();
    for index in 0..completions {
        let mut command = program(folder.path(), &words[0]);
        command.args(&words[1..]);
        command
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .env("JOB_COMPLETIONS", completions.to_string());
        succeeds(command);
    }
    merge(folder.path());
    expect_whole(folder.path());
}

#[test]
fn the_kubernetes_manifest_is_valid_by_its_schema() {
    if !has_module("kubernetes_validate") {
        return;
    }
    let python = "import sys, yaml, kubernetes_validate as schemas\n\
                  schemas.validate(yaml.safe_load(sys.stdin), schemas.latest_version(), strict=True)";
    let validate = |manifest: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manifest.yaml");
        fs::write(&file, manifest).unwrap();
        let mut command = Command::new(interpreter());
        command.args(["-c", python]).stdin(fs::File::open(&file).unwrap());
        command.output().unwrap()
    };
    let manifest = fs::read_to_string(examples().join("kubernetes.yaml")).unwrap();
    let valid = validate(&manifest);
    assert!(valid.status.success(), "{valid:?}");
    for (right, wrong) in [("completions: 7", "completions: seven"), ("parallelism:", "parallel:")] {
        assert!(!validate(&manifest.replace(right, wrong)).status.success(), "{wrong}");
    }
}

#[test]
fn snakemake_makes_the_whole() {
    if !has_command("snakemake") {
        return;
    }
    let folder = folder();
    let mut command = program(folder.path(), "snakemake");
    command.args(["--cores", "2", "--quiet"]);
    succeeds(command);
    expect_whole(folder.path());
}

/// A Slurm of one node: its own `munged`, controller and daemon. They end when this is dropped.
struct Slurm {
    folder: TempDir,
}

impl Slurm {
    fn start() -> Self {
        let slurm = Self { folder: tempfile::tempdir().unwrap() };
        let at = slurm.folder.path();
        ["state", "spool"].iter().for_each(|name| fs::create_dir(at.join(name)).unwrap());
        // munged needs a folder that all users can enter, and a key that only its user can read.
        shell(at, "chmod 755 . && head -c 1024 /dev/urandom > munge.key && chmod 400 munge.key");
        let folder = at.display();
        let name = String::from_utf8(Command::new("hostname").arg("-s").output().unwrap().stdout).unwrap();
        let name = name.trim();
        let configuration = format!(
            "ClusterName=test\nSlurmctldHost={name}(127.0.0.1)\nSlurmUser=root\nSlurmctldPort=16817\nSlurmdPort=16818\n\
             AuthType=auth/munge\nAuthInfo=socket={folder}/munge.socket\nStateSaveLocation={folder}/state\n\
             SlurmdSpoolDir={folder}/spool\nSlurmctldPidFile={folder}/slurmctld.pid\nSlurmdPidFile={folder}/slurmd.pid\n\
             SlurmctldLogFile={folder}/slurmctld.log\nSlurmdLogFile={folder}/slurmd.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nReturnToService=2\n\
             NodeName={name} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n\
             PartitionName=all Nodes={name} Default=YES State=UP\n"
        );
        fs::write(at.join("slurm.conf"), configuration).unwrap();
        shell(
            at,
            "munged --force --key-file=$PWD/munge.key --socket=$PWD/munge.socket --pid-file=$PWD/munged.pid \
             --log-file=$PWD/munged.log --seed-file=$PWD/munge.seed",
        );
        shell(
            at,
            &format!("slurmctld -i -f $PWD/slurm.conf && sleep 2 && slurmd -f $PWD/slurm.conf -N {name}"),
        );
        slurm
    }

    /// Runs a command of Slurm in `folder`, and returns what it prints.
    fn run(&self, folder: &Path, line: &str) -> String {
        let mut command = program(folder, "bash");
        command.args(["-c", line]).env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for name in ["slurmd", "slurmctld", "munged"] {
            if let Ok(id) = fs::read_to_string(self.folder.path().join(format!("{name}.pid"))) {
                let _ = Command::new("kill").arg(id.trim()).status();
            }
        }
    }
}

fn shell(folder: &Path, line: &str) {
    let output = Command::new("bash").args(["-c", line]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
}

#[test]
#[ignore = "starts a Slurm as root"]
fn a_job_array_under_slurm_makes_the_whole() {
    if !["munged", "slurmctld", "slurmd", "sbatch"].into_iter().all(command_exists) || !is_root() {
        return skip("needs root, slurm-wlm and munge");
    }
    let (slurm, folder) = (Slurm::start(), folder());
    let folder = folder.path();
    let array = slurm.run(folder, "sbatch --parsable --cpus-per-task=1 slurm.sh");
    let array = array.trim();
    // The job that the script's comment gives. `sbatch --wait` returns when it is done.
    slurm.run(
        folder,
        &format!("timeout 120 sbatch --wait --dependency=afterok:{array} --wrap 'wirelab report parts/*.part -o all.json'"),
    );
    expect_whole(folder);
    // A lost task is run again alone.
    fs::remove_file(folder.join("parts/bench-5-of-7.part")).unwrap();
    fs::remove_file(folder.join("all.json")).unwrap();
    slurm.run(folder, "timeout 120 sbatch --wait --cpus-per-task=1 --array=4 slurm.sh");
    merge(folder);
    expect_whole(folder);
}
