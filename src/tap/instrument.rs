//! The observer's part of the instrument.

use std::{collections::VecDeque, sync::Arc};

use super::{
    carried::{Carried, Entering},
    ledger::Ledger,
    tcp::{Carriage, Connections},
    truth::Verdict,
    view::Tap,
};
use crate::{
    path::{Exit, Observer, PacketView, Payload},
    unit::{Direction, Lock, PerDirection},
    wire::{Probe, ip},
};

/// An event of a packet, as shown to a watcher.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// It entered the link.
    Entered(&'a PacketView<'a>, Entering<'a>),
    /// It left the link.
    Left(&'a PacketView<'a>, Exit),
    /// A verdict on the packet with this number. The number is [`Entering::transmission`].
    Judged(Direction, u64, Verdict),
}

/// Receives the events of packets.
type Watcher = Box<dyn FnMut(Seen<'_>) + Send>;

/// Follows the packets of a path, for the [`Tap`]s of its ends.
pub struct Instrument {
    ledgers: Arc<PerDirection<Lock<Ledger>>>,
    connections: Connections,
    /// TCP segments on the link, by number.
    segments: PerDirection<VecDeque<(u64, Carriage)>>,
    follows_messages: bool,
    watcher: Option<Watcher>,
    /// Ports of servers whose packets are not followed.
    ignored: Vec<u16>,
}

impl Instrument {
    /// The instrument of a pair of taps.
    pub fn new(taps: &PerDirection<Tap>) -> Self {
        let Tap { ledgers, connections, .. } = taps.to_server.clone();
        Self {
            ledgers,
            connections,
            segments: PerDirection::default(),
            follows_messages: false,
            watcher: None,
            ignored: Vec::new(),
        }
    }

    /// Also follows messages that are datagrams of their own. It is not needed on a path with sockets that report the
    /// [transit] of a datagram.
    ///
    /// [transit]: crate::path::Received::transit
    pub(crate) fn following_messages(self) -> Self {
        Self { follows_messages: true, ..self }
    }

    /// Shows `watcher` every packet.
    pub(crate) fn watched_by(self, watcher: impl FnMut(Seen<'_>) + Send + 'static) -> Self {
        let mut connections = self.connections;
        connections.keep_verdicts();
        for ledger in self.ledgers.iter() {
            let mut ledger = ledger.lock();
            ledger.truth.keep_verdicts();
            ledger.is_watched = true;
        }
        Self { connections, watcher: Some(Box::new(watcher)), ..self }
    }

    /// Shows the watcher new verdicts on packets.
    fn judge(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let mut judged = |direction, number, verdict| watcher(Seen::Judged(direction, number, verdict));
        for direction in Direction::BOTH {
            let verdicts = self.ledgers[direction].lock().truth.take_verdicts();
            verdicts.into_iter().for_each(|(number, verdict)| judged(direction, number, verdict));
        }
        self.connections.take_verdicts(judged);
    }

    /// Does not follow the packets of the servers on these ports.
    pub(crate) fn ignoring(self, ports: Vec<u16>) -> Self {
        Self { ignored: ports, ..self }
    }

    fn ignores(&self, packet: &PacketView<'_>) -> bool {
        !self.ignored.is_empty() && self.ignored.contains(&packet.server_port())
    }

    fn entered_tcp(&mut self, packet: &PacketView<'_>, segment: ip::TcpSegment) {
        let carriage = self.connections.enter(packet.direction, segment, packet.at);
        if let Some(watcher) = &mut self.watcher {
            let carried =
                carriage.as_ref().map(|carriage| self.connections.carried(packet.direction, carriage));
            let transmission = carriage.as_ref().map(Carriage::number);
            let carried = carried.as_deref().unwrap_or_default();
            watcher(Seen::Entered(packet, Entering { carried, transmission, frames: "" }));
        }
        if let Some(carriage) = carriage {
            self.segments[packet.direction].push_back((packet.number, carriage));
        }
    }

    fn entered_datagram(&mut self, packet: &PacketView<'_>, datagram: &[u8]) {
        let (mut known, mut own, mut frames) = (false, None, String::new());
        let mut ledger = self.ledgers[packet.direction].lock();
        ledger.enter(packet.number, datagram, packet.at, |entering| {
            (known, own) = (!entering.carried.is_empty(), entering.transmission);
            match self.watcher.as_mut().filter(|_| known) {
                Some(watcher) => watcher(Seen::Entered(packet, entering)),
                None => entering.frames.clone_into(&mut frames),
            }
        });
        if known || !self.follows_messages && self.watcher.is_none() {
            return;
        }
        let message = Probe::parse(datagram).ok().map(|probe| probe.id);
        if let Some(id) = message.filter(|_| self.follows_messages) {
            ledger.enter_message(packet.number, id, packet.at);
        }
        if let Some(watcher) = &mut self.watcher {
            let message = message.map(Carried::Message);
            let carried = message.as_slice();
            watcher(Seen::Entered(packet, Entering { carried, transmission: own, frames: &frames }));
        }
    }

    fn left_tcp(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let segments = &mut self.segments[packet.direction];
        let Ok(index) = segments.binary_search_by_key(&packet.number, |(number, _)| *number) else { return };
        let (_, carriage) = segments[index];
        match exit {
            Exit::Arrived { intact: true, .. } => {
                self.connections.arrive(packet.direction, &carriage, packet.at, packet.queue.delay);
            }
            Exit::Arrived { more: true, .. } => return,
            // The receiver drops a corrupted segment, because its checksum is wrong.
            Exit::Arrived { .. } | Exit::Dropped(_) => self.connections.drop(packet.direction, &carriage),
        }
        segments.remove(index);
    }
}

impl Observer for Instrument {
    fn entered(&mut self, packet: &PacketView<'_>) {
        if self.ignores(packet) {
            return;
        }
        let segment = match packet.payload {
            Payload::Ip(ip) => ip::tcp_segment(ip),
            Payload::Udp(_) => None,
        };
        match (segment, packet.datagram()) {
            (Some(segment), _) => self.entered_tcp(packet, segment),
            (None, Some(datagram)) => self.entered_datagram(packet, datagram),
            (None, None) => {}
        }
        self.judge();
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        if self.ignores(packet) {
            return;
        }
        match packet.datagram() {
            Some(datagram) => {
                let mut ledger = self.ledgers[packet.direction].lock();
                ledger.leave(packet.number, packet.at, packet.queue.delay, exit);
                if self.follows_messages
                    && matches!(exit, Exit::Arrived { intact: true, .. })
                    && Probe::parse(datagram).is_ok()
                {
                    ledger.bring(packet.number);
                }
            }
            None => self.left_tcp(packet, exit),
        }
        if let Some(watcher) = &mut self.watcher {
            watcher(Seen::Left(packet, exit));
        }
        self.judge();
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for Instrument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instrument").finish_non_exhaustive()
    }
}
