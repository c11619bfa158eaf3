//! Transfers with a peer of another version, with a plain echo server, and over TLS records without content.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::support::{Finished, Server, run};
use tempfile::tempdir;
use wirelab::{
    certs::roots,
    wire::{
        TransferMessage,
        transfer::{DIGEST_BYTES, Piece, Receipt, TRANSFER_HEADER_BYTES, VERSION, version},
    },
};

/// The message in the format of version 0.
fn of_version_0(message: &TransferMessage) -> Vec<u8> {
    let mut bytes = message.encode().to_vec();
    bytes[9] = 0;
    let check = crc32fast::hash(&bytes[8..]).to_le_bytes();
    bytes[4..8].copy_from_slice(&check);
    bytes
}

/// Transfers to a server that answers the first bytes of its only client with `answer`.
fn transfer_with(direction: &[&str], answer: impl FnOnce(TcpStream) + Send + 'static) -> Finished {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || answer(listener.accept().unwrap().0));
    let arguments = ["transfer", &url, "--bytes", "1MB", "--seeds", "1", "-q"];
    let finished = run(tempdir().unwrap().path(), arguments.iter().chain(direction));
    server.join().unwrap();
    finished
}

/// Discards what comes until the peer closes.
fn discard(mut stream: TcpStream) {
    // An error ends it, too.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

#[test]
fn a_client_names_a_server_of_another_version() {
    for direction in [&[][..], &["--down"]] {
        let ended = transfer_with(direction, |mut stream| {
            stream.write_all(&of_version_0(&TransferMessage::Receipt(Receipt::default()))).unwrap();
            discard(stream);
        });
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let says = "speaks another version of wirelab's transfer protocol";
        assert!(ended.stderr.contains(says), "{direction:?}: {}", ended.stderr);
    }
}

/// A server of version 0 does the same, because it does not recognise messages of another version.
#[test]
fn a_client_names_a_server_that_only_copies() {
    for direction in [&[][..], &["--down"]] {
        let ended = transfer_with(direction, |stream| {
            let mut reader = stream.try_clone().unwrap();
            // Ends when the client has gone.
            let _ = std::io::copy(&mut reader, &mut &stream);
        });
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let says = "the server returns what it is sent";
        assert!(ended.stderr.contains(says), "{direction:?}: {}", ended.stderr);
    }
}

#[test]
fn a_server_answers_a_client_of_another_version_in_its_own() {
    let server = Server::single("tcp", "echo");
    let end = TransferMessage::End { length: 0, digest: [0; DIGEST_BYTES] };
    let piece = TransferMessage::Piece(Piece::new(0, vec![7; 1000].into()));
    for message in [end, piece] {
        let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
        stream.write_all(&of_version_0(&message)).unwrap();
        let mut header = [0; TRANSFER_HEADER_BYTES];
        stream.read_exact(&mut header).unwrap();
        assert_eq!(version(&header), Some(VERSION));
        discard(stream);
    }
}

/// Key updates (RFC 8446 section 4.6.3) are records without content, so they are no progress of a transfer.
#[expect(clippy::disallowed_methods, reason = "a server's idle time passes in real time")]
#[test]
fn tls_records_without_content_are_no_progress_of_a_transfer() {
    let server = Server::single_with("tls://127.0.0.1:0", "echo", &["--idle", "1s"]);
    let roots = roots(&server.certificates.ca()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let client = rustls::ClientConnection::new(config.into(), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(client, TcpStream::connect(server.address("tls")).unwrap());
    let piece = TransferMessage::Piece(Piece::new(0, vec![7; 1000].into())).encode();
    stream.write_all(&piece[..500]).unwrap();
    stream.sock.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let begun = Instant::now();
    let ended = loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "the server waits on");
        stream.conn.refresh_traffic_keys().unwrap();
        match stream.flush().and_then(|()| stream.read(&mut [0; 2000])) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            ended => break ended,
        }
    };
    // It ends with a receipt, or because the server has closed the connection.
    assert!(begun.elapsed() >= Duration::from_secs(1), "{ended:?}");
}
