//! The HTML report in headless Chromium, at desktop and phone sizes, light and dark.

use std::{env, fs, path::Path, process::Command};

use tempfile::tempdir;

use crate::support::{Program, command_exists, run, skip_missing};

/// The command that opens pages in the browser. Needs Chromium, Node.js, `playwright-core` and `axe-core`, which
/// `.ci/run` installs. Skips without them.
fn browser() -> Option<Command> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let file = |name| env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(file) else {
        skip_missing("chromium");
        return None;
    };
    if !command_exists("node") {
        skip_missing("node");
        return None;
    }
    let folder = env::var_os("WIRELAB_TEST_BROWSER").unwrap_or_else(|| "target/browser".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if !folder.join("node_modules/playwright-core").is_dir() || !folder.join("node_modules/axe-core").is_dir()
    {
        skip_missing("playwright-core");
        return None;
    }
    let mut command = Command::new("node");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/check.mjs"))
        .env("WIRELAB_TEST_BROWSER", folder)
        .env("WIRELAB_TEST_CHROMIUM", chromium);
    Some(command)
}

#[test]
fn pages_are_whole_in_every_size_and_scheme() {
    let Some(mut browser) = browser() else { return };
    let folder = tempdir().unwrap();
    let pages = [
        ("hol.html", "hol -d 10s --seeds 2 -o hol.html"),
        ("rate.html", "bench -d 5s --seeds 2 --rate 5mbit --queue 20p -o rate.html"),
        ("matrix.html", "hol --loss 0%,1%,3% -d 5s --seeds 2 -t quic-one,quic-flow -o matrix.html"),
        ("handshake.html", "handshake -t udp,quic-one -n 5 --seeds 2 -o handshake.html"),
        ("transfer.html", "transfer -t quic-one,arq-selective --bytes 200KB --seeds 2 -o transfer.html"),
    ];
    for (_, line) in pages {
        run(folder.path(), line.split(' ')).succeeded();
    }
    browser.arg("-").args(pages.map(|(page, _)| folder.path().join(page)));
    let seen = Program::start(browser).finish();
    assert_eq!(seen.code, Some(0), "{}\n{}", seen.stdout, seen.stderr);
    let largest = fs::metadata(folder.path().join("hol.html")).unwrap().len();
    assert!(largest < 300_000, "{largest}");
}
