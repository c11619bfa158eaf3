//! The server's end of TLS early data (0-RTT, RFC 8446 section 2.3): replies to early requests are sent with the
//! server's first flight, before the handshake is complete.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::OwnedSemaphorePermit,
};

use super::limits::HANDSHAKE_LIMIT;
use crate::{
    path::{ByteStream, Connected, Host, Sleep},
    transport::ConnectError,
};

/// Bytes buffered between TLS and the application, each way.
const BUFFER_BYTES: usize = 64 * 1024;

/// A TLS server on `connected`. It is returned at once, and yields early data as it arrives. Its handshake takes `place`,
/// for [`HANDSHAKE_LIMIT`] at most.
///
/// Returns an error if rustls refuses the configuration.
pub(super) fn accept_early(
    host: &Arc<dyn Host>,
    connected: Connected,
    config: &Arc<ServerConfig>,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Connected, ConnectError> {
    let Connected { stream, local, peer, kernel } = connected;
    let session = ServerConnection::new(config.clone())
        .map_err(|e| ConnectError::from_tls(peer, io::Error::other(e)))?;
    let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
    let limit = host.sleep(HANDSHAKE_LIMIT);
    host.spawn("a TLS server", Box::pin(pump(stream, session, ours, limit, place)));
    Ok(Connected { stream: Box::new(theirs), local, peer, kernel })
}

/// Copies bytes between the wire and the application until either is closed. A failed session closes both, after its
/// alert is sent. So does `limit` before the handshake is complete.
async fn pump(
    mut wire: Box<dyn ByteStream>,
    mut session: ServerConnection,
    mut application: DuplexStream,
    mut limit: Sleep,
    mut place: Option<OwnedSemaphorePermit>,
) {
    let mut from_wire = vec![0; BUFFER_BYTES];
    let mut from_application = vec![0; BUFFER_BYTES];
    loop {
        let carried = tokio::select! {
            biased;
            () = &mut limit, if place.is_some() => return,
            read = wire.read(&mut from_wire) => match read {
                Ok(n @ 1..) => receive(&mut session, &from_wire[..n], &mut application).await,
                _ => return,
            },
            read = application.read(&mut from_application) => match read {
                Ok(n @ 1..) => session.writer().write_all(&from_application[..n]),
                _ => {
                    session.send_close_notify();
                    // The end of the stream closes the connection in any case.
                    let _ = send(&mut session, &mut *wire).await;
                    let _ = wire.shutdown().await;
                    return;
                }
            },
        };
        let sent = send(&mut session, &mut *wire).await;
        place = place.filter(|_| session.is_handshaking());
        if carried.and(sent).is_err() {
            return;
        }
    }
}

/// Decrypts records from the wire and passes them on.
async fn receive(
    session: &mut ServerConnection,
    mut records: &[u8],
    application: &mut DuplexStream,
) -> io::Result<()> {
    while !records.is_empty() {
        session.read_tls(&mut records)?;
        session.process_new_packets().map_err(io::Error::other)?;
        let mut plain = Vec::new();
        if let Some(mut early) = session.early_data() {
            early.read_to_end(&mut plain)?;
        }
        match session.reader().read_to_end(&mut plain) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            read => drop(read?),
        }
        application.write_all(&plain).await?;
    }
    Ok(())
}

async fn send(session: &mut ServerConnection, wire: &mut dyn ByteStream) -> io::Result<()> {
    let mut records = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut records)?;
    }
    wire.write_all(&records).await?;
    wire.flush().await
}
