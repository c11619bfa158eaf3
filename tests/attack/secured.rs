//! Hostile datagrams to servers of signed and of encrypted UDP.

use std::{
    net::{SocketAddr, UdpSocket},
    path::Path,
    time::{Duration, SystemTime},
};

use ring::hmac;

use super::{
    attacker, attackers,
    report::Report,
    support::{Program, Server, wirelab},
};

/// Offset of the random value of a ClientHello in its datagram: after the headers of the record and of the message (RFC
/// 6347 sections 4.1 and 4.2.2), and after the version.
const RANDOM: usize = 13 + 12 + 2;

/// First datagrams of DTLS clients, all different. No client continues its handshake, as if its address were forged.
pub(crate) fn of_dtls(server: &Server, folder: &Path, count: u64) -> u64 {
    let (mut hello, to) = (hello(folder), server.address("dtls"));
    let mut sent = 0;
    for (socket, n) in attackers().iter().cycle().zip(0..count) {
        hello[RANDOM..RANDOM + 8].copy_from_slice(&n.to_be_bytes());
        sent += u64::from(socket.send_to(&hello, to).is_ok());
    }
    sent
}

/// The first datagram of `wirelab send`.
fn hello(folder: &Path) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("dtls://{}", socket.local_addr().unwrap());
    let _client = Program::start(wirelab(folder, ["send", &url, "x", "--timeout", "60s"]));
    let mut hello = vec![0; 2048];
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = socket.recv(&mut hello).unwrap();
    hello.truncate(length);
    hello
}

/// A message signed with the server's key.
fn signed(folder: &Path, message: &[u8]) -> Vec<u8> {
    let key = std::fs::read_to_string(folder.join("certs/hmac.key")).unwrap();
    let key: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&key[2 * n..2 * n + 2], 16).unwrap()).collect();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let counter = u64::try_from(now.as_nanos()).unwrap();
    let body = [message, &1u64.to_be_bytes(), &counter.to_be_bytes()].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &body);
    [&body, tag.as_ref()].concat()
}

/// Garbage counts as a flood even if no request of its source is refused. The server then ignores the source for a
/// while.
#[test]
fn a_source_whose_datagrams_are_rejected_is_dropped_in_the_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let urls = ["udp-hmac://127.0.0.1:0", "dtls://127.0.0.1:0"];
    // With several threads, garbage and requests may reach different sockets. The second socket would refuse the
    // requests by their rate, and the first would have nothing more to drop.
    let server = Server::start(folder.path(), &urls, &["--rate-limit", "1000", "--threads", "1"]);
    let mut hello = hello(folder.path());
    let mut n = 0_u64;
    flood(server.address("udp-hmac"), || signed(folder.path(), b"answer me"));
    flood(server.address("dtls"), || {
        n += 1;
        hello[RANDOM..RANDOM + 8].copy_from_slice(&n.to_be_bytes());
        hello.clone()
    });
    let report = Report(server.stop());
    for (scheme, reason) in [("udp-hmac", "wrong signature"), ("dtls", "not for this server")] {
        assert!(report.of(scheme, reason) >= 100, "{}", report.0);
        assert!(report.of(scheme, "source shunned or receive queue full") > 0, "{}", report.0);
    }
}

/// Sends garbage until the server ignores a `request` from the same source, but answers one from another source.
fn flood(to: SocketAddr, mut request: impl FnMut() -> Vec<u8>) {
    // Garbage comes from another port than the requests, as from most sources.
    let [garbage, hostile, other] = [0, 0, 1].map(|n| UdpSocket::bind(attacker(n)).unwrap());
    let mut is_answered = |socket: &UdpSocket| {
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        socket.send_to(&request(), to).unwrap();
        socket.recv(&mut [0; 2048]).is_ok()
    };
    assert!(is_answered(&hostile), "before the flood");
    let is_shunned = (0..100).any(|_| {
        for _ in 0..250 {
            garbage.send_to(b"hostile", to).unwrap();
        }
        // One unanswered request may have been lost, so two are needed.
        !is_answered(&hostile) && is_answered(&other) && !is_answered(&hostile)
    });
    assert!(is_shunned, "{to} answers a source that floods");
}
