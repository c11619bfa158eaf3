//! Two ends of a connection, the emulated link between them, and a virtual clock.

use std::net::SocketAddr;

use wirelab::{
    arq::{Config, Connection, ConnectionId, Event, Listener, Message, Routed, Transmit},
    link::{self, Link, LinkSpec},
    unit::{Direction, PerDirection, Time},
};

/// IPv4 and UDP headers.
pub(crate) const IP_UDP_BYTES: usize = 28;

/// A client, a server that accepts it, and the wire.
pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: Connection,
    pub(crate) server: Option<Connection>,
    listener: Listener,
    from: SocketAddr,
    pub(crate) links: PerDirection<Link<Vec<u8>>>,
    /// Messages received: by the client, by the server.
    pub(crate) received: [Vec<Message>; 2],
    pub(crate) events: [Vec<Event>; 2],
    /// Whether each application reads.
    pub(crate) reads: [bool; 2],
    /// Number of steps of virtual time so far.
    pub(crate) steps: u64,
    /// Messages given to the client so far.
    pub(crate) queued: usize,
}

impl Pair {
    pub(crate) fn new([client, server]: [Config; 2], links: PerDirection<LinkSpec>, seed: u64) -> Self {
        Self {
            now: Time::ZERO,
            client: Connection::client(client, ConnectionId(seed | 1), Time::ZERO),
            server: None,
            listener: Listener::new(server, [7; 32], 1),
            from: SocketAddr::from(([127, 0, 0, 1], 1)),
            links: PerDirection::from_fn(|way| Link::new(links[way].clone(), seed, way)),
            received: Default::default(),
            events: Default::default(),
            reads: [true; 2],
            steps: 0,
            queued: 0,
        }
    }

    /// Both ends, connected over a link without loss.
    pub(crate) fn connected(configs: [Config; 2], links: PerDirection<LinkSpec>, seed: u64) -> Self {
        let mut pair = Self::new(configs, links, seed);
        while pair.server.is_none() {
            assert!(pair.step(|_, _| {}), "it connects");
        }
        pair
    }

    /// One end: 0 is the client.
    pub(crate) fn end(&mut self, end: usize) -> Option<&mut Connection> {
        if end == 0 { Some(&mut self.client) } else { self.server.as_mut() }
    }

    /// Sends all pending datagrams, passes them to `tap`, and advances to the next event. Returns false if there is
    /// none.
    pub(crate) fn step(&mut self, tap: impl FnMut(usize, &Transmit)) -> bool {
        self.steps += 1;
        self.transmit(tap);
        let Some(next) = self.next() else { return false };
        self.advance(next);
        true
    }

    /// Runs until `end`.
    pub(crate) fn run_until(&mut self, end: Time) {
        loop {
            self.transmit(|_, _| {});
            match self.next().filter(|next| *next < end) {
                Some(next) => self.advance(next),
                None => return self.advance(end),
            }
        }
    }

    /// Sends all pending datagrams.
    pub(crate) fn transmit(&mut self, mut tap: impl FnMut(usize, &Transmit)) {
        for end in 0..2 {
            let now = self.now;
            while let Some(transmit) = self.end(end).and_then(|connection| connection.poll_transmit(now)) {
                tap(end, &transmit);
                self.offer(end, transmit.datagram);
            }
        }
    }

    /// Advances to `next` and delivers what is due by then.
    pub(crate) fn advance(&mut self, next: Time) {
        self.now = next.max(self.now);
        self.deliver();
        for end in 0..2 {
            let now = self.now;
            if let Some(connection) = self.end(end)
                && connection.poll_timeout().is_some_and(|at| at <= now)
            {
                connection.handle_timeout(now);
            }
            self.drain(end);
        }
    }

    /// The time of the next event.
    pub(crate) fn next(&self) -> Option<Time> {
        let links = self.links.iter().filter_map(Link::poll_timeout);
        let server = self.server.as_ref().and_then(Connection::poll_timeout);
        links.chain(self.client.poll_timeout()).chain(server).min()
    }

    pub(crate) fn offer(&mut self, from: usize, datagram: Vec<u8>) {
        self.links[Direction::BOTH[from]].enqueue(self.now, IP_UDP_BYTES + datagram.len(), datagram);
    }

    pub(crate) fn deliver(&mut self) {
        for end in 0..2 {
            while let Some(event) = self.links[Direction::BOTH[end]].poll(self.now) {
                let link::Event::Delivered(delivered) = event else { continue };
                let mut datagram = delivered.packet;
                if let Some(draw) = delivered.corrupt {
                    let bit = (draw % (datagram.len() as u64 * 8)) as usize;
                    datagram[bit / 8] ^= 1 << (bit % 8);
                }
                self.hand_over(1 - end, &datagram);
            }
        }
    }

    fn hand_over(&mut self, end: usize, datagram: &[u8]) {
        let now = self.now;
        if end == 0 {
            self.client.handle_segment(now, datagram);
            return;
        }
        match self.listener.handle_datagram(now, self.from, datagram) {
            Routed::Ignored => {}
            Routed::Reply(reply) => self.offer(1, reply),
            Routed::Accepted(connection) => self.server = Some(*connection),
            Routed::Connection(_) => {
                if let Some(server) = &mut self.server {
                    server.handle_segment(now, datagram);
                }
            }
        }
    }

    /// Reads all messages of an end.
    pub(crate) fn drain(&mut self, end: usize) {
        let now = self.now;
        let (mut messages, mut events) = (Vec::new(), Vec::new());
        let reads = self.reads[end];
        if let Some(connection) = self.end(end) {
            while reads && let Some(message) = connection.recv(now) {
                messages.push(message);
            }
            while let Some(event) = connection.poll_event() {
                events.push(event);
            }
        }
        self.received[end].append(&mut messages);
        self.events[end].append(&mut events);
    }
}
