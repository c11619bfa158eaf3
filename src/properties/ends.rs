//! What two ends do to each other, and what a third party can.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};

use super::{Answer, PropertyError, Row, Subject};
use crate::{
    certs,
    channel::{self, Acceptor, Channel, Settings},
    experiment::{Ends, OnPath, Plan, Route, RunError, end_settings, on_path},
    path::{Exit, Observer, Observers, PacketView, Payload, StopSignal, sim::Limits, timeout},
    transport::{self, ConnectError, Mapping, Session, SharedKey},
    wire::{MessageId, Probe},
};

pub(super) const BOUNDARIES: Row = Row {
    claim: "messages or a stream",
    how: "Two messages of 10 bytes are sent one after the other, and read a little later. Counted: what each read \
          returns.",
    measure: |subject| {
        let reads = over(subject, Observers::default(), async |ends, plan| two_messages(ends, plan).await)?;
        let value = if reads == [LENGTH, LENGTH] { "messages" } else { "a stream" };
        Ok(Answer::new(value, format!("2 messages of {LENGTH} bytes were read as {reads:?}")))
    },
};

pub(super) const IMPOSTOR: Row = Row {
    claim: "others' data kept out",
    how: "A server answers that knows neither the key nor the certificate of the one that the client wants. Counted: \
          whether the client takes its reply.",
    measure: |subject| {
        let taken = over(subject, Observers::default(), async |ends, plan| {
            let mut impostor = end_settings(plan, Some(1))?;
            if let Some(tls) = &mut impostor.session.server_tls {
                tls.identity = certs::ephemeral_of(2000, true)?.0;
            }
            impostor.session.shared_key = Some(SharedKey::new(&[0; 32]));
            let server = Server::start(ends, plan, &impostor, ends.listen)?;
            let taken = match connect(ends, plan, &end_settings(plan, Some(1))?, server.address).await {
                Ok(mut client) => is_answered(ends, &mut client, 0).await,
                Err(_) => false,
            };
            Ok(taken)
        })?;
        Ok(Answer::yes_if(!taken, if taken { "its reply was taken" } else { "its reply was refused" }))
    },
};

pub(super) const SECRECY: Row = Row {
    claim: "content hidden",
    how: "Ten echoes. Counted: packets on the link that hold 16 bytes of a message as they were written.",
    measure: |subject| {
        let seen = Arc::<AtomicU64>::default();
        let mut observers = Observers::default();
        observers.push(Box::new(Eavesdropper { marker: marker(), seen: seen.clone() }));
        over(subject, observers, async |ends, plan| {
            let settings = end_settings(plan, Some(1))?;
            let server = Server::start(ends, plan, &settings, ends.listen)?;
            let mut client = connect(ends, plan, &settings, server.address).await?;
            for number in 0..10 {
                is_answered(ends, &mut client, number).await;
            }
            Ok(())
        })?;
        let seen = seen.load(Ordering::Relaxed);
        Ok(Answer::yes_if(seen == 0, format!("{seen} packets show their content")))
    },
};

pub(super) const STATE: Row = Row {
    claim: "server keeps state per peer",
    how: "The server is started anew, on the same port, in the middle of a conversation. Counted: whether the client's \
          next message is answered.",
    measure: |subject| {
        let answered = over(subject, Observers::default(), async |ends, plan| {
            let server = Server::start(ends, plan, &end_settings(plan, Some(1))?, ends.listen)?;
            let mut client = connect(ends, plan, &end_settings(plan, Some(1))?, server.address).await?;
            is_answered(ends, &mut client, 0).await;
            let listen = SocketAddr::new(ends.listen.ip(), server.address.port());
            drop(server);
            let _server = restarted(ends, plan, listen).await?;
            Ok(is_answered(ends, &mut client, 1).await)
        })?;
        let detail = if answered { "a new server answers" } else { "a new server does not know the client" };
        Ok(Answer::yes_if(!answered, detail))
    },
};

/// Time for what was sent to arrive.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// How long to wait for what may never come.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of each of two messages.
const LENGTH: usize = 10;

