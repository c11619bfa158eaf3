//! What can be watched of a run beside its figures: every message, and every packet.

use super::{budget::Budget, workload::Workload};
use crate::{
    link::Verdict,
    path::{
        sim::{PacketEvent, Side},
        tap::Carried,
    },
    transport::{Delivery, OrderedUnit, Transport},
    unit::Time,
    wire::MessageId,
};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its reply came back intact.
    Delivered,
    /// A datagram transport did not bring it back.
    Lost,
    /// A reliable transport had not brought it back when patience ended, or had no connection to send it on.
    Unfinished,
}

/// A message of the measured time, once it is known what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Which message.
    pub id: MessageId,
    /// When it was due.
    pub due: Time,
    /// When it was handed to the transport, if it was.
    pub sent: Option<Time>,
    /// The request at the server: of two copies, the one whose reply came first.
    pub server: Option<Delivery>,
    /// The reply at the client.
    pub client: Option<Delivery>,
    /// Where its time went; `None` if it did not come back, or where the path cannot know.
    pub budget: Option<Budget>,
    /// What became of it.
    pub status: Status,
}

/// A packet of a run in virtual time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The end that sent it.
    pub from: Side,
    /// When it entered the wire.
    pub entered: Time,
    /// Its size with IP and UDP header.
    pub ip_bytes: usize,
    /// Its fate, the instant of its arrival included.
    pub verdict: Verdict,
    /// The messages of which it carries bytes, in the order in which they stand in it.
    pub portions: Vec<Portion>,
}

/// A stretch of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Which message.
    pub id: MessageId,
    /// Its first byte that is in the stretch.
    pub start: u64,
    /// Behind the last.
    pub end: u64,
}

/// Takes in messages, in the order in which they are settled.
pub type SampleSink = Box<dyn FnMut(&Sample) + Send>;
/// Takes in packets, in the order in which they are sent, those of the warm-up and of the handshake too.
pub type PacketLog = Box<dyn FnMut(LoggedPacket) + Send>;

/// Who watches a run. What nobody watches costs nothing.
#[derive(Default)]
pub struct Observers {
    /// Every message of the measured time.
    pub samples: Option<SampleSink>,
    /// Every packet.
    pub packets: Option<PacketLog>,
}

impl LoggedPacket {
    /// A packet of a run of `workload` on `transport`.
    pub(super) fn of(event: &PacketEvent<'_>, transport: Transport, workload: &Workload) -> Self {
        let length = match event.from {
            Side::Client => workload.length,
            Side::Server => workload.reply_length,
        } as u64;
        let mut portions: Vec<Portion> = Vec::new();
        for carried in event.carried {
            match *carried {
                Carried::Message(id) => portions.push(Portion { id, start: 0, end: length }),
                Carried::Segment { id, start, end, .. } => portions.push(Portion { id, start, end }),
                Carried::Stream { id, start, end } => {
                    portions.extend((start / length..end.div_ceil(length)).map(|place| Portion {
                        id: on_stream(transport, workload, id, place),
                        start: start.saturating_sub(place * length),
                        end: (end - place * length).min(length),
                    }));
                }
            }
        }
        let PacketEvent { from, entered, ip_bytes, verdict, .. } = *event;
        Self { from, entered, ip_bytes, verdict, portions }
    }
}

/// The `place`-th message of a stream. The client opens its streams in the order of flows or of messages, and a
/// reply goes where its request came from.
fn on_stream(transport: Transport, workload: &Workload, stream: u64, place: u64) -> MessageId {
    // RFC 9000 section 2.1: the client's bidirectional streams are numbered in steps of four.
    let number = stream >> 2;
    match transport.ordered_unit() {
        OrderedUnit::All => workload.id(place),
        OrderedUnit::Flow => MessageId { flow: number as u32, seq: place },
        OrderedUnit::Message => workload.id(number),
    }
}
