//! `nc`, `socat` and `openssl` as clients and servers.

use std::{path::Path, process::Command};

use crate::support::{Certificates, Program, Server, send, skip, tool, wirelab};

/// Types lines, each after the echo of the one before.
fn echoes_line_by_line(client: Command) {
    let mut client = Program::start(client);
    for line in ["first line", "second line"] {
        client.say(&format!("{line}\n"));
        assert_eq!(client.wait_for("line"), line);
    }
}

/// Pipes `request` in, closes the input, and returns all output.
fn piped(client: Command, request: &str) -> String {
    let mut client = Program::start(client);
    client.say(request);
    client.finish().succeeded()
}

#[test]
fn nc_echoes_over_tcp() {
    let Some(mut nc) = tool("nc", &["127.0.0.1"]) else { return };
    let server = Server::single("tcp", "echo");
    nc.arg(server.port().to_string());
    echoes_line_by_line(nc);
}

#[test]
fn nc_echoes_over_udp() {
    let Some(mut nc) = tool("nc", &["-u", "127.0.0.1"]) else { return };
    let server = Server::single("udp", "echo");
    nc.arg(server.port().to_string());
    echoes_line_by_line(nc);
}

#[test]
fn nc_is_thanked_for_each_line() {
    let Some(mut nc) = tool("nc", &["127.0.0.1"]) else { return };
    let server = Server::single("tcp", "thanks");
    nc.arg(server.port().to_string());
    let mut nc = Program::start(nc);
    for _ in 0..2 {
        nc.say("here you are\n");
        assert_eq!(nc.wait_for("thank"), "thank you !");
    }
}

#[test]
fn socat_echoes_over_tcp_and_udp() {
    for scheme in ["tcp", "udp"] {
        let Some(mut socat) = tool("socat", &["-"]) else { return };
        let server = Server::single(scheme, "echo");
        socat.arg(format!("{}:127.0.0.1:{}", scheme.to_uppercase(), server.port()));
        echoes_line_by_line(socat);
    }
}

#[test]
fn socat_echoes_over_ipv6() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return skip("no IPv6 on this machine");
    }
    for scheme in ["tcp", "udp"] {
        let Some(mut socat) = tool("socat", &["-"]) else { return };
        let server = Server::single_with(&format!("{scheme}://[::1]:0"), "echo", &[]);
        socat.arg(format!("{}6:[::1]:{}", scheme.to_uppercase(), server.port()));
        echoes_line_by_line(socat);
    }
}

#[test]
fn half_close_ends_a_message_and_the_reply_still_comes() {
    // `-t 10`: socat waits this many seconds for the reply after a half-close.
    let Some(mut socat) = tool("socat", &["-t", "10", "-"]) else { return };
    let server = Server::single("tcp", "hello");
    socat.arg(format!("TCP:127.0.0.1:{}", server.port()));
    assert_eq!(piped(socat, "Michael").trim_end(), "Hello, Michael!");
}

#[test]
fn half_close_leaves_the_rest_of_an_echo_to_come() {
    let Some(mut socat) = tool("socat", &["-t", "10", "-"]) else { return };
    let server = Server::single("tcp", "echo");
    socat.arg(format!("TCP:127.0.0.1:{}", server.port()));
    // More than the buffers of two sockets hold.
    let text = "0123456789abcde\n".repeat(1 << 16);
    assert!(piped(socat, &text) == text, "{} bytes came back otherwise", text.len());
}

#[test]
fn openssl_echoes_over_tls_and_trusts_the_ca() {
    let Some(mut openssl) = tool("openssl", &["s_client", "-quiet", "-verify_return_error"]) else { return };
    let server = Server::single("tls", "echo");
    openssl.arg("-connect").arg(format!("127.0.0.1:{}", server.port()));
    openssl.args(["-verify_hostname", "localhost", "-CAfile"]).arg(server.certificates.ca());
    echoes_line_by_line(openssl);
}

#[test]
fn openssl_that_trusts_another_ca_refuses_the_server() {
    let Some(mut openssl) = tool("openssl", &["s_client", "-quiet", "-verify_return_error"]) else { return };
    let server = Server::single("tls", "echo");
    let other = Certificates::made();
    openssl.arg("-connect").arg(format!("127.0.0.1:{}", server.port())).arg("-CAfile").arg(other.ca());
    let refused = Program::start(openssl).finish();
    assert!(refused.code != Some(0));
    assert!(refused.stderr.contains("verify error"), "{}", refused.stderr);
}