/// Runs `run` between two hosts on the subject's path, over a clear link.
pub(super) fn over<T>(
    subject: Subject,
    observers: Observers,
    run: impl AsyncFnOnce(&Ends, &Plan) -> Result<T, RunError>,
) -> Result<T, PropertyError> {
    let plan = subject.plan("", "", 1)?;
    let route = Route {
        path: plan.path,
        links: &plan.links,
        seed: 1,
        congestion: plan.congestion,
        limits: Limits::default(),
        stop: StopSignal::default(),
        observers,
        change: None,
    };
    let OnPath { value, .. } = on_path(route, async |ends, _| run(ends, &plan).await)?;
    Ok(value)
}

/// An echo server, which ends when this is dropped.
struct Server {
    address: SocketAddr,
    _running: oneshot::Sender<()>,
}

impl Server {
    fn start(ends: &Ends, plan: &Plan, settings: &Settings, listen: SocketAddr) -> Result<Self, RunError> {
        let acceptor = channel::listen(&ends.server, plan.transport, listen, settings)?;
        let address = SocketAddr::new(ends.reach, acceptor.local_addr().port());
        let (running, mut dropped) = oneshot::channel();
        let length = plan.workload.reply_length;
        let serve = async move {
            tokio::select! {
                biased;
                _ = &mut dropped => {}
                () = echo(acceptor, length) => {}
            }
        };
        ends.server.spawn("an echo server", Box::pin(serve));
        Ok(Self { address, _running: running })
    }
}

/// Echoes for one client at a time.
async fn echo(mut acceptor: Acceptor, length: usize) {
    while let Ok(mut channel) = acceptor.accept().await {
        while let Ok(delivery) = channel.recv().await {
            if channel.send(delivery.probe, length).is_err() {
                break;
            }
        }
    }
}

/// A new server on an address that another one has just left. The sockets of ARQ and QUIC close when their connections
/// have.
async fn restarted(ends: &Ends, plan: &Plan, listen: SocketAddr) -> Result<Server, RunError> {
    const TRIES: usize = 50;
    let mut tries = 0;
    loop {
        ends.client.sleep(PAUSE).await;
        tries += 1;
        match Server::start(ends, plan, &end_settings(plan, Some(2))?, listen) {
            Err(_) if tries < TRIES => {}
            started => return started,
        }
    }
}

pub(super) async fn connect(
    ends: &Ends,
    plan: &Plan,
    settings: &Settings,
    peer: SocketAddr,
) -> Result<Box<dyn Channel>, ConnectError> {
    let connecting = channel::connect(&ends.client, plan.transport, peer, settings);
    let late = |_| ConnectError::TimedOut { what: "connecting", peer, after: PATIENCE };
    timeout(&*ends.client, PATIENCE, connecting).await.map_err(late)?
}

/// Whether message `number` is answered in time.
async fn is_answered(ends: &Ends, client: &mut Box<dyn Channel>, number: u64) -> bool {
    let probe = Probe::new(MessageId { flow: 0, seq: number }, ends.client.now());
    client.send(probe, 1000).is_ok()
        && matches!(timeout(&*ends.client, PATIENCE, client.recv()).await, Ok(Ok(reply)) if reply.probe.id == probe.id)
}

/// 16 bytes that every message of 1,000 bytes holds.
fn marker() -> Vec<u8> {
    let probe = Probe::new(MessageId { flow: 0, seq: 0 }, crate::unit::Time::ZERO);
    probe.message(1000)[500..516].to_vec()
}

/// Looks for the content of messages.
struct Eavesdropper {
    marker: Vec<u8>,
    seen: Arc<AtomicU64>,
}

