//! `wirelab discover` between network namespaces on Ethernet bridges.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{Finished, Program, has_command, python, skip, together};
use serde_json::Value;

/// Bridges to which hosts are attached. The namespaces end with the programs that hold them.
struct Lan {
    holder: Program,
    ports: usize,
}

/// A network namespace.
struct Host {
    holder: Program,
}

/// A command in the namespaces of a process.
fn within(holder: &Program, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &holder.id().to_string(), "--user", "--net", "--preserve-credentials", "--"]);
    command.arg(program);
    command
}

/// Runs a script in the namespaces of a process.
fn script(holder: &Program, text: &str) {
    let mut command = within(holder, "sh");
    command.args(["-e", "-c", text]);
    Program::start(command).finish().succeeded();
}

const HOLD: &str =
    "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up; echo ready; exec sleep 600";

impl Lan {
    /// Two bridges without a host. Skips where namespaces are forbidden.
    fn new() -> Option<Self> {
        if !["unshare", "nsenter", "ip"].into_iter().all(has_command) {
            return None;
        }
        let unshare = ["--map-root-user", "--net", "--", "sh", "-c"];
        let bridges =
            "for n in 0 1; do ip link add br$n type bridge mcast_snooping 0 && ip link set br$n up; done";
        let tried = Command::new("unshare").args(unshare).arg(bridges).stderr(Stdio::null()).status();
        if !tried.is_ok_and(|status| status.success()) {
            skip("no network namespaces with bridges here");
            return None;
        }
        let mut command = Command::new("unshare");
        command.args(unshare).arg(format!("{bridges}; {HOLD}"));
        let mut holder = Program::start(command);
        holder.wait_for("ready");
        Some(Self { holder, ports: 0 })
    }

    /// A host with an interface `eth0`, `eth1`, … for each bridge and address.
    fn host(&mut self, links: &[(u8, &str)]) -> Host {
        let mut command = within(&self.holder, "unshare");
        command.args(["--net", "--", "sh", "-c", HOLD]);
        let mut holder = Program::start(command);
        holder.wait_for("ready");
        for (index, (bridge, address)) in links.iter().enumerate() {
            let (port, pid) = (self.ports, holder.id());
            self.ports += 1;
            script(
                &self.holder,
                &format!(
                    "ip link add port{port} type veth peer name eth{index} netns {pid}; \
                     ip link set port{port} master br{bridge} up"
                ),
            );
            script(
                &holder,
                &format!("ip address add {address}/24 brd + dev eth{index}; ip link set eth{index} up"),
            );
            // The kernel takes a moment to notice that a link is up.
            script(
                &holder,
                &format!(
                    "for n in $(seq 100); do ip link show eth{index} | grep -q 'state UP' && \
                     ip -6 address show eth{index} | grep -q fe80 && break; sleep 0.05; done"
                ),
            );
        }
        Host { holder }
    }
}

impl Host {
    fn wirelab(&self, arguments: &[&str]) -> Command {
        let mut command = within(&self.holder, env!("CARGO_BIN_EXE_wirelab"));
        command.args(arguments).current_dir(Path::new("/")).env_remove("COLUMNS");
        command
    }

    /// Starts a server that can be found by this name.
    fn serve(&self, url: &str, name: &str) -> Program {
        let mut server = Program::start(self.wirelab(&["serve", url, &format!("--discoverable={name}")]));
        server.wait_for("listening on ");
        server
    }

    fn discover(&self, options: &[&str]) -> Finished {
        Program::start(self.wirelab(&[&["discover"], options].concat())).finish()
    }

    /// The names found, with their interfaces and URLs, and the number of ignored datagrams.
    fn found(&self, options: &[&str]) -> (Vec<(String, String, String)>, u64) {
        let json = self.discover(&[&["-J"], options].concat()).succeeded();
        let found: Value = serde_json::from_str(&json).unwrap();
        let list = |value: &Value| {
            let texts = value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
            texts.collect::<Vec<_>>().join(" ")
        };
        let servers = found["servers"].as_array().unwrap().iter().map(|server| {
            let round_trip = server["round_trip_ns"].as_u64().unwrap();
            assert!((1..5_000_000_000).contains(&round_trip), "{server}");
            assert_eq!(server["program"], concat!("wirelab ", env!("CARGO_PKG_VERSION")));
            let name = server["name"].as_str().unwrap().to_owned();
            (name, list(&server["interfaces"]), list(&server["urls"]))
        });
        (servers.collect(), found["ignored"].as_u64().unwrap())
    }
}

