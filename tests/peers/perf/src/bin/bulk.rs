//! Bulk data on one stream of s2n-quic: the transfer beside which `cargo bench --bench sockets -- bulk` shows ours.
//!
//! `bulk serve ADDRESS CERTIFICATE KEY` discards what it receives. `bulk send ADDRESS CA BYTES` sends that many, and
//! prints the seconds until the server has all of them.

use std::{error::Error, path::Path, time::Instant};

use bytes::Bytes;
use s2n_quic::{
    Client, Connection, Server,
    client::Connect,
    provider::{limits::Limits, tls::rustls},
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address, certificate, key] => serve(address, Path::new(certificate), Path::new(key)).await,
        ["send", address, ca, bytes] => send(address, Path::new(ca), bytes.parse()?).await,
        _ => Err("usage: bulk serve ADDRESS CERTIFICATE KEY | bulk send ADDRESS CA BYTES".into()),
    }
}

/// The windows of the minimal quinn program in `benches/sockets`.
fn limits() -> Outcome<Limits> {
    const RECEIVE: u64 = 64 << 20;
    Ok(Limits::new()
        .with_data_window(RECEIVE)?
        .with_bidirectional_local_data_window(RECEIVE)?
        .with_bidirectional_remote_data_window(RECEIVE)?
        .with_max_send_buffer_size(16 << 20)?)
}

async fn serve(address: &str, certificate: &Path, key: &Path) -> Outcome<()> {
    let tls = rustls::Server::builder().with_certificate(certificate, key)?.build()?;
    let mut server = Server::builder().with_tls(tls)?.with_limits(limits()?)?.with_io(address)?.start()?;
    while let Some(connection) = server.accept().await {
        // A client that goes away without a word keeps its connection until it is idle.
        tokio::spawn(discard(connection));
    }
    Ok(())
}

async fn discard(mut connection: Connection) -> Outcome<()> {
    while let Some(mut stream) = connection.accept_bidirectional_stream().await? {
        let mut is_open = true;
        while is_open {
            let mut chunks = [const { Bytes::new() }; 64];
            (_, is_open) = stream.receive_vectored(&mut chunks).await?;
        }
        stream.finish()?;
    }
    Ok(())
}

async fn send(address: &str, ca: &Path, bytes: u64) -> Outcome<()> {
    const CHUNK: &[u8] = &[7; 64 << 10];
    let tls = rustls::Client::builder().with_certificate(ca)?.build()?;
    let mut client =
        Client::builder().with_tls(tls)?.with_limits(limits()?)?.with_io("127.0.0.1:0")?.start()?;
    let connect = Connect::new(address.parse::<std::net::SocketAddr>()?).with_server_name("localhost");
    let mut connection = client.connect(connect).await?;
    let mut stream = connection.open_bidirectional_stream().await?;
    let start = Instant::now();
    for _ in 0..bytes / CHUNK.len() as u64 {
        stream.send(Bytes::from_static(CHUNK)).await?;
    }
    stream.finish()?;
    while stream.receive().await?.is_some() {}
    println!("{}", start.elapsed().as_secs_f64());
    connection.close(0u32.into());
    drop(connection);
    // Otherwise the process may end before the server is told.
    client.wait_idle().await?;
    Ok(())
}
