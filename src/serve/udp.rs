//! A service on raw UDP: a reply for each datagram, as it comes.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
};

use super::{
    Refusal,
    desk::Desk,
    floods::Floods,
    limits::Bounded,
    replies::Replies,
    tally::{Released, Tally, asked, overwrite},
};
use crate::{
    path::{Datagrams, Received},
    service::Service,
    time::Time,
};

/// How long to leave a socket alone that fails, so that its owner's machine is not kept busy with it.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Datagrams that are answered in one go.
const TURN: u64 = 64;

pub(super) fn start(desk: Desk, socket: Arc<dyn Datagrams>) {
    let tasks = desk.tasks.clone();
    let server = UdpServer {
        local: socket.local_addr(),
        socket,
        desk,
        clients: Bounded::default(),
        last: None,
        floods: Floods::default(),
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
    floods: Floods,
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
            let forgiven = self.floods.next();
            let forgive = async { self.desk.host.sleep_until(forgiven.unwrap_or(Time::MAX)).await };
            // What has arrived is answered before a stop is obeyed.
            let received = tokio::select! {
                biased;
                () = forgive, if forgiven.is_some() => {
                    self.forgive();
                    continue;
                }
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
        if refusal != Refusal::RateLimit {
            return;
        }
        let Some(rate) = self.desk.options.access.rate_of(source) else { return };
        let Some(until) = self.floods.refused(source, rate, self.desk.host.now()) else { return };
        if self.socket.shun(&self.floods.shunned()) {
            self.desk.exhaust(source, rate, until);
        } else {
            self.floods.forgive(Time::MAX);
        }
    }

    /// Receives again from those whose time is over.
    fn forgive(&mut self) {
        self.floods.forgive(self.desk.host.now());
        self.socket.shun(&self.floods.shunned());
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
