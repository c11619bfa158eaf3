//! Bulk data over an ARQ session: each message of a transfer is a message of the connection.

use std::sync::Arc;

use bytes::Bytes;

use super::{Bulk, Incoming, Moved, Nature, Outgoing};
use crate::{
    path::BoxFuture,
    transport::{ChannelError, arq::ArqConnection},
};

/// An end of `connection`.
pub(super) fn bulk(connection: ArqConnection) -> Bulk {
    let connection = Arc::new(connection);
    let [acknowledging, receiving, counted] = std::array::from_fn(|_| connection.clone());
    let acknowledged = move || acknowledging.stats().acknowledged_bytes;
    let received = move || receiving.stats().received_bytes;
    Bulk {
        outgoing: Box::new(Sender(connection.clone())),
        incoming: Box::new(Receiver(connection)),
        nature: Nature::RELIABLE,
        moved: Moved::new(Some(acknowledged), received),
        recovery: Arc::new(move || counted.recovery()),
    }
}

fn lost(connection: &ArqConnection, reason: &dyn std::fmt::Display) -> ChannelError {
    ChannelError::Lost { peer: connection.peer(), reason: reason.to_string() }
}

struct Sender(Arc<ArqConnection>);

impl Outgoing for Sender {
    fn send(&mut self, message: Bytes) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async move { self.0.send(message).await.map_err(|error| lost(&self.0, &error)) })
    }

    fn finish(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.close();
            // On failure, the receiving end has reported the error.
            let _ = self.0.closed().await;
        })
    }
}

struct Receiver(Arc<ArqConnection>);

impl Incoming for Receiver {
    fn recv(&mut self) -> BoxFuture<'_, Result<Bytes, ChannelError>> {
        Box::pin(async move {
            match self.0.recv().await {
                Ok(Some(message)) => Ok(message.bytes),
                Ok(None) => Err(lost(&self.0, &"the peer closed it")),
                Err(error) => Err(lost(&self.0, &error)),
            }
        })
    }
}
