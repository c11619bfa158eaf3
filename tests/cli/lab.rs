//! The lab: both engines give the figures of the command, and the server refuses requests of other pages.

use std::{
    env,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Program, has_command, has_namespaces, run, skip, wirelab};

/// Configurations that both engines must run as the command does.
const LINES: &[&str] = &[
    "hol -t udp,arq-selective,quic-one,quic-message,quic-datagram -d 2s --seeds 2",
    "hol -t quic-one,quic-flow -d 2s --seeds 1 --rtt 120ms --loss 3% --flows 3",
    "bench -t udp,quic -C fixed -d 1s --seeds 2 --seed 7 -i 3ms -l 400 --reply-length 900",
    "bench -t arq -C fixed -d 1s --seeds 1 --loss gilbert:1%:25%",
    "bench -t udp-hmac,arq-unordered -C fixed -d 1s --seeds 1 --corrupt 1% --duplicate 1% --reorder 2%",
    "bench -t quic-one,arq-selective -C fixed:50000 -d 1s --seeds 1 --rate 5mbit --queue 20p",
    "bench -t quic-one -C fixed -d 1s --seeds 1 --rate 5mbit --queue 1bdp --to-client delay=5ms",
    "bench -t quic-flow -C fixed -d 1s --seeds 1 --preset lte --arrivals poisson",
    "bench -t quic-message -C fixed -d 1s --seeds 1 --jitter 5ms:normal --keep-order -w 500ms",
    "bench -t udp,quic-datagram -C fixed -d 1s --seeds 1 --loss 0% --to-server loss=drop:100:101",
    "bench -t quic-one -C fixed -d 1s --seeds 1 --delay 40ms --to-client delay=5ms --deadline 90ms",
    "hol -t arq-go-back-n,arq-stop-and-wait -d 1s --seeds 1 -i 20ms --rtt 10ms",
    "bench -t quic-one -C fixed -d 2s --seeds 1 -l 20KB -i 50ms --mtu 1400",
    "bench --workload video -t udp,quic-one,quic-message -C fixed -d 3s --seeds 1 --rtt 100ms",
    "bench --workload video:60:2mbit:1s --playout 80ms --drop-late -t quic-message -C fixed -d 2s --seeds 1",
    "bench --workload game -t udp,quic-one -C fixed -d 2s --seeds 1 --loss 2%",
    "bench -t udp,quic-flow -C fixed,fixed:20000 -d 1s --seeds 1",
    "bench --workload page -t quic-one,quic-message -C fixed --seeds 1 --loads 2",
    "bench --workload page:12:8KB:3 --mode resumed,0rtt -t quic-flow -C fixed --seeds 1 --loads 1 --flows 3",
    "hol --rebind 1s -t udp,arq-selective,quic-one -d 3s --seeds 2",
    "hol --rebind 1500ms:ip -t quic-message -d 3s --seeds 1 --loss 0%",
    "bench --handover 1s:300ms --after delay=40ms,rate=5mbit -t udp,quic-datagram -C fixed -d 4s --seeds 1",
    "bench --handover 1s:300ms --workload video -t quic-message -C fixed -d 4s --seeds 1",
    // The defaults: 60 s, 30 seeds, two round trips.
    "hol -t udp,arq-selective,quic-one,quic-message,quic-datagram -d 10s --seeds 1",
    "hol -t quic-one --seeds 1",
    "hol -t quic-datagram -d 1s",
    "bench -t udp",
];

/// Other calls, to which both engines must give the same answers.
fn calls() -> Vec<Value> {
    let words = words("hol -t quic-one -d 5s --seeds 1");
    let several = self::words("hol -t udp,quic-one,quic-message -d 2s --seeds 2");
    vec![
        json!({ "call": "show", "words": several }),
        json!({ "call": "render", "words": several, "format": "csv" }),
        json!({ "call": "render", "words": several, "format": "html" }),
        json!({ "call": "episode", "words": words, "seed": 1, "which": "longest" }),
        json!({ "call": "episode", "words": words, "seed": 1, "which": "seq=150" }),
        json!({ "call": "episode", "words": self::words("hol -t quic-one -d 5s --seeds 1 --rebind 2s"), "seed": 1, "which": "longest" }),
        json!({ "call": "lesson", "index": 1, "said": 0 }),
        json!({ "call": "lesson", "index": 99, "said": null }),
        json!({ "call": "show", "words": ["hol", "-t", "udp", "--flows", "1000000"] }),
        json!({ "call": "format_disk" }),
    ]
}

/// A `wirelab lab` that serves.
pub(crate) struct Lab {
    program: Program,
    host: String,
    /// The path of the page: the token between slashes.
    page: String,
}