fn owned(name: &str, interfaces: &str, urls: &str) -> (String, String, String) {
    (name.to_owned(), interfaces.to_owned(), urls.to_owned())
}

#[test]
fn every_server_of_the_link_is_listed_once_and_garbage_is_not() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let [client, one, two, rogue] = [1, 2, 3, 4].map(|n| lan.host(&[(0, &format!("10.7.0.{n}"))]));
    let _servers = [
        one.serve("udp://0.0.0.0:9999", "attic"),
        // Two servers on one host. One of them answers only that host.
        two.serve("udp://0.0.0.0:9999", "cellar"),
        two.serve("tcp://0.0.0.0:9999", "cellar too"),
        two.serve("udp://127.0.0.1:9000", "hidden"),
    ];
    let expected = vec![
        owned("attic", "eth0", "udp://10.7.0.2:9999"),
        owned("cellar", "eth0", "udp://10.7.0.3:9999"),
        owned("cellar too", "eth0", "tcp://10.7.0.3:9999"),
    ];
    assert_eq!(client.found(&[]), (expected.clone(), 0));
    for options in [&["-4"][..], &["-6"], &["--broadcast"], &["--scope", "site"], &["--scope", "site", "-6"]]
    {
        assert_eq!(client.found(options).0, expected, "{options:?}");
    }
    let text = client.discover(&[]).succeeded();
    assert!(text.starts_with("attic (wirelab "), "{text}");
    assert!(text.contains(" ms\n  udp://10.7.0.2:9999\n"), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");

    let Some(garbage) = python("discover_garbage.py") else { return };
    let mut command = within(&rogue.holder, garbage.get_program());
    command.args(garbage.get_args()).arg("10.7.0.4");
    let mut garbage = Program::start(command);
    garbage.wait_for("ready");
    // Eight datagrams of garbage for each of the three queries, and an answer of another version.
    assert_eq!(client.found(&["-4"]), (expected, 24));
    let json: Value = serde_json::from_str(&client.discover(&["-4", "-J"]).succeeded()).unwrap();
    let newer = serde_json::json!([{"address": "10.7.0.4", "interface": "eth0", "version": 2}]);
    assert_eq!(json["other_versions"], newer);
    let notes = client.discover(&["-4"]).stderr;
    let note = "10.7.0.4 on eth0 answered in version 2 of the discovery format; this program has version 1\n";
    assert!(notes.starts_with(note), "{notes}");
}

#[test]
fn a_server_on_two_links_is_found_on_both_and_listed_once() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let client = lan.host(&[(0, "10.7.0.1"), (1, "10.7.1.1")]);
    let left = lan.host(&[(0, "10.7.0.2")]);
    let both = lan.host(&[(0, "10.7.0.3"), (1, "10.7.1.3")]);
    let _servers = [left.serve("udp://0.0.0.0:9999", "left"), both.serve("udp://0.0.0.0:9999", "both")];
    let expected = vec![
        owned("both", "eth0 eth1", "udp://10.7.0.3:9999 udp://10.7.1.3:9999"),
        owned("left", "eth0", "udp://10.7.0.2:9999"),
    ];
    assert_eq!(sorted_urls(client.found(&["-4"]).0), expected);
    let of_eth1 = vec![owned("both", "eth1", "udp://10.7.1.3:9999")];
    assert_eq!(client.found(&["--interface", "eth1"]).0, of_eth1);
}

/// Linux limits the groups of a socket to 20, and a server joins two on each interface.
#[test]
fn a_server_is_found_on_each_of_fifteen_interfaces() {
    let _turn = together();
    const LINKS: usize = 15;
    let Some(mut lan) = Lan::new() else { return };
    let [client, host] = [1, 2].map(|_| lan.host(&[]));
    let (near, far) = (client.holder.id(), host.holder.id());
    let ends = format!("ip link add eth$n netns {near} type veth peer name eth$n netns {far}");
    script(&lan.holder, &format!("for n in $(seq {LINKS}); do {ends}; done"));
    for (host, last) in [(&client, 1), (&host, 2)] {
        let address = format!("ip address add 10.8.$n.{last}/24 brd + dev eth$n; ip link set eth$n up");
        script(&host.holder, &format!("for n in $(seq {LINKS}); do {address}; done"));
    }
    let is_up = "ip link show eth$n | grep -q 'state UP' && ip -6 address show eth$n | grep -q fe80";
    for host in [&client, &host] {
        let wait = format!("for m in $(seq 100); do {is_up} && break; sleep 0.05; done");
        script(&host.holder, &format!("for n in $(seq {LINKS}); do {wait}; done"));
    }
    let _server = host.serve("udp://[::]:9999", "wide");
    for options in
        [&["-4"][..], &["-6"], &["--broadcast"], &["-4", "--scope", "site"], &["-6", "--scope", "site"]]
    {
        let (servers, _) = client.found(options);
        assert_eq!(servers.len(), 1, "{options:?}");
        assert_eq!(servers[0].1.split(' ').count(), LINKS, "{options:?}: {}", servers[0].1);
    }
}

