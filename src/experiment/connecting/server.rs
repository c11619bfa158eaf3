//! The end that answers every client.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    channel::{self, Acceptor, Channel, Settings, UnitToSend},
    experiment::{Ends, RunError},
    path::{Host, PathError},
    transport::{ConnectError, Shape, Transport},
    wire::Probe,
};

/// Time between two attempts to accept a connection while the limit of open files is reached.
const PAUSE: Duration = Duration::from_millis(10);

/// How many messages answer a request.
pub(in crate::experiment) type Answer = Arc<dyn Fn(&Probe) -> u32 + Send + Sync>;

/// A server for any number of connections. It answers each request at once, with one message or several.
pub(in crate::experiment) struct Server {
    local: SocketAddr,
    over: watch::Sender<()>,
}

impl Server {
    /// Listens on the server's end.
    pub(in crate::experiment) fn start(
        ends: &Ends,
        transport: Transport,
        settings: &Settings,
        answer: Answer,
    ) -> Result<Self, RunError> {
        let acceptor = channel::listen(&ends.server, transport, ends.listen, settings)?;
        let (local, over) = (acceptor.local_addr(), watch::Sender::new(()));
        let replies = Replies { answer, length: settings.reply };
        let accepting = accept(ends.server.clone(), transport, acceptor, replies, over.clone());
        ends.server.spawn("the server", Box::pin(accepting));
        Ok(Self { local, over })
    }

    /// The port it listens on.
    pub(in crate::experiment) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Closes all connections: a server that missed its client's close would go on sending.
    pub(super) fn close(&self) {
        self.over.send_replace(());
    }
}

/// How a server answers requests.
#[derive(Clone)]
struct Replies {
    answer: Answer,
    length: usize,
}

async fn accept(
    host: Arc<dyn Host>,
    transport: Transport,
    mut acceptor: Acceptor,
    replies: Replies,
    over: watch::Sender<()>,
) {
    // One channel serves all clients of a datagram transport.
    let closes = transport.shape() != Shape::Datagrams;
    loop {
        match acceptor.accept().await {
            Ok(mut channel) => {
                channel.close_counters();
                let over = closes.then(|| over.subscribe());
                host.spawn("a service", Box::pin(serve(channel, replies.clone(), over)));
            }
            // Until there is a descriptor, the client waits in the backlog, so it is not refused.
            Err(ConnectError::Path(PathError::NoDescriptor { .. })) => host.sleep(PAUSE).await,
            // The listener is closed.
            Err(ConnectError::Path(_)) => return,
            Err(_) if transport.shape() == Shape::Stream => {}
            Err(_) => return,
        }
    }
}

/// Answers one client until it leaves or its connection is `over`.
async fn serve(mut channel: Box<dyn Channel>, replies: Replies, mut over: Option<watch::Receiver<()>>) {
    loop {
        let closed = async {
            match &mut over {
                Some(over) => drop(over.changed().await),
                None => std::future::pending().await,
            }
        };
        let delivery = tokio::select! {
            biased;
            () = closed => return,
            delivery = channel.recv() => delivery,
        };
        let Ok(delivery) = delivery else { return };
        let (first, length) = (delivery.probe, replies.length);
        let unit = UnitToSend { first, count: (replies.answer)(&first), length, useful_until: None };
        if channel.send_unit(&unit).is_err() {
            return;
        }
    }
}