/// A response.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Lab {
    pub(crate) fn start() -> Self {
        let mut program = Program::start(wirelab(Path::new("/"), ["lab"]));
        let url = program.wait_for("http://127.0.0.1:");
        let (host, page) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self { host: host.to_owned(), page: format!("/{page}"), program }
    }

    /// The address of the page.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.host, self.page)
    }

    /// Sends a request without waiting for the response.
    fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Sends a call as the page does, without waiting for the response.
    fn send_call(&self, body: &str) -> TcpStream {
        let origin = format!("http://{}", self.host);
        let headers = [("Host", &*self.host), ("Origin", &*origin), ("Content-Type", "application/json")];
        self.send(&format!("POST {}call", self.page), &headers, body)
    }

    fn request(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        Reply::read(self.send(line, headers, body))
    }

    fn post(&self, body: &str) -> Reply {
        Reply::read(self.send_call(body))
    }

    /// The answer of a call, or its error.
    fn call(&self, call: &Value) -> Result<String, String> {
        let reply = self.post(&call.to_string());
        if reply.status != 200 {
            return Err(reply.body);
        }
        let last: Value = serde_json::from_str(reply.body.lines().last().unwrap()).unwrap();
        said(&last)
    }
}

impl Reply {
    fn read(mut stream: TcpStream) -> Self {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let end = said.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(said[..end].to_vec()).unwrap();
        let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
            true => unchunked(&said[end + 4..]),
            false => said[end + 4..].to_vec(),
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: String::from_utf8(body).unwrap() }
    }
}

fn said(last: &Value) -> Result<String, String> {
    let text = |name: &str| last[name].as_str().map(str::to_owned);
    text("answer").ok_or_else(|| text("error").unwrap_or_else(|| panic!("no answer: {last}")))
}

fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|part| part == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 4 + length..];
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The call for what the page shows.
fn show(line: &str) -> Value {
    json!({ "call": "show", "words": words(line) })
}

/// The call for the result as JSON.
fn result(line: &str) -> Value {
    json!({ "call": "render", "words": words(line), "format": "json" })
}

/// What the command prints as JSON.
fn printed(line: &str) -> String {
    run(Path::new("/"), format!("{line} -J -q").split(' ')).succeeded()
}

#[test]
fn the_server_answers_with_the_bytes_that_the_command_prints() {
    let lab = Lab::start();
    for line in LINES {
        assert_eq!(lab.call(&result(line)).unwrap(), printed(line), "{line}");
    }
    let all = "bench -t all -C fixed -d 1s --seeds 1";
    assert_eq!(lab.call(&result(all)).unwrap(), printed(all));
    let line = LINES[0];
    let mut shown: Value = serde_json::from_str(&lab.call(&show(line)).unwrap()).unwrap();
    let mut printed: Value = serde_json::from_str(&printed(&format!("{line} --pictures"))).unwrap();
    // Only the command makes further runs for ladders.
    printed.as_object_mut().unwrap().remove("episodes");
    shown["result"].as_object_mut().unwrap().remove("episodes");
    assert!(shown["result"] == printed, "{line}");
    assert!(shown["part"].as_str().unwrap().contains("<svg"));
}

#[test]
fn a_ladder_is_the_one_of_the_command() {
    let folder = tempdir().unwrap();
    let line = "hol -t quic-one -d 5s --seeds 1";
    run(folder.path(), format!("{line} --ladder -q -o out.html --svg svg").split(' ')).succeeded();
    run(folder.path(), format!("{line} --pictures -q -o out.json").split(' ')).succeeded();
    let file: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("out.json")).unwrap()).unwrap();
    let words = words(line);
    let call = json!({ "call": "episode", "words": words, "seed": 1, "which": "longest" });
    let lab = Lab::start();
    let episode: Value = serde_json::from_str(&lab.call(&call).unwrap()).unwrap();
    assert_eq!(episode, file["episodes"][0]);
    // Every packet of QUIC has frames.
    let frames: Vec<_> = episode["packets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|packet| packet["frames"].as_str().unwrap_or(""))
        .collect();
    assert!(
        frames.iter().all(|frames| frames.contains("STREAM 0 bytes") || frames.contains("ACK ")),
        "{frames:?}"
    );
    assert!(frames.iter().any(|frames| frames.contains("STREAM") && frames.contains("ACK ")), "{frames:?}");
    // A click on a dot names the message by its place in the timeline.
    let detail = &file["cells"][0]["pictures"]["timeline"]["detail"];
    let waited = detail["blocked_by_other"][0].as_u64().unwrap() + detail["first_number"].as_u64().unwrap();
    let call = json!({ "call": "episode", "words": words, "seed": 1, "which": format!("seq={waited}") });
    let episode: Value = serde_json::from_str(&lab.call(&call).unwrap()).unwrap();
    let waits = episode["waits"].as_array().unwrap();
    assert!(waits.iter().any(|wait| wait["message"]["number"] == waited), "{waited}: {waits:?}");
}

