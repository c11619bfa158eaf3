//! Every example in the help, in README.md and in docs/ is run, on a small scale, and shows what its sentence says.

mod table;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Program, Server, has_command, has_module, has_namespaces, interpreter, run, say};
use tempfile::{TempDir, tempdir};

/// An example, and its expected output.
struct Example {
    /// As it is written, without its comment.
    line: &'static str,
    /// Replacements that keep it short and on free ports. `{udp}` is the URL of a server, and so on.
    with: &'static [(&'static str, &'static str)],
    /// What it needs besides `wirelab`: programs, a `module` of Python, or `netns`.
    needs: &'static [&'static str],
    /// The exit status.
    status: i32,
    /// Parts of its output, with all white space reduced to single spaces.
    shows: &'static [&'static str],
}

/// The commands with a help text.
const COMMANDS: [&str; 19] = [
    "tour",
    "bench",
    "hol",
    "handshake",
    "lab",
    "link",
    "transfer",
    "share",
    "report",
    "rerun",
    "scenarios",
    "properties",
    "verify",
    "serve",
    "send",
    "discover",
    "certs",
    "completions",
    "man",
];

/// The examples of a help text: whole lines below `Example:` or `Examples:`, up to a gap of two spaces.
fn examples_of_help(help: &str) -> Vec<String> {
    let (_, examples) = help.split_once("\nExample").unwrap_or_default();
    let lines = examples.lines().skip(1).take_while(|line| line.starts_with("  "));
    let examples = lines.filter(|line| !line.starts_with("   "));
    examples.map(|line| line.trim().split("  ").next().unwrap_or_default().to_owned()).collect()
}

/// The examples of a document: the commands after a prompt in a console block, without comments and except those of
/// cargo.
fn examples_of_document(text: &str) -> Vec<String> {
    let mut is_console = false;
    let mut examples = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_console = line == "```console";
        }
        let is_prompt = |prompt: &str| prompt.chars().all(char::is_alphanumeric);
        match line.split_once("$ ") {
            Some((prompt, example)) if is_console && is_prompt(prompt) && !example.starts_with("cargo") => {
                examples.push(example.split(" # ").next().unwrap_or_default().trim().to_owned());
            }
            _ => {}
        }
    }
    examples
}

fn help(command: &str) -> String {
    run(Path::new("/"), [command, "--help"]).succeeded()
}

#[test]
fn every_example_is_in_the_table_and_the_table_has_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let documents = documents.chain([root.join("README.md")]);
    let mut found: BTreeSet<String> =
        documents.flat_map(|path| examples_of_document(&fs::read_to_string(path).unwrap())).collect();
    for command in COMMANDS {
        let examples = examples_of_help(&help(command));
        assert!(!examples.is_empty(), "{command} has no example");
        found.extend(examples);
    }
    let known: BTreeSet<String> =
        table::ALL.iter().copied().flatten().map(|example| example.line.to_owned()).collect();
    let missing: Vec<_> = found.difference(&known).collect();
    let stale: Vec<_> = known.difference(&found).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "without an entry: {missing:#?}\nin no help or document: {stale:#?}"
    );
    assert!(found.len() > 60, "{}", found.len());
}

#[test]
fn an_example_of_the_help_is_one_line_of_80_columns() {
    for command in COMMANDS {
        for line in examples_of_help(&help(command)) {
            assert!(line.chars().count() <= 78, "{command}: {line}");
        }
    }
}

/// Servers that answer the examples, and files that they read.
struct Scene {
    echo: Server,
    hello: Server,
    json: Server,
    thanks: Server,
    /// Results, and a file to move.
    files: TempDir,
}

