//! Each message, connection and byte has one fate, and each ratio a denominator that could have held its numerator: in
//! every command in real time, and behind proxies that drop, delay, double and die.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use wirelab::{
    report::{ResultFile, from_json},
    transport::Transport,
};

use super::endings::pause;
use crate::support::{Link, Server, accounted, alone, at_once, has_namespaces, run, together};

/// Runs `arguments` and checks what they print; the exit status may be that of a failure.
fn measured(arguments: &str) -> ResultFile {
    let finished = run(Path::new("/"), format!("{arguments} -J -q").split_whitespace());
    assert!(matches!(finished.code, Some(0 | 1)), "{arguments}: {finished:?}");
    let file =
        from_json(finished.stdout.as_bytes()).unwrap_or_else(|e| panic!("{arguments}: {e}: {finished:?}"));
    accounted(&file).unwrap_or_else(|e| panic!("{arguments}: {e}"));
    file
}

/// 80 messages in 400 ms, and a short wait for the last.
const MESSAGES: &str = "-d 400ms -w 0s -i 5ms --wait 3x1s";
const LINK: &str = "--rtt 6ms --loss 3% --duplicate 3% --corrupt 1%";
/// Reorders.
const JITTER: &str = "--jitter 1ms";
/// Not for transfers by go-back-N: it discards what comes out of order, so a shuffled window costs a timeout, and
/// timeouts double.
const IN_ORDER: &str = "arq-go-back-n";

/// Every command on the paths of this machine over `transports`, `seeds` times.
fn every_command(transports: &[&str], seeds: u64) {
    let shuffled: Vec<&str> = transports.iter().filter(|name| **name != IN_ORDER).copied().collect();
    let (transports, shuffled) = (transports.join(","), shuffled.join(","));
    let paths = ["relay", "direct"].into_iter().chain(has_namespaces().then_some("netns"));
    at_once(paths, |path| every_command_on(path, &transports, &shuffled, seeds));
}

/// `shuffled` are the transports for links that reorder.
fn every_command_on(path: &str, transports: &str, shuffled: &str, seeds: u64) {
    let (link, jitter) = if path == "direct" { ("", "") } else { (LINK, JITTER) };
    let options = format!("--path {path} -t {transports} --seeds {seeds} {link} {jitter}");
    for command in ["bench", "hol"] {
        let file = measured(&format!("{command} {options} {MESSAGES}"));
        for cell in &file.cells {
            let messages = cell.messages.as_ref().unwrap();
            assert_eq!(messages.scheduled, 80 * cell.seeds, "{command} {options}: {messages:?}");
        }
    }
    let file = measured(&format!("handshake {options} --connections 6 --mode cold,resumed --timeout 2s"));
    for cell in &file.cells {
        let connections = cell.handshake.as_ref().and_then(|handshake| handshake.connections);
        assert_eq!(connections, Some(6 * cell.seeds), "handshake {options}");
    }
    for way in ["", " --down"] {
        let options = format!("--path {path} --seeds {seeds} {link} --bytes 200KB{way}");
        let mut files = vec![measured(&format!("transfer -t {shuffled} --pace 50mbit {jitter} {options}"))];
        files.extend(
            transports.contains(IN_ORDER).then(|| measured(&format!("transfer -t {IN_ORDER} {options}"))),
        );
        let knows = |cell: &wirelab::report::Cell| cell.transfer.as_ref().unwrap().unknown == 0;
        let cells = || files.iter().flat_map(|file| &file.cells);
        assert!(cells().all(knows), "our own receivers know what they have");
        let carries = |name: &&str| path != "relay" || !["tcp", "tls"].contains(name);
        assert_eq!(cells().count(), transports.split(',').filter(carries).count(), "{options}");
    }
}

#[test]
fn every_command_accounts_for_everything_in_real_time() {
    let _turn = together();
    every_command(&["udp", "tcp", "quic-one"], 1);
}

#[test]
#[ignore = "every transport on every path takes minutes"]
fn identities_of_every_command_path_and_transport() {
    let _alone = alone();
    every_command(&Transport::all().map(Transport::name).collect::<Vec<_>>(), 2);
}

/// On a relay nothing but a full queue is the machine's doing: not what the link corrupted, doubled or cut short.
#[test]
fn only_full_queues_drop_packets_of_a_relay() {
    let _turn = together();
    let file =
        measured(&format!("bench --path relay -t udp --seeds 1 --corrupt 30% --duplicate 20% {MESSAGES}"));
    assert!(file.cells[0].messages.as_ref().unwrap().corrupted > Some(10), "{:?}", file.cells[0].messages);
    assert_eq!(file.system.unwrap().dropped_packets, Some(0));
}

/// A proxy of TCP connections that forwards late, and dies after `life`.
fn proxy(to: SocketAddr, life: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let Ok((client, _)) = listener.accept() else { return };
        let server = TcpStream::connect(to).unwrap();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut to));
        }
        pause(life);
        // Nobody is told: the listener goes too.
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    });
    address
}

#[test]
fn messages_by_url_add_up_behind_proxies_that_die() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let urls = ["udp", "arq", "quic", "tcp", "tls"].map(|scheme| format!("{scheme}://127.0.0.1:0"));
    let server = Server::start(folder.path(), &urls.each_ref().map(String::as_str), &[]);
    at_once(["udp", "arq", "quic", "tcp", "tls"], |scheme| behind_proxies_that_die(&server, scheme));
}

fn behind_proxies_that_die(server: &Server, scheme: &str) {
    const LONG: Duration = Duration::from_secs(60);
    let ca = format!("--ca {} --seeds 1", server.certificates.ca().display());
    let to = server.address(scheme);
    // One outlives the run, the others die in it.
    for life in [Duration::from_millis(1300), Duration::from_millis(1450), LONG] {
        let start = |what: &dyn Fn(SocketAddr) -> String| {
            if matches!(scheme, "tcp" | "tls") {
                return measured(&what(proxy(to, life)));
            }
            let link = "--rtt 4ms --loss 3% --duplicate 3% --corrupt 1%";
            let link = Link::start("127.0.0.1:0", to, &link.split(' ').collect::<Vec<_>>());
            let at = link.address;
            thread::scope(|scope| {
                scope.spawn(|| {
                    pause(life.min(Duration::from_secs(3)));
                    link.stop("TERM")
                });
                measured(&what(at))
            })
        };
        let streams = if scheme == "quic" { "?streams=one" } else { "" };
        let file = start(&|at| format!("bench {scheme}://{at}{streams} {MESSAGES} {ca}"));
        for cell in &file.cells {
            assert_eq!(cell.messages.as_ref().unwrap().scheduled, 80, "{scheme}");
        }
        if ["tcp", "tls"].contains(&scheme) {
            for way in ["", " --down"] {
                // A transfer in which the proxy dies must take longer than its life.
                let size = if life == LONG { "100MB" } else { "3GB" };
                start(&|at| format!("transfer {scheme}://{at} --bytes {size} {ca}{way}"));
            }
        }
    }
}
