//! The HTML report and the lab in headless Chromium, at desktop and phone sizes, light and dark.

use std::{env, fs, path::Path, process::Command, time::Instant};

use tempfile::tempdir;

use crate::{
    lab::{Lab, engine},
    support::{Program, find_command, has_command, run, say, skip_missing, wirelab},
};

/// The command that opens pages in the browser. Needs Chromium, Node.js, `playwright-core` and `axe-core`, which
/// `.ci/run` installs. Skips without them.
fn browser(script: &str) -> Option<Command> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = names.into_iter().find_map(find_command) else {
        skip_missing("chromium");
        return None;
    };
    if !has_command("node") {
        return None;
    }
    let folder = env::var_os("WIRELAB_TEST_BROWSER").unwrap_or_else(|| "target/browser".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let is_missing = |package: &&str| !folder.join("node_modules").join(package).is_dir();
    if let Some(package) = ["playwright-core", "axe-core"].into_iter().find(is_missing) {
        skip_missing(package);
        return None;
    }
    let mut command = Command::new("node");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script))
        .env("WIRELAB_TEST_BROWSER", folder)
        .env("WIRELAB_TEST_CHROMIUM", chromium);
    Some(command)
}

#[test]
fn pages_are_whole_in_every_size_and_scheme() {
    let Some(mut browser) = browser("check.mjs") else { return };
    let folder = tempdir().unwrap();
    let pages = [
        ("hol.html", "hol -d 10s --seeds 2 -o hol.html"),
        ("rate.html", "bench -d 5s --seeds 2 --rate 5mbit --queue 20p -o rate.html"),
        ("matrix.html", "hol --loss 0%,1%,3% -d 5s --seeds 2 -t quic-one,quic-flow -o matrix.html"),
        ("handshake.html", "handshake -t udp,quic-one -n 5 --seeds 2 -o handshake.html"),
        ("transfer.html", "transfer -t quic-one,arq-selective --bytes 200KB --seeds 2 -o transfer.html"),
        ("pair.html", "hol -t quic-one,quic-message -d 5s --seeds 2 --ladder -o pair.html"),
        ("rates.html", "transfer -t quic-one --bytes 200KB --seeds 2 --rate 5mbit,20mbit -o rates.html"),
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

/// Uses the lab at these addresses. This may take longer than `Program` waits, so the wait has no limit here; the
/// script has limits of its own.
fn use_lab(mut browser: Command, addresses: &[String]) {
    let pictures = env::var("WIRELAB_TEST_PICTURES").unwrap_or_else(|_| "-".to_owned());
    browser.arg(pictures).args(addresses).env("WIRELAB_TEST_WIRELAB", env!("CARGO_BIN_EXE_wirelab"));
    let seen = browser.output().unwrap();
    say(&String::from_utf8_lossy(&seen.stdout));
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
}

#[test]
fn the_lab_shows_what_the_command_prints() {
    let Some(browser) = browser("lab.mjs") else { return };
    let lab = Lab::start();
    use_lab(browser, &[lab.url()]);
}

/// The bytes of a file as a server sends it, compressed by gzip.
fn compressed(file: &Path) -> usize {
    let output = Command::new("gzip").arg("-9c").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.len()
}

#[test]
fn an_exported_lab_needs_no_server() {
    let (Some(browser), Some(engine)) = (browser("lab.mjs"), engine()) else { return };
    let folder = tempdir().unwrap();
    for name in ["lab.html", "lab"] {
        let export = wirelab(folder.path(), ["lab", "--export", name, "--engine"]).arg(&engine).status();
        assert!(export.unwrap().success());
    }
    let file = folder.path().join("lab.html");
    // `web/build.sh --quick` does not optimise for size.
    if !engine.ends_with("quick") {
        let files = fs::read_dir(folder.path().join("lab")).unwrap();
        let page: usize = files.map(|file| compressed(&file.unwrap().path())).sum();
        for size in [page, compressed(&file)] {
            assert!(size < 1_200_000, "{size}");
        }
    }
    use_lab(
        browser,
        &[format!("file://{}", file.display()), folder.path().join("lab").display().to_string()],
    );
}

/// As many cells as a sweep has: 2,000 links with five transports.
const CELLS: usize = 10_000;

#[test]
#[ignore = "10,000 cells in a browser: see CONTRIBUTING.md"]
#[expect(clippy::disallowed_methods, reason = "rendering takes real time")]
fn ten_thousand_cells_open() {
    let Some(mut browser) = browser("check.mjs") else { return };
    let folder = tempdir().unwrap();
    let real =
        "hol -t udp,quic-one,quic-flow,quic-message,arq-selective -d 2s --seeds 2 --loss 0%,1% -o real.json";
    run(folder.path(), real.split(' ')).succeeded();
    let text = fs::read_to_string(folder.path().join("real.json")).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let measured = file["cells"].as_array().unwrap().clone();
    let cells = (0..CELLS).map(|index| {
        let mut cell = measured[index % measured.len()].clone();
        // A list of intervals, each of which has all measured cells.
        cell["workload"]["interval_ns"] = (10_000_000 + 1000 * (index / measured.len())).into();
        cell
    });
    file["cells"] = cells.collect();
    file["paired"] = serde_json::json!([]);
    fs::write(folder.path().join("many.json"), file.to_string()).unwrap();
    let begun = Instant::now();
    run(folder.path(), ["report", "many.json", "-o", "many.html", "-q"]).succeeded();
    let size = fs::metadata(folder.path().join("many.html")).unwrap().len();
    say(&format!("rendered in {:.1} s: {:.1} MB", begun.elapsed().as_secs_f64(), size as f64 / 1e6));
    browser.env("WIRELAB_TEST_LARGE", "1").arg("-").arg(folder.path().join("many.html"));
    let seen = Program::start(browser).finish();
    say(&seen.stdout);
    assert_eq!(seen.code, Some(0), "{}\n{}", seen.stdout, seen.stderr);
    let rows = seen.stdout.split_whitespace().nth(1).and_then(|rows| rows.parse::<usize>().ok());
    assert!(rows.is_some_and(|rows| rows >= CELLS), "{}", seen.stdout);
}
