//! What can be watched of a run beside its figures: every message, and every packet.

use std::time::Duration;

use crate::{
    capture::Recording,
    channel::Delivery,
    experiment::{plan::Plan, record::budget::Budget, workload::Workload},
    path::{Exit, Observer, PacketView, Side},
    tap::{Carried, Entering, Seen, Verdict},
    transport::{OrderedUnit, Transport},
    unit::Time,
    wire::MessageId,
};

/// The fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its reply came back intact.
    Delivered,
    /// A datagram transport did not bring it back.
    Lost,
    /// A reliable transport had not brought it back when patience ended, or had no connection to send it on.
    Unfinished,
    /// The server went away before it could answer.
    Unknown,
}

/// A message of the measured time, once its fate is known.
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
    /// Where its time went; `None` if it did not come back, or if the path does not know it.
    pub budget: Option<Budget>,
    /// Its fate.
    pub status: Status,
}

impl Sample {
    /// How long it took, if it was delivered: to the reply, or to the server where there are no replies.
    pub fn latency(&self) -> Option<Duration> {
        let end =
            self.client.as_ref().or(self.server.as_ref().filter(|_| self.status == Status::Delivered))?;
        Some(end.released - self.due)
    }
}

/// A packet of a run as it enters the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedPacket {
    /// The end that sent it.
    pub from: Side,
    /// Its place among the packets of this end, from 0.
    pub number: u64,
    /// When it entered the link.
    pub entered: Time,
    /// Its size with IP and UDP header.
    pub ip_bytes: usize,
    /// The parts of messages that it carries, in order.
    pub portions: Vec<Portion>,
    /// The number that its sender gave it, if the transport numbers packets and their loss is followed.
    pub transmission: Option<u64>,
    /// Its QUIC frames in words; empty for other transports.
    pub frames: String,
}

/// What happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketEvent {
    /// It entered the link.
    Entered(LoggedPacket),
    /// It left the link.
    Left {
        /// The end that sent it.
        from: Side,
        /// Its place among the packets of this end, from 0.
        number: u64,
        /// When it left.
        at: Time,
        /// How it left.
        exit: Exit,
    },
    /// It was judged after it had entered the link.
    Judged {
        /// The end that sent it.
        from: Side,
        /// [`LoggedPacket::transmission`].
        transmission: u64,
        /// The verdict.
        verdict: Verdict,
    },
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Which message.
    pub id: MessageId,
    /// The offset of the first byte of the part.
    pub start: u64,
    /// The offset behind the last.
    pub end: u64,
}

/// Is shown messages, in the order in which their outcome is known.
pub type SampleSink = Box<dyn FnMut(&Sample) + Send>;
/// Is shown what happens to packets, including those of the handshake and of the warm-up.
pub type PacketLog = Box<dyn FnMut(PacketEvent) + Send>;

/// What a run is watched by.
#[derive(Default)]
pub struct Observers {
    /// Every message of the measured time.
    pub samples: Option<SampleSink>,
    /// Every packet.
    pub packets: Option<PacketLog>,
    /// An observer of every packet on the path.
    pub wire: Option<Box<dyn Observer>>,
    /// The recording of the run.
    pub recording: Recording,
    /// Whether to follow the losses that QUIC declares. Without it the [truth](super::outcome::Outcome::truth) about
    /// QUIC is not known. It takes a tenth of the time of a run.
    pub follows_losses: bool,
}

impl LoggedPacket {
    /// A packet of a run of `plan`.
    fn new(packet: &PacketView<'_>, entering: Entering<'_>, plan: &Plan) -> Self {
        let Plan { transport, ref workload, .. } = *plan;
        let Entering { carried, transmission, frames } = entering;
        let from = Side::sending(packet.direction);
        let length = match from {
            Side::Client => workload.length,
            Side::Server => workload.reply_length,
        } as u64;
        let mut portions: Vec<Portion> = Vec::new();
        for carried in carried {
            match *carried {
                Carried::Message(id) => portions.push(Portion { id, start: 0, end: length }),
                Carried::Segment { id, start, end, .. } => portions.push(Portion { id, start, end }),
                Carried::Tcp { place, start, end } => {
                    portions.push(Portion { id: workload.id(place), start, end });
                }
                // Reports to the sender of a video belong to no message.
                Carried::Stream { .. } if length == 0 => {}
                Carried::Stream { id, start, end } => {
                    portions.extend((start / length..end.div_ceil(length)).map(|place| Portion {
                        id: on_stream(transport, workload, id, place),
                        start: start.saturating_sub(place * length),
                        end: (end - place * length).min(length),
                    }));
                }
            }
        }
        let PacketView { number, at: entered, ip_bytes, .. } = *packet;
        Self { from, number, entered, ip_bytes, portions, transmission, frames: frames.to_owned() }
    }
}

impl PacketEvent {
    /// What the order instrument has seen in a run of `plan`.
    pub(in crate::experiment) fn of(seen: Seen<'_>, plan: &Plan) -> Self {
        match seen {
            Seen::Entered(packet, entering) => Self::Entered(LoggedPacket::new(packet, entering, plan)),
            Seen::Judged(direction, transmission, verdict) => {
                Self::Judged { from: Side::sending(direction), transmission, verdict }
            }
            Seen::Left(packet, exit) => {
                let PacketView { number, at, .. } = *packet;
                Self::Left { from: Side::sending(packet.direction), number, at, exit }
            }
        }
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
        // A frame has a stream of its own, on which its place tells a message from the others.
        OrderedUnit::Message if workload.application.video().is_some() => {
            MessageId { flow: u32::try_from(place).unwrap_or(u32::MAX), seq: number }
        }
        OrderedUnit::Message => workload.id(number),
    }
}