#[test]
fn requests_of_other_pages_are_refused() {
    let lab = Lab::start();
    let (host, own) = (lab.host.as_str(), format!("http://{}", lab.host));
    let call = show("hol -t udp -d 1s --seeds 1").to_string();
    let post = format!("POST {}call", lab.page);
    let page = format!("GET {}", lab.page);
    let index = lab.request(&page, &[("Host", host)], "");
    assert_eq!(index.status, 200);
    assert!(index.head.contains("content-security-policy: default-src 'none'"), "{}", index.head);
    type Refused<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let refused: [Refused<'_>; 7] = [
        (&page, &[("Host", "evil.example")], 403),
        (&post, &[("Host", host)], 403),
        (&post, &[("Host", host), ("Origin", "http://evil.example")], 403),
        (&post, &[("Host", "evil.example"), ("Origin", "http://evil.example")], 403),
        ("GET /", &[("Host", host)], 404),
        ("GET /00000000000000000000000000000000/", &[("Host", host)], 404),
        ("POST /call", &[("Host", host), ("Origin", &own)], 404),
    ];
    for (line, headers, status) in refused {
        assert_eq!(lab.request(line, headers, &call).status, status, "{line} {headers:?}");
    }
}

#[test]
fn absurd_and_broken_calls_are_refused_in_one_line() {
    let lab = Lab::start();
    let many: Vec<String> = (0..2500).map(|n| format!("fixed:{}", 10_000 + n)).collect();
    let ladder = |line: &str| {
        json!({ "call": "episode", "words": words(line), "seed": 1, "which": "longest" }).to_string()
    };
    for (body, part) in [
        ("".to_owned(), "not a call"),
        ("{\"call\":".to_owned(), "not a call"),
        ("{\"call\":\"format_disk\"}".to_owned(), "not a call"),
        (show("hol -t udp --flows 1000000").to_string(), "flows are too many"),
        (show("hol -t udp -i 1ns").to_string(), "interval is too short"),
        (show("hol -t udp -d 48h").to_string(), "too long"),
        (show("hol -t all -C cubic,newreno --seeds 10000").to_string(), "runs are too many"),
        (show("hol -t quic --seeds 2000").to_string(), "too many"),
        (show("hol -t udp -o /tmp/owned.json").to_string(), "unknown option -o"),
        (show("hol -t udp --rate trace:/etc/passwd").to_string(), "the lab reads no files"),
        (show("hol -t udp --to-client rate=trace:/etc/passwd").to_string(), "the lab reads no files"),
        (show("bench -t udp --workload video:/etc/passwd").to_string(), "--workload: "),
        (show("serve udp://").to_string(), "unknown command"),
        (show(&format!("hol -t quic -C {}", many.join(","))).to_string(), "10000 cells are too many"),
        (show("hol -t udp -d 10s --rebind 10s").to_string(), "is after the end of the measured time"),
        (show("hol -t udp -d 10s --rebind 1ns:nowhere").to_string(), "--rebind: "),
        (show("hol -t udp -d 10s --after delay=1ms").to_string(), "--after needs --handover"),
        (show("bench -t quic-one --workload page:1000:10MB").to_string(), "packets"),
        (show("bench -t quic-one --workload page:/etc/passwd").to_string(), "--workload: "),
        (show("hol -t quic-one --workload page").to_string(), "use bench"),
        ("[".repeat(100_000), "not a call"),
        (ladder("hol -t quic-one -d 5s --rebind 2s"), "whose address stays the same"),
        (ladder("bench -t quic-one --workload page"), "there are none"),
        (show("hol -t udp --path direct").to_string(), "the lab has no --path direct"),
        (json!({ "call": "lesson", "index": 99, "said": null }).to_string(), "there is no lesson 100"),
        (
            json!({ "call": "render", "words": ["hol", "-t", "udp"], "result": "{}", "format": "csv" })
                .to_string(),
            "not a wirelab result",
        ),
    ] {
        let reply = lab.post(&body);
        let said = match reply.status {
            400 => reply.body,
            200 => said(&serde_json::from_str(reply.body.lines().last().unwrap()).unwrap()).unwrap_err(),
            other => panic!("{body}: {other}"),
        };
        assert!(said.contains(part) && said.lines().count() == 1, "{body}: {said}");
    }
}

