//! Events of the kernel's TCP in qlog, from the segments on the link.
//!
//! Each end numbers its segments from 0. The data of each direction is in frames of stream 0.

use std::{collections::BTreeMap, net::SocketAddr, ops::Range};

use super::{
    frames::{self, payload},
    json::Json,
};
use crate::{
    path::{PacketView, Payload, TcpInfo},
    unit::{Direction, PerDirection, nanos},
    wire::{
        ip::{self, TcpSegment, tcp_flags},
        tcp::{Sequence, sack_blocks},
    },
};

/// The connections on the link, by the addresses of the client and of the server.
#[derive(Debug, Default)]
pub(super) struct TcpConnections(BTreeMap<(SocketAddr, SocketAddr), TcpConnection>);

/// A connection on the link.
#[derive(Debug, Default)]
pub(super) struct TcpConnection {
    /// Its number among the connections of the run.
    pub(super) number: usize,
    ways: PerDirection<Way>,
    is_reset: bool,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    numbers: Sequence,
    /// The sequence number of the SYN.
    syn: Option<u32>,
    /// Number of segments that were sent, and number of those that arrived.
    segments: u64,
    arrived: u64,
    /// The offset of the FIN.
    fin: Option<u64>,
    has_fin_arrived: bool,
    /// Whether the acknowledgement of the FIN has arrived.
    is_fin_acked: bool,
    /// Whether the handshake is complete at the end that sends in this direction.
    is_established: bool,
}

/// The header of a segment, and the options in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnWire<'a> {
    pub(super) header: TcpSegment,
    options: &'a [u8],
}

/// A segment, and where its data is in the stream.
pub(super) struct Segment<'a> {
    header: TcpSegment,
    options: &'a [u8],
    /// Its number among the segments of its end.
    pub(super) number: u64,
    range: Option<Range<u64>>,
    /// The offset up to which it acknowledges the other direction.
    acknowledged: Option<u64>,
    sacked: Option<Sequence>,
    is_retransmission: Option<bool>,
}

/// How an end of a connection changes its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Established,
    /// Both directions have ended.
    Closed,
    /// One end aborted the connection.
    Reset {
        is_local: bool,
    },
}

/// The segment in a packet.
pub(super) fn segment<'a>(packet: &PacketView<'a>) -> Option<OnWire<'a>> {
    match packet.payload {
        Payload::Ip(bytes) => {
            ip::tcp_segment(bytes).map(|header| OnWire { header, options: ip::tcp_options(bytes) })
        }
        Payload::Udp(_) => None,
    }
}

impl TcpConnections {
    /// The connection of a segment that enters the link. A SYN of the client with a new sequence number begins one,
    /// whose number is `next`. `None` if its beginning was not seen.
    pub(super) fn of_entering(
        &mut self,
        packet: &PacketView<'_>,
        header: &TcpSegment,
        next: usize,
    ) -> Option<&mut TcpConnection> {
        let addresses = packet.client_and_server();
        let is_client = packet.direction == Direction::ToServer;
        let is_known = self.0.get(&addresses).is_some_and(|known| {
            !header.syn || !is_client || known.ways.to_server.syn == Some(header.sequence)
        });
        if !is_known && header.syn && is_client {
            self.0.insert(addresses, TcpConnection { number: next, ..TcpConnection::default() });
        }
        self.0.get_mut(&addresses)
    }

    /// The number of the connection between these addresses.
    pub(super) fn number(&self, addresses: (SocketAddr, SocketAddr)) -> Option<usize> {
        self.0.get(&addresses).map(|connection| connection.number)
    }

    /// The connection of a segment that left the link.
    pub(super) fn of_leaving(&mut self, packet: &PacketView<'_>) -> Option<&mut TcpConnection> {
        self.0.get_mut(&packet.client_and_server())
    }
}

