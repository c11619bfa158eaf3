//! The end that answers every client.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    channel::{self, Acceptor, Channel, Settings, UnitToSend},
    experiment::{Ends, RunError},
    path::{Host, PathError},
    transport::{ConnectError, Shape, Transport},
    unit::Mutex,
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
    resent: Resent,
}

/// Packets whose contents were sent again, over connections that have ended; `None` if no transport tells.
#[derive(Debug, Clone, Default)]
pub(in crate::experiment) struct Resent(Arc<Mutex<Option<u64>>>);

impl Resent {
    /// Adds those of a connection.
    pub(in crate::experiment) fn add(&self, channel: &dyn Channel) {
        if let Some(packets) = channel.recovery().retransmitted_packets {
            *self.0.lock().get_or_insert_default() += packets;
        }
    }

    /// The number so far. Counting begins anew.
    pub(in crate::experiment) fn take(&self) -> Option<u64> {
        self.0.lock().take()
    }
}

impl Server {
    /// Listens on the server's end. If it `counts` packets that were sent again, each connection over TCP takes another
    /// descriptor.
    pub(in crate::experiment) fn start(
        ends: &Ends,
        transport: Transport,
        settings: &Settings,
        answer: Answer,
        counts: bool,
    ) -> Result<Self, RunError> {
        let acceptor = channel::listen(&ends.server, transport, ends.listen, settings)?;
        let (local, over) = (acceptor.local_addr(), watch::Sender::new(()));
        let resent = Resent::default();
        let counted = counts.then(|| resent.clone());
        let replies = Replies { answer, length: settings.reply, resent: counted };
        let accepting = accept(ends.server.clone(), transport, acceptor, replies, over.clone());
        ends.server.spawn("the server", Box::pin(accepting));
        Ok(Self { local, over, resent })
    }

    /// The port it listens on.
    pub(in crate::experiment) fn port(&self) -> u16 {
        self.local.port()
    }

    /// What it has sent again on connections that have ended.
    pub(super) fn resent(&self) -> &Resent {
        &self.resent
    }

    /// Whether it still has connections, of a transport that has any.
    pub(super) fn has_connections(&self) -> bool {
        self.over.receiver_count() > 0
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
    /// Where packets are counted that were sent again.
    resent: Option<Resent>,
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
                if replies.resent.is_none() {
                    channel.close_counters();
                }
                let mut over = closes.then(|| over.subscribe());
                let replies = replies.clone();
                let service = async move {
                    serve(&mut *channel, &replies, &mut over).await;
                    replies.resent.iter().for_each(|resent| resent.add(&*channel));
                };
                host.spawn("a service", Box::pin(service));
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
async fn serve(channel: &mut dyn Channel, replies: &Replies, over: &mut Option<watch::Receiver<()>>) {
    loop {
        let closed = async {
            match over {
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
        let unit = UnitToSend { count: (replies.answer)(&first), ..UnitToSend::single(first, length) };
        if channel.send_unit(&unit).is_err() {
            return;
        }
    }
}