#[test]
fn a_group_that_cannot_be_joined_is_reported() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host(&[(0, "10.7.0.2")]);
    script(&host.holder, "echo 0 > /proc/sys/net/ipv4/igmp_max_memberships");
    let server = host.serve("udp://0.0.0.0:9999", "deaf");
    server.signal("TERM");
    let said = server.finish().stderr;
    for (group, interface) in [("224.0.0.254", "eth0"), ("239.255.0.114", "eth0"), ("224.0.0.254", "lo")] {
        let failed = format!("discovery: cannot join {group} on {interface}: ");
        assert_eq!(said.matches(&failed).count(), 1, "{said}");
    }
    assert_eq!(said.matches("cannot join").count(), 4, "IPv6 has no such limit: {said}");
}

/// URLs stand in the order of their answers.
fn sorted_urls(mut servers: Vec<(String, String, String)>) -> Vec<(String, String, String)> {
    for (_, _, urls) in &mut servers {
        let mut sorted: Vec<_> = urls.split(' ').collect();
        sorted.sort_unstable();
        *urls = sorted.join(" ");
    }
    servers
}

#[test]
fn an_ipv6_server_is_found_by_an_address_that_the_client_can_use() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let [client, host] = [1, 2].map(|n| lan.host(&[(0, &format!("10.7.0.{n}"))]));
    let _server = host.serve("udp://[::]:9999", "six");
    let (found, _) = client.found(&["-6"]);
    let url = &found[0].2;
    assert!(url.starts_with("udp://[fe80::") && url.ends_with("%25eth0]:9999"), "{url}");
    let mut send = Program::start(client.wirelab(&["send", url, "hello"]));
    assert_eq!(send.wait_for(""), "hello");
}

#[test]
fn without_a_network_and_without_a_server_the_reason_is_one_line() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let alone = lan.host(&[]);
    let said = alone.discover(&[]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.lines().count()), (Some(1), "", 1), "{said:?}");
    assert!(said.stderr.starts_with("wirelab: no network to search: no interface but loopback is up"));
    let said = alone.discover(&["--interface", "eth7"]);
    assert!(said.stderr.starts_with("wirelab: no interface `eth7` that is up"), "{said:?}");

    let client = lan.host(&[(0, "10.7.0.1")]);
    let said = client.discover(&["--wait", "200ms"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.lines().count()), (Some(1), "", 1), "{said:?}");
    assert!(said.stderr.starts_with("wirelab: no server answered on eth0 within 200ms"), "{said:?}");
    // A server on the same machine is also found.
    let _server = client.serve("udp://0.0.0.0:9999", "self");
    assert_eq!(client.found(&["-4"]).0, [owned("self", "eth0", "udp://10.7.0.1:9999")]);
}

#[test]
fn the_report_counts_queries_and_a_query_from_behind_a_router_is_not_answered() {
    let _turn = together();
    let Some(mut lan) = Lan::new() else { return };
    let [client, host] = [1, 2].map(|n| lan.host(&[(0, &format!("10.7.0.{n}"))]));
    let server = host.serve("udp://0.0.0.0:9999", "counted");
    client.found(&["-4", "--broadcast"]);
    let Some(far) = python("discover_far.py") else { return };
    let mut command = within(&client.holder, far.get_program());
    command.args(far.get_args()).arg("10.7.0.1");
    assert_eq!(Program::start(command).finish().succeeded(), "254 nothing\n255 wirelab!\n");
    server.signal("TERM");
    let report = server.finish().succeeded();
    let line = report.lines().last().unwrap();
    assert!(line.starts_with("discovery: 7 messages, 8400 bytes in, "), "{line}");
    assert!(line.ends_with(" 1 client, 1 refused (not from this link: 1)"), "{line}");
}
