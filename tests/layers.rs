//! The layers of `src/`: imports point down only, as CONTRIBUTING.md draws them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each folder or file of `src/`, below everything that may import it.
const LAYERS: &[&[&str]] = &[
    &["unit"],
    &["stats", "link", "wire", "service"],
    &["arq", "report", "path"],
    &["trace"],
    &["tap", "capture"],
    &["transport"],
    &["certs", "target"],
    &["channel", "transfer"],
    &["experiment", "serve", "send"],
    &["scenario"],
    &["verify", "properties", "discover", "lesson"],
    &["lab"],
    &["cli"],
];

/// What neither reads a clock nor opens a socket.
const PURE: &[&str] = &["unit", "stats", "link", "wire", "arq", "service", "report"];

/// Crates that bring a clock, a socket, a runtime or a command line.
const IMPURE_CRATES: &[&str] =
    &["tokio", "quinn", "quinn_proto", "clap", "anyhow", "socket2", "rustix", "libc"];

#[test]
fn imports_point_to_a_lower_layer() {
    let rank: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(rank, names)| names.iter().map(move |name| (*name, rank)))
        .collect();
    let mut upward = Vec::new();
    for (file, module, source) in sources() {
        let own = *rank.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no layer"));
        for imported in paths(&source).iter().filter(|path| path[0] == "crate").map(|path| &path[1]) {
            let other = *rank.get(imported.as_str()).unwrap_or_else(|| panic!("{imported} has no layer"));
            if *imported != module && other >= own {
                upward.push(format!("{}: {module} imports {imported}", file.display()));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn pure_modules_import_no_clock_no_socket_and_no_command_line() {
    let mut found = Vec::new();
    for (file, module, source) in sources() {
        if PURE.contains(&module.as_str()) {
            let impure = IMPURE_CRATES.iter().filter(|name| source.contains(&format!("{name}::")));
            found.extend(impure.map(|name| format!("{}: {name}", file.display())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_command_line_knows_anyhow_and_clap() {
    let of_cli = ["anyhow::", "clap::"];
    let elsewhere: Vec<PathBuf> = sources()
        .filter(|(_, module, source)| module != "cli" && of_cli.iter().any(|name| source.contains(name)))
        .map(|(file, ..)| file)
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn no_two_modules_of_a_folder_import_each_other() {
    let files: Vec<(Vec<String>, String)> =
        sources().map(|(file, _, source)| (module_path(&file), source)).collect();
    let modules: BTreeSet<&[String]> =
        files.iter().flat_map(|(path, _)| (1..=path.len()).map(|depth| &path[..depth])).collect();
    let mut imports: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (module, source) in &files {
        for path in paths(source) {
            let Some(target) = resolve(module, &path) else { continue };
            // Where the two part, one child of a common folder imports another.
            let common = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if common < module.len() && common < target.len() && modules.contains(&target[..=common]) {
                let from = module[..=common].to_vec();
                imports.entry(from).or_default().insert(target[..=common].to_vec());
            }
        }
    }
    let cycles: Vec<_> = imports.keys().filter(|module| reaches(&imports, module, module)).collect();
    assert!(cycles.is_empty(), "import themselves through others: {cycles:#?}");
}

fn reaches(imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>, from: &[String], to: &[String]) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_vec()]);
    while let Some(module) = open.pop() {
        for next in imports.get(&module).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    false
}

/// Every file below `src/` but its roots: its path, its top-level module, and its code without tests and comments.
fn sources() -> impl Iterator<Item = (PathBuf, String, String)> {
    let root = root();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    files.into_iter().filter_map(move |file| {
        let module = module_path(&file).into_iter().next()?;
        let is_root = matches!(module.as_str(), "lib" | "main");
        let is_test = module_path(&file).iter().any(|part| part == "tests");
        let source = fs::read_to_string(&file).expect("source file");
        let code: Vec<&str> = source
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        (!is_root && !is_test).then(|| (file, module, code.join("\n")))
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are `[a, b]`.
fn module_path(file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(root()).expect("file below src").with_extension("");
    let mut parts: Vec<String> =
        relative.components().map(|part| part.as_os_str().to_str().expect("UTF-8 name").to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Where an import of `module` leads, from the crate's root; `None` for other crates.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let base = match path[0].as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "self" => return Some([module, &path[1..]].concat()),
        "super" => &module[..module.len().checked_sub(supers)?],
        _ => return None,
    };
    Some([base, &path[supers..]].concat())
}

/// The paths that `source` imports or names from `crate`, `self` or `super`, groups written out.
fn paths(source: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "self::", "super::"] {
        for (at, _) in source.match_indices(root) {
            // Not the middle of a path or of a word: `super::super::a` counts once.
            let before = source[..at].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != ':' && c != '_') {
                expand(&mut Vec::new(), &source[at..], &mut found);
            }
        }
    }
    found
}

/// Adds the paths that `tree` begins with, each behind `prefix`; returns what follows them.
fn expand<'a>(prefix: &mut Vec<String>, tree: &'a str, found: &mut Vec<Vec<String>>) -> &'a str {
    let depth = prefix.len();
    let mut rest = tree.trim_start();
    loop {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rest = &rest[name.len()..];
        prefix.extend(Some(name).filter(|name| !name.is_empty()));
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    if let Some(group) = rest.strip_prefix('{') {
        rest = group.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            rest = expand(prefix, rest, found);
            // `as NAME`, up to the comma.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            rest = rest[end..].trim_start_matches(',').trim_start();
        }
        rest = rest.strip_prefix('}').unwrap_or(rest);
    } else if prefix.len() > 1 {
        found.push(prefix.clone());
    }
    prefix.truncate(depth);
    rest
}

#[test]
fn groups_and_single_imports_are_both_found() {
    let source =
        "use crate::{path::{Host, timeout as t}, wire};\nuse super::super::a;\nlet b = crate::stats::b(c);";
    let expected = ["crate path Host", "crate path timeout", "crate wire", "crate stats b", "super super a"];
    let found: Vec<String> = paths(source).iter().map(|path| path.join(" ")).collect();
    assert_eq!(found, expected);
}