#[test]
fn paths_in_real_time_run_through_the_server() {
    let lab = Lab::start();
    let cell = |call: Value| {
        let shown: Value = serde_json::from_str(&lab.call(&call).unwrap()).unwrap();
        assert!(shown["part"].as_str().unwrap().contains("<table"));
        let cell = shown["result"]["cells"][0].clone();
        assert!(cell["messages"]["delivered"].as_u64().unwrap() > 20, "{cell}");
        (
            cell["path"].as_str().unwrap().to_owned(),
            cell["transport"].as_str().unwrap().to_owned(),
            shown["result"].clone(),
        )
    };
    let line = "bench -t quic-one --path relay -d 1s -w 0ms -i 20ms --seeds 1 --loss 0%";
    let (path, transport, measured) = cell(show(line));
    assert_eq!((&*path, &*transport), ("relay", "quic-one"));
    // A file has the run that was shown, not another.
    let render =
        json!({ "call": "render", "words": words(line), "format": "json", "result": measured.to_string() });
    let saved: Value = serde_json::from_str(&lab.call(&render).unwrap()).unwrap();
    assert_eq!(saved, measured);
    let refused = lab.call(&result(line)).unwrap_err();
    assert!(refused.contains("needs its result"), "{refused}");
    if !has_namespaces() {
        return;
    }
    let (path, transport, _) =
        cell(show("bench -t tcp --path netns -d 1s -w 0ms -i 20ms --seeds 1 --loss 0%"));
    assert_eq!((&*path, &*transport), ("netns", "tcp"));
}

#[test]
fn a_run_whose_page_has_gone_ends() {
    let lab = Lab::start();
    // Each takes a minute or more.
    for line in ["bench -t quic -d 60s --seeds 30", "bench -t quic-one --path relay -d 50s --seeds 2"] {
        let long = show(line).to_string();
        for _ in 0..4 {
            // The page leaves once its response begins.
            assert_ne!(lab.send_call(&long).read(&mut [0; 64]).unwrap(), 0);
        }
    }
    // The server runs four calls at a time, so this one waits for them if they go on.
    let next = lab.send_call(&show("hol -t udp -d 1s --seeds 1").to_string());
    next.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(Reply::read(next).body.contains("\"answer\""));
}

/// The folder of the engine for browsers, and Node.js to run it; skips without them.
pub(crate) fn engine() -> Option<PathBuf> {
    let Some(folder) = env::var_os("WIRELAB_TEST_ENGINE") else {
        skip(
            "the engine for browsers is not built: run web/build.sh and set WIRELAB_TEST_ENGINE to web/engine/pkg",
        );
        return None;
    };
    if !has_command("node") {
        return None;
    }
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

#[test]
fn the_engine_for_browsers_answers_with_the_bytes_that_the_command_prints() {
    let Some(folder) = engine() else { return };
    let mut node = Command::new("node");
    node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/engine.mjs")).arg(folder);
    let mut node = Program::start(node);
    for line in LINES {
        node.say(&(result(line).to_string() + "\n"));
        let last = node.wait_for("{");
        assert_eq!(said(&serde_json::from_str(&last).unwrap()).unwrap(), printed(line), "{line}");
    }
    let lab = Lab::start();
    for call in calls() {
        node.say(&(call.to_string() + "\n"));
        let answer = said(&serde_json::from_str(&node.wait_for("{")).unwrap());
        assert!(answer == lab.call(&call), "{call}");
    }
    node.say(&(result("hol -t dtls,udp -d 1s --seeds 1").to_string() + "\n"));
    let answer = said(&serde_json::from_str(&node.wait_for("{")).unwrap()).unwrap();
    let file: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (file["cells"].as_array().unwrap().len(), &file["skipped"][0]["transport"]),
        (1, &json!("dtls"))
    );
}

#[test]
fn without_an_engine_the_export_says_how_to_get_one() {
    if cfg!(feature = "web-engine") {
        return skip("this build has the engine");
    }
    let folder = tempdir().unwrap();
    for name in ["lab.html", "lab"] {
        let said = run(folder.path(), ["lab", "--export", name]);
        assert_eq!(said.code, Some(2));
        assert!(said.stderr.contains("web/build.sh") && said.stderr.lines().count() == 1, "{}", said.stderr);
        assert!(!folder.path().join(name).exists());
    }
}

/// Ctrl-C is how it ends.
#[test]
fn an_interrupt_is_the_normal_end_of_the_lab() {
    let lab = Lab::start();
    lab.program.signal("INT");
    let finished = lab.program.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stderr.contains("interrupted"), "{finished:?}");
}
