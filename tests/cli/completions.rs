//! Completion scripts offer the names that options take.

use std::{path::Path, process::Command};

use wirelab::{experiment::PathKind, transport::Transport};

use crate::support::{has_command, run, skip_missing};

fn script(shell: &str) -> String {
    let finished = run(Path::new("/"), ["completions", shell]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout
}

fn scenarios() -> Vec<String> {
    let list = run(Path::new("/"), ["scenarios"]).stdout;
    let names = list.lines().filter(|line| !line.starts_with(' '));
    names.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn the_scripts_have_all_names() {
    let scenarios = scenarios().join(" ");
    let transports =
        Transport::all().map(Transport::name).chain(["arq", "quic", "all"]).collect::<Vec<_>>().join(" ");
    let paths = PathKind::ALL.map(PathKind::name).join(" ");
    let others =
        ["cubic newreno bbr fixed", "droptail codel fq-codel pie red", "lan dsl wifi lte 3g satellite"];
    for names in [&*scenarios, &transports, &paths].into_iter().chain(others) {
        assert!(script("bash").contains(&format!("compgen -W \"{names}\"")), "{names}");
        assert!(script("zsh").contains(&format!(":({names})")), "{names}");
        let fish = names.split(' ').collect::<Vec<_>>().join("\\t''\n");
        assert!(script("fish").contains(&fish), "{names}");
    }
}

#[test]
fn bash_completes_names_and_files() {
    if !has_command("bash") {
        return skip_missing("bash");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lte.toml"), "").unwrap();
    std::fs::write(folder.path().join("completion"), script("bash")).unwrap();
    let completed = |words: &str| {
        let (before, current) = words.rsplit_once(' ').unwrap();
        let previous = before.rsplit(' ').next().unwrap();
        let complete = format!(
            "source ./completion; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _wirelab wirelab '{current}' '{previous}'; echo \"${{COMPREPLY[@]}}\""
        );
        let output =
            Command::new("bash").args(["-c", &complete]).current_dir(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("wirelab bench --scenario l"), "lte lossy-satellite");
    assert_eq!(completed("wirelab bench -t quic-m"), "quic-message");
    assert_eq!(completed("wirelab share -t dt"), "");
    assert_eq!(completed("wirelab hol --path re"), "relay");
    assert_eq!(completed("wirelab transfer -C new"), "newreno");
    assert_eq!(completed("wirelab bench --config lt"), "lte.toml");
    assert_eq!(completed("wirelab scenarios geo"), "geostationary");
}