#[test]
fn an_openssl_server_answers_send() {
    // `-rev` returns each line reversed.
    let Some(mut openssl) = tool("openssl", &["s_server", "-rev", "-accept", "127.0.0.1:0"]) else { return };
    let certificates = Certificates::made();
    openssl.arg("-cert").arg(certificates.server()).arg("-key").arg(certificates.server_key());
    let mut server = Program::start(openssl);
    let line = server.wait_for("ACCEPT ");
    let port = line.rsplit(':').next().unwrap_or_default();
    let url = format!("tls://127.0.0.1:{port}");
    let replies = send(&[&url, "Michael", "Tracy", "--ca", &certificates.ca().display().to_string()]);
    assert_eq!(replies.succeeded(), "leahciM\nycarT\n");
}

#[test]
fn openssl_echoes_over_dtls_and_trusts_the_ca() {
    let arguments = ["s_client", "-dtls1_2", "-quiet", "-verify_return_error"];
    let Some(mut openssl) = tool("openssl", &arguments) else { return };
    let server = Server::single("dtls", "echo");
    openssl.arg("-connect").arg(format!("127.0.0.1:{}", server.port()));
    openssl.args(["-verify_hostname", "localhost", "-CAfile"]).arg(server.certificates.ca());
    echoes_line_by_line(openssl);
}

#[test]
fn an_openssl_server_answers_send_over_dtls() {
    let arguments = ["s_server", "-dtls1_2", "-accept", "127.0.0.1:0"];
    let Some(mut openssl) = tool("openssl", &arguments) else { return };
    let certificates = Certificates::made();
    let [theirs, ours] = ["theirs", "ours"].map(|name| certificates.ca().with_file_name(name));
    openssl.arg("-keylogfile").arg(&theirs);
    openssl.arg("-cert").arg(certificates.dtls()).arg("-key").arg(certificates.dtls_key());
    let mut server = Program::start(openssl);
    let line = server.wait_for("ACCEPT ");
    let port = line.rsplit(':').next().unwrap_or_default();
    let url = format!("dtls://127.0.0.1:{port}");
    let ca = certificates.ca();
    let arguments = ["send", &url, "Michael\n", "--timeout", "20s", "--ca", &ca.display().to_string()];
    let mut client = wirelab(Path::new("/"), arguments);
    client.env("SSLKEYLOGFILE", &ours);
    let client = Program::start(client);
    server.wait_for("Michael");
    server.say("Hello from OpenSSL\n");
    assert_eq!(client.finish().succeeded().trim_end(), "Hello from OpenSSL");
    let secret = std::fs::read_to_string(ours).unwrap();
    assert!(secret.starts_with("CLIENT_RANDOM "), "{secret}");
    let theirs = std::fs::read_to_string(theirs).unwrap().to_lowercase();
    assert!(theirs.contains(&secret.to_lowercase()), "{secret}{theirs}");
}

/// OpenSSL does not speak DTLS 1.3, so only the form of its secrets is checked here.
#[test]
fn the_secrets_of_dtls_1_3_are_logged() {
    let server = Server::single("dtls", "echo");
    let log = server.certificates.ca().with_file_name("log");
    let ca = server.certificates.ca().display().to_string();
    let mut client = wirelab(Path::new("/"), ["send", &server.urls[0], "x", "--ca", &ca]);
    client.env("SSLKEYLOGFILE", &log);
    Program::start(client).finish().succeeded();
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split(' ').collect()).collect();
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        let line = lines.iter().find(|line| line[0] == label).unwrap_or_else(|| panic!("{label}: {log}"));
        // Each secret has 32 bytes, and all are of the same connection.
        assert_eq!((line[1], line[2].len()), (lines[0][1], 64), "{log}");
    }
}

#[test]
fn a_socat_server_answers_send() {
    // `-d -d` makes it print its port.
    let listen = "TCP4-LISTEN:0,bind=127.0.0.1,fork";
    let Some(socat) = tool("socat", &["-d", "-d", listen, "EXEC:cat"]) else { return };
    let mut server = Program::start(socat);
    let line = server.wait_for("127.0.0.1:");
    let port = line.rsplit(':').next().unwrap_or_default();
    let replies = send(&[&format!("tcp://127.0.0.1:{port}"), "Michael", "Tracy"]).succeeded();
    assert_eq!(replies, "Michael\nTracy\n");
}
