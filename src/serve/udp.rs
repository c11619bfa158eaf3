//! A service on raw UDP: a reply for each datagram, as it comes.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
};

use super::{
    Refusal,
    desk::Desk,
    floods::Shunning,
    limits::Bounded,
    replies::Replies,
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    path::{Datagrams, Received},
    service::Service,
};

/// How long to leave a socket alone that fails, so that its owner's machine is not kept busy with it.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Datagrams that are answered in one go.
const TURN: u64 = 64;

pub(super) fn start(desk: Desk, socket: Arc<dyn Datagrams>) {
    let tasks = desk.tasks.clone();
    let server = UdpServer {
        local: socket.local_addr(),
        shunning: Shunning::on(socket.clone()),
        socket,
        desk,
        clients: Bounded::default(),
        last: None,
    };
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
    /// Who is not even received.
    shunning: Shunning,
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
        let mut replies = Replies::new();
        for turn in 1_u64.. {
            // Other tasks of this thread have their turn also while datagrams keep coming.
            if turn % TURN == 0 {
                tokio::task::yield_now().await;
            }
            // What has arrived is answered before a stop is obeyed.
            let received = tokio::select! {
                biased;
                () = self.shunning.forgive(&self.desk) => continue,
                received = self.socket.recv(&mut buffer) => received,
                () = &mut draining => return,
            };
            match received {
                Ok(received) => {
                    let Received { len, from, to, more, .. } = received;
                    match self.answer(&buffer[..len], from, &mut reply) {
                        Ok(()) => {
                            let way = (from, self.answer_from(to));
                            replies.add((&*self.socket, &self.desk), way, &reply).await;
                        }
                        Err(refusal) => self.refuse(refusal, from.ip()),
                    }
                    if !more {
                        replies.flush(&*self.socket, &self.desk).await;
                    }
                }
                Err(e) => {
                    self.desk.options.observer.trouble(&self.desk.url, &e.to_string());
                    self.desk.host.sleep(PAUSE).await;
                }
            }
        }
    }

    /// Writes the reply to what came from `from`.
    fn answer(&mut self, request: &[u8], from: SocketAddr, reply: &mut Vec<u8>) -> Result<(), Refusal> {
        let len = request.len();
        let question = asked(request)
            .filter(|_| self.desk.options.service == Service::Echo)
            .map(|question| (question, Released::at_once(self.desk.host.now())));
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
        if let Some((question, released)) = question {
            let tally = self.clients.entry(from).tally.get_or_insert_default();
            overwrite(reply, &tally.answer(&*self.desk.host, question, released));
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: Refusal, source: IpAddr) {
        self.desk.counters.refuse(refusal);
        if refusal == Refusal::RateLimit {
            self.shunning.refused(&self.desk, source);
        }
    }

    /// A socket bound to all addresses answers from the one that was asked. To many is no such address.
    fn answer_from(&self, asked: Option<IpAddr>) -> Option<IpAddr> {
        asked.filter(|ip| self.local.ip().is_unspecified() && !ip.is_multicast())
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