impl Scene {
    fn new() -> Self {
        let files = tempdir().unwrap();
        let urls = [
            "udp://127.0.0.1:0",
            "dtls://127.0.0.1:0",
            "arq://127.0.0.1:0",
            "tcp://127.0.0.1:0",
            "tls://127.0.0.1:0",
            "quic://127.0.0.1:0",
        ];
        let echo = Server::start(files.path(), &urls, &[]);
        let named = ["--service", "hello", "--discoverable=scene"];
        let hello = Server::start(files.path(), &["udp://127.0.0.1:0"], &named);
        let json = Server::start(files.path(), &["udp://127.0.0.1:0"], &["--service", "json"]);
        let thanks = Server::start(files.path(), &["tcp://127.0.0.1:0"], &["--service", "thanks"]);
        fs::copy(files.path().join("certs/ca.pem"), files.path().join("ca.pem")).unwrap();
        fs::write(files.path().join("photo.jpg"), vec![7; 50_000]).unwrap();
        fs::write(files.path().join("shop.csv"), "bytes,after\n3000,\n1000,1\n2500,2\n").unwrap();
        fs::write(files.path().join("call.csv"), "time,bytes,key\n0,30000,1\n0.04,4000,0\n0.08,4000,0\n")
            .unwrap();
        let arguments = ["bench", "-t", "udp,quic-one", "-d", "1s", "--seeds", "1", "-o", "monday.json"];
        run(files.path(), arguments).succeeded();
        for copy in ["tuesday.json", "result.json"] {
            fs::copy(files.path().join("monday.json"), files.path().join(copy)).unwrap();
        }
        Self { echo, hello, json, thanks, files }
    }

    /// A folder of its own for an example.
    fn folder(&self) -> TempDir {
        let folder = tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-r").arg(self.files.path().join(".")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        folder
    }

    /// The line as it is run here.
    fn line(&self, example: &Example) -> String {
        let mut line = example.line.to_owned();
        for (from, to) in example.with {
            assert!(line.contains(from), "{}: {from} is not in it", example.line);
            line = line.replacen(from, to, 1);
        }
        for url in &self.echo.urls {
            let (scheme, address) = url.split_once("://").unwrap();
            line = line
                .replace(&format!("{{{scheme}}}"), url)
                .replace(&format!("{{{scheme}-address}}"), address);
        }
        for (name, server) in [("hello", &self.hello), ("json", &self.json), ("thanks", &self.thanks)] {
            line = line.replace(&format!("{{{name}-port}}"), &server.port().to_string());
        }
        line
    }

    fn check(&self, example: &Example) {
        if !example.needs.iter().all(|need| is_there(need)) {
            return say(&format!("not run: {}", example.line));
        }
        let line = self.line(example);
        let folder = self.folder();
        let program = Path::new(env!("CARGO_BIN_EXE_wirelab")).parent().unwrap();
        let python = PathBuf::from(interpreter());
        let python = python.parent().unwrap_or(program);
        let path = env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{path}", program.display(), python.display());
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(folder.path()).env("PATH", path).env_remove("COLUMNS");
        let said = Program::start(command).finish();
        let output = format!("{}\n{}", said.stdout, said.stderr);
        let words = format!(" {} ", output.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(said.code, Some(example.status), "{line}\n{output}");
        for shown in example.shows {
            assert!(words.contains(shown), "{line}\n{shown:?} is not in\n{output}");
        }
    }
}

/// Whether this machine has a program, a module of Python, or network namespaces. Skips if it does not.
fn is_there(need: &str) -> bool {
    if need == "netns" {
        return has_namespaces();
    }
    if let Some(module) = need.strip_prefix("module ") {
        return has_module(module);
    }
    has_command(need)
}

fn check(examples: &[Example]) {
    let scene = Scene::new();
    examples.iter().for_each(|example| scene.check(example));
}

#[test]
fn of_tour() {
    check(table::TOUR);
}

#[test]
fn of_bench() {
    check(table::BENCH);
}

#[test]
fn of_calls_and_games() {
    check(table::CALLS);
}

#[test]
fn of_pages() {
    check(table::PAGES);
}

#[test]
fn of_clients_that_move() {
    check(table::MOVES);
}

#[test]
fn of_share() {
    check(table::SHARE);
}

#[test]
fn of_hol() {
    check(table::HOL);
}

#[test]
fn of_handshake() {
    check(table::HANDSHAKE);
}

#[test]
fn of_transfer() {
    check(table::TRANSFER);
}

#[test]
fn of_link() {
    check(table::LINK);
}

#[test]
fn of_artifacts() {
    check(table::ARTIFACTS);
}

#[test]
fn of_lab() {
    check(table::LAB);
}

#[test]
fn of_sweeps() {
    check(table::SWEEPS);
}

#[test]
fn of_servers_and_files() {
    check(table::OTHERS);
}
