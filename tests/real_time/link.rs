//! `wirelab link` as its users run it: in front of ordinary UDP servers.

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Link, alone, loopbacks, run, together};

/// Timeout for a datagram that must arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// Echoes datagrams until the test ends.
fn echo(local: &str) -> SocketAddr {
    let socket = UdpSocket::bind(local).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 65_535];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    address
}

/// Sends `count` numbered datagrams and returns the numbers that come back. The last one is never lost.
fn exchange(client: &UdpSocket, count: u32) -> Vec<u32> {
    for number in 0..count {
        client.send(&number.to_be_bytes()).unwrap();
    }
    let mut returned = Vec::new();
    while returned.last() != Some(&(count - 1)) {
        let mut number = [0; 4];
        client.recv(&mut number).unwrap();
        returned.push(u32::from_be_bytes(number));
    }
    returned
}

#[test]
fn exactly_the_packets_of_the_list_are_lost() {
    let _turn = together();
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &["--loss", "drop:3:17", "--rtt", "10ms"]);
    let returned = exchange(&link.client(), 30);
    // To the server the third and the seventeenth are lost; on the way back those of the remaining packets.
    let there: Vec<u32> = (0..30).filter(|number| ![2, 16].contains(number)).collect();
    let back =
        there.iter().enumerate().filter(|(place, _)| ![2, 16].contains(place)).map(|(_, number)| *number);
    assert_eq!(returned, back.collect::<Vec<_>>());
    let report = link.stop("INT");
    assert_eq!(report["to_server"]["packets"], 30);
    assert_eq!(report["to_server"]["bytes"], 30 * (4 + 28));
    assert_eq!(report["to_server"]["lost"], 2);
    assert_eq!(report["to_server"]["sent"], 28);
    assert_eq!(report["to_client"]["packets"], 28);
    assert_eq!(report["to_client"]["sent"], 26);
    assert_eq!(report["clients"]["accepted"], 1);
    assert_eq!(report["dropped_packets"].as_u64().unwrap_or(0), 0);
    assert_eq!(report["lateness_ns"]["n"], 28 + 26);
}

#[test]
fn the_seed_makes_losses_repeatable() {
    let _alone = alone();
    let lost_of = |seed| {
        let options = ["--loss", "30%", "--to-client", "loss=0%", "--rtt", "2ms", "--seed", seed];
        let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &options);
        let client = link.client();
        for number in 0..300u32 {
            client.send(&number.to_be_bytes()).unwrap();
        }
        let mut returned = Vec::new();
        client.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
        let mut number = [0; 4];
        while client.recv(&mut number).is_ok() {
            returned.push(u32::from_be_bytes(number));
        }
        let report = link.stop("TERM");
        assert_eq!(report["to_server"]["lost"].as_u64().unwrap() as usize, 300 - returned.len());
        returned
    };
    let first = lost_of("7");
    assert_eq!(first, lost_of("7"));
    assert_ne!(first, lost_of("8"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the delay passes in real time")]
fn the_delay_is_there_and_a_run_of_many_keeps_its_order() {
    let _alone = alone();
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &["--loss", "0%", "--delay", "40ms"]);
    let client = link.client();
    let begun = Instant::now();
    assert_eq!(exchange(&client, 200), (0..200).collect::<Vec<_>>());
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[test]
fn many_clients_share_the_link_and_each_gets_its_own_replies() {
    let _alone = alone();
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &["--loss", "0%", "--rtt", "4ms"]);
    let clients: Vec<_> = (0..100).map(|_| link.client()).collect();
    for (number, client) in clients.iter().enumerate() {
        for length in [4, 0, 1200, 4] {
            client.send(&vec![number as u8; length]).unwrap();
        }
    }
    for (number, client) in clients.iter().enumerate() {
        let mut buffer = [0; 2000];
        for length in [4, 0, 1200, 4] {
            assert_eq!(client.recv(&mut buffer).unwrap(), length);
            assert!(buffer[..length].iter().all(|byte| *byte == number as u8));
        }
    }
    let report = link.stop("INT");
    assert_eq!(report["clients"]["accepted"], 100);
    assert_eq!(report["to_client"]["sent"], 400);
}

#[test]
fn one_client_too_many_displaces_the_one_that_was_quiet_for_longest() {
    let _turn = together();
    let options = ["--loss", "0%", "--rtt", "2ms", "--max-clients", "2"];
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &options);
    let clients: Vec<_> = (0..3).map(|_| link.client()).collect();
    for client in [0, 1, 0, 2, 0] {
        assert_eq!(exchange(&clients[client], 1), [0]);
    }
    let report = link.stop("INT");
    assert_eq!(report["clients"]["accepted"], 3);
    assert_eq!(report["clients"]["known"], 2);
    assert_eq!(report["clients"]["displaced"], 1);
}

