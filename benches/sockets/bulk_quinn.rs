//! A minimal program on quinn that sends bytes on one stream.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use quinn::{Connection, Endpoint, TransportConfig, VarInt};
use tokio::runtime::Runtime;
use wirelab::certs;

use super::peers;

/// A client, and its connection to a server that discards what comes.
pub(super) struct BulkQuinn {
    runtime: Runtime,
    connection: Connection,
    _endpoint: Endpoint,
}

impl BulkQuinn {
    /// Starts the server on a thread of its own, which ends with the program.
    pub(super) fn listen() -> SocketAddr {
        peers::listen(transport(), |connection| async move {
            loop {
                let (mut send, mut receive) = connection.accept_bi().await?;
                while receive.read_chunk(usize::MAX, true).await?.is_some() {}
                send.finish()?;
            }
        })
    }

    pub(super) fn connect(server: SocketAddr) -> Self {
        let runtime = peers::runtime();
        let (connection, endpoint) = runtime.block_on(async {
            let endpoint = peers::client(transport());
            let connecting = endpoint.connect(server, certs::EPHEMERAL_NAME).expect("a configuration");
            (connecting.await.expect("a connection"), endpoint)
        });
        Self { runtime, connection, _endpoint: endpoint }
    }

    /// Sends `bytes`, and returns the time until the server has all of them.
    pub(super) fn send(&self, bytes: u64) -> Duration {
        self.runtime.block_on(self.try_send(bytes)).expect("a server that takes it")
    }

    #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
    async fn try_send(&self, bytes: u64) -> anyhow::Result<Duration> {
        const CHUNK: &[u8] = &[7; 64 << 10];
        let (mut send, mut receive) = self.connection.open_bi().await?;
        let start = Instant::now();
        for _ in 0..bytes / CHUNK.len() as u64 {
            send.write_chunk(Bytes::from_static(CHUNK)).await?;
        }
        send.finish()?;
        receive.read_to_end(0).await?;
        Ok(start.elapsed())
    }
}

/// The windows of a transfer.
fn transport() -> TransportConfig {
    let mut transport = peers::transport();
    transport
        .stream_receive_window(VarInt::from_u32(64 << 20))
        .receive_window(VarInt::from_u32(64 << 20))
        .send_window(16 << 20);
    transport
}
