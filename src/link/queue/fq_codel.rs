//! FlowQueue-CoDel (RFC 8290): a queue for each flow, served by deficit round robin with priority for new flows, and
//! CoDel in each.

use std::{collections::VecDeque, fmt};

use super::{Capacity, Codel, CodelParameters, Queue, Queued, Refused, Room};
use crate::unit::Time;

/// The parameters of FQ-CoDel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FqCodelParameters {
    /// Queues that flows are hashed into (RFC 8290 section 5.2.3).
    pub flows: u16,
    /// IP bytes that a queue may send in one turn (section 5.2.4). `None` means the MTU.
    pub quantum: Option<u32>,
    /// The parameters of CoDel in each queue.
    pub codel: CodelParameters,
}

impl Default for FqCodelParameters {
    fn default() -> Self {
        Self { flows: 1024, quantum: None, codel: CodelParameters::default() }
    }
}

#[derive(Debug)]
pub(super) struct FqCodel<P> {
    flows: Vec<Flow<P>>,
    /// Flows that have just become active, in the order of service.
    pub(super) new: VecDeque<u16>,
    /// All other active flows.
    pub(super) old: VecDeque<u16>,
    quantum: i64,
    room: Room,
}

#[derive(Debug)]
struct Flow<P> {
    waiting: VecDeque<Queued<P>>,
    bytes: u64,
    deficit: i64,
    codel: Codel,
    /// Whether it is on one of the lists.
    is_active: bool,
}

impl<P> FqCodel<P> {
    pub(super) fn new(parameters: FqCodelParameters, capacity: Capacity, mtu: u16) -> Self {
        let flow = |_| Flow {
            waiting: VecDeque::new(),
            bytes: 0,
            deficit: 0,
            codel: Codel::new(parameters.codel, mtu),
            is_active: false,
        };
        Self {
            flows: (0..parameters.flows.max(1)).map(flow).collect(),
            new: VecDeque::new(),
            old: VecDeque::new(),
            quantum: parameters.quantum.unwrap_or(mtu.into()).into(),
            room: Room::new(capacity),
        }
    }

    /// Drops the packet at the head of the queue with the most bytes (RFC 8290 section 4.1).
    fn drop_from_longest(&mut self) -> Option<Queued<P>> {
        let longest = self.flows.iter_mut().max_by_key(|flow| flow.bytes)?;
        let packet = longest.waiting.pop_front()?;
        longest.bytes -= u64::from(packet.bytes);
        self.room.remove(packet.bytes);
        Some(packet)
    }

    /// The next flow to serve, and whether it is on the list of new flows.
    fn turn(&mut self) -> Option<(u16, bool)> {
        loop {
            let (index, is_new) = match (self.new.front(), self.old.front()) {
                (Some(index), _) => (*index, true),
                (None, Some(index)) => (*index, false),
                (None, None) => return None,
            };
            let flow = &mut self.flows[usize::from(index)];
            if flow.deficit > 0 {
                return Some((index, is_new));
            }
            flow.deficit += self.quantum;
            self.leave_list(is_new);
            self.old.push_back(index);
        }
    }

    fn leave_list(&mut self, is_new: bool) {
        let list = if is_new { &mut self.new } else { &mut self.old };
        list.pop_front();
    }
}

impl<P: fmt::Debug + Send> Queue<P> for FqCodel<P> {
    fn enqueue(&mut self, packet: Queued<P>) -> Result<(), Refused<P>> {
        let index = packet.flow % self.flows.len() as u64;
        let (now, bytes) = (packet.offered, packet.bytes);
        let flow = &mut self.flows[index as usize];
        if !flow.is_active {
            flow.is_active = true;
            flow.deficit = self.quantum;
            // At most 65,535 flows.
            self.new.push_back(index as u16);
        }
        let has_room = self.room.fits(now, bytes);
        flow.bytes += u64::from(bytes);
        flow.waiting.push_back(packet);
        self.room.add(bytes);
        if has_room {
            return Ok(());
        }
        self.drop_from_longest().map_or(Ok(()), |packet| Err(Refused::full(packet)))
    }

    fn surplus(&mut self, now: Time) -> Option<Queued<P>> {
        if self.room.holds(now) { None } else { self.drop_from_longest() }
    }

    fn dequeue(&mut self, now: Time) -> Option<Result<Queued<P>, Queued<P>>> {
        loop {
            let (index, is_new) = self.turn()?;
            let flow = &mut self.flows[usize::from(index)];
            let Some(packet) = flow.waiting.pop_front() else {
                flow.codel.on_empty();
                // An empty new flow becomes an old one first, or it could starve the old ones (section 4.2).
                let stays = is_new && !self.old.is_empty();
                flow.is_active = stays;
                self.leave_list(is_new);
                if stays {
                    self.old.push_back(index);
                }
                continue;
            };
            flow.bytes -= u64::from(packet.bytes);
            self.room.remove(packet.bytes);
            let decided = flow.codel.decide(now, &packet, flow.bytes).apply(packet);
            if let Ok(packet) = &decided {
                flow.deficit -= i64::from(packet.bytes);
            }
            return Some(decided);
        }
    }

    fn transmitted(&mut self, bytes: u16, departs: Time) {
        self.room.transmit(bytes, departs);
    }
}