impl TcpConnection {
    /// A segment enters the link.
    pub(super) fn enter<'a>(&mut self, direction: Direction, on_wire: OnWire<'a>) -> Segment<'a> {
        let header = on_wire.header;
        let way = &mut self.ways[direction];
        let sent = way.numbers.send(&header);
        let is_fin = header.flags & tcp_flags::FIN != 0;
        // A SYN or a FIN without data is sent again, too.
        let is_retransmission = match &sent {
            Some((_, is_repeated)) => *is_repeated,
            None => header.syn && way.syn.is_some() || is_fin && way.fin.is_some(),
        };
        if header.syn {
            way.syn = Some(header.sequence);
        }
        if is_fin {
            let end = way.numbers.offset(header.sequence.wrapping_add(header.length));
            way.fin = way.fin.or(end);
        }
        self.is_reset |= header.flags & tcp_flags::RST != 0;
        let way = &mut self.ways[direction];
        let number = way.segments;
        way.segments += 1;
        let range = sent.map(|(range, _)| range);
        self.segment(direction, on_wire, number, range, Some(is_retransmission))
    }

    /// A segment arrived. `number` is its number among those of its end, if the link tells; otherwise segments arrive in
    /// the order in which they were sent.
    pub(super) fn arrive<'a>(
        &mut self,
        direction: Direction,
        on_wire: OnWire<'a>,
        number: Option<u64>,
    ) -> Segment<'a> {
        let header = on_wire.header;
        let way = &mut self.ways[direction];
        let number = number.unwrap_or(way.arrived);
        way.arrived += 1;
        way.has_fin_arrived |= header.flags & tcp_flags::FIN != 0;
        let start = way.numbers.offset(header.sequence).filter(|_| header.length > 0);
        let range = start.map(|start| start..start + u64::from(header.length));
        let segment = self.segment(direction, on_wire, number, range, None);
        let back = &mut self.ways[direction.reverse()];
        back.is_fin_acked |= back.fin.zip(segment.acknowledged).is_some_and(|(fin, acked)| acked > fin);
        segment
    }

    fn segment<'a>(
        &self,
        direction: Direction,
        on_wire: OnWire<'a>,
        number: u64,
        range: Option<Range<u64>>,
        is_retransmission: Option<bool>,
    ) -> Segment<'a> {
        let OnWire { header, options } = on_wire;
        let back = &self.ways[direction.reverse()].numbers;
        let acknowledged = header.acknowledgement.and_then(|acknowledged| back.offset(acknowledged));
        let sacked = (!options.is_empty()).then_some(*back);
        Segment { header, options, number, range, acknowledged, sacked, is_retransmission }
    }

    /// How the end that sends in `outgoing` changes its state with a segment that it sends, or that arrives.
    pub(super) fn change(
        &mut self,
        outgoing: Direction,
        header: &TcpSegment,
        arrives: bool,
    ) -> Option<Change> {
        if header.flags & tcp_flags::RST != 0 {
            return Some(Change::Reset { is_local: !arrives });
        }
        let peer = &self.ways[outgoing.reverse()];
        let (has_peer_ended, peer_has_begun) = (peer.has_fin_arrived, peer.numbers.has_begun());
        let own = &mut self.ways[outgoing];
        if own.fin.is_some() && has_peer_ended {
            return Some(Change::Closed);
        }
        let is_answer = arrives && header.acknowledgement.is_some() && peer_has_begun;
        (is_answer && own.syn.is_some() && !std::mem::replace(&mut own.is_established, true))
            .then_some(Change::Established)
    }

    /// Whether no more segments are expected.
    pub(super) fn is_over(&self) -> bool {
        self.is_reset || self.ways.iter().all(|way| way.is_fin_acked)
    }
}

impl Segment<'_> {
    /// Whether it was sent, and not received.
    pub(super) fn is_sent(&self) -> bool {
        self.is_retransmission.is_some()
    }

    /// Adds its fields.
    pub(super) fn write(&self, json: &mut Json) {
        let TcpSegment { flags, header, length, .. } = self.header;
        json.open_field("header", b'{');
        json.plain("packet_type", "unknown");
        json.field("packet_number", self.number);
        json.field("flags", u32::from(flags));
        json.close(b'}');
        json.open_field("raw", b'{');
        json.field("length", header + length);
        json.field("payload_length", length);
        json.close(b'}');
        json.open_field("frames", b'[');
        self.write_data(json);
        self.write_acknowledgement(json);
        json.close(b']');
        if let Some(is_retransmission) = self.is_retransmission {
            json.field("is_retransmission", is_retransmission);
        }
    }

    fn write_data(&self, json: &mut Json) {
        let Some(Range { start, end }) = self.range else { return };
        json.open(b'{');
        json.plain("frame_type", "stream");
        json.field("stream_id", 0u32);
        json.field("offset", start);
        if self.header.flags & tcp_flags::FIN != 0 {
            json.field("fin", true);
        }
        payload(json, end - start);
        json.close(b'}');
    }

    fn write_acknowledgement(&self, json: &mut Json) {
        let Some(acknowledged) = self.acknowledged else { return };
        json.open(b'{');
        json.plain("frame_type", "wirelab:ack");
        json.field("acknowledged", acknowledged);
        json.field("window", self.header.window);
        let offset = |number| self.sacked.and_then(|numbers| numbers.offset(number));
        let mut blocks = sack_blocks(self.options)
            .filter_map(|(start, end)| Some((offset(start)?, offset(end)?.checked_sub(1)?)))
            .peekable();
        if blocks.peek().is_some() {
            json.open_field("sacked_ranges", b'[');
            blocks.for_each(|(first, last)| frames::range(json, first, last));
            json.close(b']');
        }
        json.close(b'}');
    }
}

/// What the kernel reports of a connection.
pub(super) fn info(json: &mut Json, info: &TcpInfo) {
    json.field("retransmitted_segments", info.retransmitted_segments);
    let counts = [
        ("acknowledged_bytes", info.acknowledged_bytes),
        ("received_bytes", info.received_bytes),
        ("acknowledged_ce", info.acknowledged_ce),
        ("timeouts", info.timeouts),
        ("timeout_recoveries", info.timeout_recoveries),
    ];
    for (name, count) in counts {
        count.iter().for_each(|count| json.field(name, *count));
    }
    json.millis("window_closed", nanos(info.window_closed));
    json.millis("buffer_full", nanos(info.buffer_full));
}