#[test]
fn idle_clients_are_forgotten_and_may_come_back() {
    let _turn = together();
    let options = ["--loss", "0%", "--rtt", "2ms", "--idle", "50ms"];
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &options);
    let client = link.client();
    assert_eq!(exchange(&client, 1), [0]);
    // Nothing arrives; the timeout lets the time pass.
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(client.recv(&mut [0; 4]).is_err());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(exchange(&client, 1), [0]);
    let report = link.stop("INT");
    assert_eq!(report["clients"]["accepted"], 2);
    assert!(report["clients"]["idle"].as_u64().unwrap() >= 1);
}

#[test]
fn a_server_that_refuses_does_not_end_the_relay_and_may_come_back() {
    let _turn = together();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let link = Link::start("127.0.0.1:0", address, &["--loss", "0%", "--rtt", "2ms"]);
    let client = link.client();
    client.send(b"heard").unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let (_, from) = server.recv_from(&mut [0; 10]).unwrap();
    drop(server);
    for _ in 0..10 {
        client.send(b"refused").unwrap();
    }
    // Wait until the refused datagrams have left the relay.
    let server = loop {
        client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let _ = client.recv(&mut [0; 10]);
        if let Ok(server) = UdpSocket::bind(address) {
            break server;
        }
    };
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    client.send(b"again").unwrap();
    let mut buffer = [0; 10];
    let (length, again) = server.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], again), (&b"again"[..], from));
    let report = link.stop("INT");
    assert!(report["server_refused"].as_u64().unwrap() >= 1, "{report}");
    assert_eq!(report["to_server"]["packets"], 12);
    assert_eq!(report["send_errors"], 0);
}

#[test]
fn ipv6_carries_48_bytes_of_headers() {
    let _turn = together();
    if !loopbacks().contains(&"[::1]") {
        return;
    }
    let link = Link::start("[::1]:0", echo("[::1]:0"), &["--loss", "0%", "--rtt", "2ms"]);
    assert_eq!(exchange(&link.client(), 3), [0, 1, 2]);
    let report = link.stop("INT");
    assert_eq!(report["to_server"]["bytes"], 3 * (4 + 48));
    // IPv4 on one side, IPv6 on the other.
    let link = Link::start("127.0.0.1:0", echo("[::1]:0"), &["--loss", "0%", "--rtt", "2ms"]);
    assert_eq!(exchange(&link.client(), 3), [0, 1, 2]);
}

#[test]
fn it_ends_after_its_duration_and_refuses_invalid_arguments() {
    let _turn = together();
    let link = Link::start("127.0.0.1:0", echo("127.0.0.1:0"), &["--duration", "50ms"]);
    assert_eq!(link.finish()["to_server"]["packets"], 0);
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        &["--listen", "9000", "--to", "9000"][..],
        &["--listen", "127.0.0.1:0", "--to", "9999", "--loss", "1%,2%"],
        &["--listen", "127.0.0.1:0", "--to", "127.0.0.1"],
        &["--listen", "127.0.0.1:0"],
        &["--listen", "127.0.0.1:0", "--to", "9999", "--max-clients", "0"],
    ] {
        let said = run(folder.path(), ["link"].iter().chain(wrong));
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{wrong:?}: {}", said.stderr);
    }
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let said = run(folder.path(), ["link", "--listen", &listen, "--to", "9999"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("in use"), "{}", said.stderr);
}