impl Observer for Eavesdropper {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let (Payload::Udp(bytes) | Payload::Ip(bytes)) = packet.payload;
        if bytes.windows(self.marker.len()).any(|window| window == self.marker) {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn left(&mut self, _: &PacketView<'_>, _: Exit) {}
}

/// Sends two messages at once, and returns the lengths of what is read.
async fn two_messages(ends: &Ends, plan: &Plan) -> Result<Vec<usize>, RunError> {
    let settings = end_settings(plan, Some(1))?.session;
    let mut listening = transport::listen(&ends.server, plan.transport, ends.listen, settings.listen())?;
    let peer = SocketAddr::new(ends.reach, listening.local_addr().port());
    let dialing = transport::dial(&ends.client, plan.transport, peer, settings.dial());
    let (mut server, mut client) = both(listening.accept(), dialing).await?;
    let failed = |reason: String| ConnectError::Failed { what: "sending two messages", peer, reason };
    send_two(&mut client).await.map_err(|e| failed(e.to_string()))?;
    let mut reads = Vec::new();
    while reads.iter().sum::<usize>() < 2 * LENGTH {
        ends.server.sleep(PAUSE).await;
        let read = timeout(&*ends.server, PATIENCE, read_once(&mut server)).await;
        let read = read.map_err(|e| failed(e.to_string()))?;
        reads.push(read.map_err(|e| failed(e.to_string()))?);
    }
    Ok(reads)
}

/// The sessions of both ends. A server of datagrams makes handshakes as it receives.
async fn both(
    accepting: impl Future<Output = Result<Session, ConnectError>>,
    dialing: impl Future<Output = Result<Session, ConnectError>>,
) -> Result<(Session, Session), ConnectError> {
    let (mut accepting, mut dialing) = (pin!(accepting), pin!(dialing));
    let (mut server, mut buffer) = (None, vec![0; usize::from(u16::MAX)]);
    let client = poll_fn(|cx| {
        if server.is_none()
            && let Poll::Ready(accepted) = accepting.as_mut().poll(cx)
        {
            server = Some(accepted);
        }
        if let Some(Ok(Session::Datagrams(session))) = &server {
            // There is no message yet.
            let _ = session.socket.poll_recv(cx, &mut buffer);
        }
        dialing.as_mut().poll(cx)
    });
    let client = client.await?;
    let server = match server {
        Some(accepted) => accepted?,
        None => accepting.await?,
    };
    Ok((server, client))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn send_two(client: &mut Session) -> Result<(), Failure> {
    const MESSAGES: [[u8; LENGTH]; 2] = [[1; LENGTH], [2; LENGTH]];
    match client {
        Session::Datagrams(session) => {
            let peer = session.peer.ok_or("no peer")?;
            for message in &MESSAGES {
                session.socket.send(message, peer, None).await?;
            }
        }
        Session::Stream(session) => {
            for message in &MESSAGES {
                session.connected.stream.write_all(message).await?;
            }
            session.connected.stream.flush().await?;
        }
        Session::Quic(session) => match session.mapping {
            Mapping::One | Mapping::Flow => {
                let (mut stream, _) = session.connection.open_bi().await?;
                for message in &MESSAGES {
                    stream.write_all(message).await?;
                }
                stream.finish()?;
            }
            Mapping::Message => {
                for message in &MESSAGES {
                    let (mut stream, _) = session.connection.open_bi().await?;
                    stream.write_all(message).await?;
                    stream.finish()?;
                }
            }
            Mapping::Datagram => {
                for message in &MESSAGES {
                    session.connection.send_datagram(Bytes::from_static(message))?;
                }
            }
        },
        Session::Arq(connection) => {
            for message in &MESSAGES {
                connection.send(Bytes::from_static(message)).await?;
            }
        }
    }
    Ok(())
}

/// Bytes of one read.
async fn read_once(server: &mut Session) -> Result<usize, Failure> {
    let mut buffer = [0; 1500];
    Ok(match server {
        Session::Datagrams(session) => session.socket.recv(&mut buffer).await?.len,
        Session::Stream(session) => session.connected.stream.read(&mut buffer).await?,
        Session::Quic(session) if session.mapping == Mapping::Datagram => {
            session.connection.read_datagram().await?.len()
        }
        Session::Quic(session) => {
            let (_, mut stream) = session.connection.accept_bi().await?;
            stream.read(&mut buffer).await?.ok_or("the stream has ended")?
        }
        Session::Arq(connection) => connection.recv().await?.ok_or("the connection has ended")?.bytes.len(),
    })
}
