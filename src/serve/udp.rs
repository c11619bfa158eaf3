//! A service on raw UDP: a reply for each datagram, as it comes.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use super::{
    Refusal,
    desk::Desk,
    limits::Bounded,
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    path::{DatagramError, Datagrams, Received},
    service::Service,
};

/// How long to leave a socket alone that fails, so that its owner's machine is not kept busy with it.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Datagrams that are answered in one go.
const TURN: u64 = 64;

pub(super) fn start(desk: Desk, socket: Arc<dyn Datagrams>) {
    let tasks = desk.tasks.clone();
    let server =
        UdpServer { local: socket.local_addr(), socket, desk, clients: Bounded::default(), last: None };
    tasks.spawn("a UDP server", server.run());
}

struct UdpServer {
    desk: Desk,
    socket: Arc<dyn Datagrams>,
    local: SocketAddr,
    /// Who has been answered.
    clients: Bounded<SocketAddr, Client>,
    /// Who was answered last, and is mostly the next one too.
    last: Option<SocketAddr>,
}

/// What is remembered of a source.
#[derive(Debug, Default)]
struct Client {
    welcomed: bool,
    /// Of the experiment that it makes.
    tally: Option<Box<Tally>>,
}

impl UdpServer {
    async fn run(mut self) {
        let mut draining = pin!(self.desk.tasks.draining());
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut reply = Vec::new();
        for turn in 1_u64.. {
            // Other tasks of this thread have their turn also while datagrams keep coming.
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
            }
            // What has arrived is answered before a stop is obeyed.
            let received = tokio::select! {
                biased;
                received = self.socket.recv(&mut buffer) => received,
                () = &mut draining => return,
            };
            match received {
                Ok(received) => {
                    let answered = self.answer(&buffer[..received.len], received, &mut reply).await;
                    if let Err(refusal) = answered {
                        self.desk.counters.refuse(refusal);
                    }
                }
                Err(e) => {
                    self.desk.options.observer.trouble(&self.desk.url, &e.to_string());
                    self.desk.host.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn answer(
        &mut self,
        request: &[u8],
        received: Received,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let Received { len, from, to, .. } = received;
        let released = Released::at_once(self.desk.host.now());
        let question = asked(request).filter(|_| self.desk.options.service == Service::Echo);
        if let Err(refusal) = self.desk.admit_datagram(from, len) {
            // Nobody is remembered for having been refused.
            if let Some(tally) = question.and_then(|_| self.clients.get(&from)?.tally.as_mut()) {
                tally.refuse();
            }
            return Err(refusal);
        }
        self.desk.counters.received(len);
        self.greet(from);
        reply.clear();
        self.desk.options.service.answer(request, self.desk.host.unix_time(), reply);
        if let Some(question) = question {
            let tally = self.clients.entry(from).tally.get_or_insert_default();
            overwrite(reply, &tally.answer(&*self.desk.host, question, released));
        }
        // A socket bound to all addresses answers from the one that was asked. To many is no such address.
        let from_ip = to.filter(|ip| self.local.ip().is_unspecified() && !ip.is_multicast());
        self.socket.send(reply, from, from_ip).await.map_err(|e| match e {
            DatagramError::TooLarge { .. } => Refusal::TooLong,
            _ => Refusal::SendFailed,
        })?;
        self.desk.counters.sent(reply.len());
        self.desk.answered(1);
        Ok(())
    }

    fn greet(&mut self, peer: SocketAddr) {
        if self.last == Some(peer) {
            return;
        }
        self.last = Some(peer);
        let client = self.clients.entry(peer);
        if !std::mem::replace(&mut client.welcomed, true) {
            self.desk.welcome(peer);
        }
    }
}
