//! A client of the QUIC performance protocol (draft-banks-quic-performance-00) on s2n-quic.
//!
//! `perf-client ADDRESS CA`: asks for bytes on streams of both kinds, while it sends some, and prints what came.

use std::{error::Error, net::SocketAddr, path::Path};

use s2n_quic::{Client, Connection, client::Connect, provider::tls::rustls, stream::ReceiveStream};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes asked for, and bytes sent with the request.
const REQUESTS: [(u64, usize); 5] = [(0, 0), (1, 0), (10_000_000, 0), (1, 3_000_000), (3_000_000, 3_000_000)];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(ca)) = (arguments.next(), arguments.next()) else {
        return Err("usage: perf-client ADDRESS CA".into());
    };
    let mut connection = connect(address.parse()?, Path::new(&ca)).await?;
    for (wanted, more) in REQUESTS {
        let received = bidirectional(&mut connection, wanted, more).await?;
        println!("bidirectional: {received} of {wanted}");
    }
    for (wanted, more) in REQUESTS.into_iter().filter(|(wanted, _)| *wanted > 0) {
        let received = unidirectional(&mut connection, wanted, more).await?;
        println!("unidirectional: {received} of {wanted}");
    }
    connection.close(0u32.into());
    Ok(())
}

async fn connect(address: SocketAddr, ca: &Path) -> Outcome<Connection> {
    let tls = rustls::Client::builder()
        .with_certificate(ca)?
        .with_application_protocols([b"perf".as_slice()].into_iter())?
        .build()?;
    let client = Client::builder().with_tls(tls)?.with_io("0.0.0.0:0")?.start()?;
    Ok(client.connect(Connect::new(address).with_server_name("localhost")).await?)
}

fn request(wanted: u64, more: usize) -> Vec<u8> {
    let mut request = wanted.to_be_bytes().to_vec();
    request.resize(request.len() + more, 0);
    request
}

async fn bidirectional(connection: &mut Connection, wanted: u64, more: usize) -> Outcome<u64> {
    let (receive, mut send) = connection.open_bidirectional_stream().await?.split();
    let sending = async move {
        send.send(request(wanted, more).into()).await?;
        send.finish()?;
        Ok(())
    };
    let (received, sent): (_, Outcome<()>) = tokio::join!(count(receive), sending);
    sent?;
    received
}

async fn unidirectional(connection: &mut Connection, wanted: u64, more: usize) -> Outcome<u64> {
    let mut send = connection.open_send_stream().await?;
    send.send(request(wanted, more).into()).await?;
    send.finish()?;
    let receive = connection.accept_receive_stream().await?.ok_or("the server has closed")?;
    count(receive).await
}

async fn count(mut receive: ReceiveStream) -> Outcome<u64> {
    let mut received = 0;
    while let Some(chunk) = receive.receive().await? {
        received += chunk.len() as u64;
    }
    Ok(received)
}
