//! Episodes as sequence diagrams over time. A packet is a slanted arrow, a waiting message a bar beside the diagram.
//! Two episodes of the same message are drawn side by side, on one time scale.

mod key;
mod names;

use maud::{Markup, html};

use self::{
    key::entries,
    names::{Named, names},
};
use super::{Chart, WIDTH, axis::Px, legend::legend, scale::Scale};
use crate::report::{
    ladder::{Clock, Verdicts, message, summary, verdicts},
    model::episode::{Carries, End, Episode, Packet, Resent},
    numbers, words,
};

/// Height for each packet, within bounds.
const PACKET: f64 = 13.0;
const HEIGHTS: [f64; 2] = [280.0, 1400.0];
/// Distance between the lifelines if there is one drawing, and if there are two.
const SPANS: [f64; 2] = [340.0, 190.0];
/// Room for the instants beside a lifeline.
const LABELS: f64 = 76.0;
/// Room for the name of a transport.
const NAME: f64 = 22.0;
/// Packets that are drawn at the beginning and at the end of a long episode.
const DRAWN: [usize; 2] = [200, 100];
/// How much of its way a lost packet's arrow covers.
const LOST: f64 = 0.72;

/// Draws the episodes, two of the same message in one chart.
pub(super) fn charts(episodes: &[Episode]) -> Vec<Chart> {
    let mut rest = episodes;
    let mut charts = Vec::new();
    while let [first, others @ ..] = rest {
        let beside = others.first().filter(|second| are_pair(first, second));
        charts.extend(chart(&[Some(first), beside].into_iter().flatten().collect::<Vec<_>>()));
        rest = &others[usize::from(beside.is_some())..];
    }
    charts
}

/// Whether two episodes show the same message on two transports.
fn are_pair(left: &Episode, right: &Episode) -> bool {
    (left.seed, left.subject.message) == (right.seed, right.subject.message)
        && left.transport != right.transport
}

/// Draws one episode, or two side by side; `None` without packets.
fn chart(episodes: &[&Episode]) -> Option<Chart> {
    let instants = |episode: &&Episode| {
        let packets = episode.packets.iter().flat_map(|packet| [packet.entered_ns, packet.arrives_ns]);
        let waits = episode.waits.iter().flat_map(|wait| [wait.arrived_ns, wait.released_ns]);
        packets.chain(waits).collect::<Vec<u64>>()
    };
    let all: Vec<u64> = episodes.iter().flat_map(instants).collect();
    let (from, to) = (*all.iter().min()?, *all.iter().max()?);
    let (key, top) = legend(&entries(episodes), 60.0, 0.0);
    let top = top + 34.0 + if episodes.len() > 1 { NAME } else { 0.0 };
    let most = episodes.iter().map(|episode| episode.packets.len()).max().unwrap_or(0);
    let height = (most as f64 * PACKET).clamp(HEIGHTS[0], HEIGHTS[1]);
    let y = Scale::linear([from as f64, to as f64], [top, top + height]);
    let width = WIDTH / episodes.len() as f64;
    let span = SPANS[episodes.len().min(SPANS.len()) - 1];
    let mut drawings: Vec<Drawing<'_>> = Vec::new();
    for (index, episode) in episodes.iter().copied().enumerate() {
        let frame = Frame::new(episode.at, index as f64 * width, width, span);
        drawings.push(Drawing { episode, y, frame, origin: from, end: to });
    }
    let sentences = sentences(episodes);
    let first = episodes.first()?;
    let names: Vec<String> = episodes.iter().map(|episode| episode.transport.clone()).collect();
    Some(Chart {
        name: "ladder",
        title: format!(
            "Message #{} of seed {}, packet by packet: {}",
            first.subject.message.number,
            first.seed,
            words::list(&names)
        ),
        row: None,
        caption: "Time runs down, from the first packet that is shown. Arrows to the server are requests, arrows to the client \
                  replies and acknowledgements. #7 +1 is a packet with message #7 and one more message; where names would \
                  cover each other, some are shortened or left out. A bar beside the \
                  receiver is a message that had arrived complete and waited. Losses are those of each transport's own \
                  packets, so two transports need not lose the same. Unless --ladder asked for another message, it \
                  is the worst of the run.",
        summary: sentences.join(" "),
        sentences,
        height: top + height + 16.0,
        body: html! {
            (key)
            @for drawing in &drawings {
                @let transport = &drawing.episode.transport;
                g data-transport=(transport) {
                    @if drawings.len() > 1 {
                        text class="name" x=(Px(drawing.frame.middle())) y=(Px(top - 10.0 - NAME)) text-anchor="middle" { (transport) }
                    }
                    (drawing.draw(top, top + height))
                }
            }
        },
    })
}

/// The words after the name of a message.
fn again(packet: &Packet, carries: &Carries) -> &'static str {
    match packet.resent {
        _ if !carries.again => "",
        Some(Resent::Needless) => " needless",
        _ => " again",
    }
}

/// What happened in each episode, and what the link knows about its retransmissions.
fn sentences(episodes: &[&Episode]) -> Vec<String> {
    let clock = Clock::of(episodes);
    let judged = |episode: &&Episode| -> Vec<String> {
        let sentence = |Verdicts { heading, lines }: Verdicts| {
            format!("{}: {heading}. At {}.", episode.transport, lines.join("; "))
        };
        verdicts(episode, &clock).into_iter().map(sentence).collect()
    };
    let of = |episode: &&Episode| {
        let left_out = match episode.packets.len().saturating_sub(DRAWN[0] + DRAWN[1]) {
            0 => String::new(),
            n => format!(" {} in the middle are left out.", numbers::plural(n as u64, "packet")),
        };
        format!("{}: {}{left_out}", episode.transport, summary(episode, &clock))
    };
    episodes.iter().map(of).chain(episodes.iter().flat_map(judged)).collect()
}

/// The horizontal positions of the parts of a drawing.
struct Frame {
    client: f64,
    server: f64,
    /// Right end of the instants.
    labels: f64,
    /// Left end and width of the space for bars, beside the end where messages wait.
    bars: (f64, f64),
}

impl Frame {
    fn new(at: End, left: f64, width: f64, span: f64) -> Self {
        let room = width - span - LABELS - 24.0;
        match at {
            End::Server => {
                let client = left + LABELS;
                let bars = (client + span + 14.0, room);
                Self { client, server: client + span, labels: client - 8.0, bars }
            }
            End::Client => {
                let client = left + width - span - LABELS;
                Self {
                    client,
                    server: client + span,
                    labels: client + span + LABELS - 6.0,
                    bars: (left + 10.0, room),
                }
            }
        }
    }

    fn middle(&self) -> f64 {
        (self.client + self.server) / 2.0
    }
}

/// The packets of an episode without the middle of a long one.
fn drawn(packets: &[Packet]) -> impl Iterator<Item = &Packet> {
    let [first, last] = DRAWN;
    let end = packets.len().saturating_sub(last);
    packets
        .iter()
        .enumerate()
        .filter(move |(index, _)| *index < first || *index >= end)
        .map(|(_, packet)| packet)
}

/// The number of ranks.
const RANKS: u8 = 3;

/// The importance of a packet: 0 for acknowledgements, 1 for messages, 2 for what was lost or retransmitted.
fn rank(packet: &Packet) -> u8 {
    match packet {
        Packet { lost: true, .. } => 2,
        Packet { carries, .. } if carries.iter().any(|carries| carries.again) => 2,
        Packet { carries, .. } => u8::from(!carries.is_empty()),
    }
}

struct Drawing<'a> {
    episode: &'a Episode,
    y: Scale,
    frame: Frame,
    /// The first and the last instant.
    origin: u64,
    end: u64,
}

impl Drawing<'_> {
    fn draw(&self, top: f64, bottom: f64) -> Markup {
        let packets = || drawn(&self.episode.packets);
        html! {
            (self.ends(top, bottom))
            (self.bars())
            g class="repeats" { (self.repeats()) }
            // Packets that leave together cover each other, so the most important are drawn last.
            @for rank in 0..RANKS {
                @for packet in packets().filter(|packet| self::rank(packet) == rank) { (self.packet(packet)) }
            }
            // Above the arrows, so that none crosses a name.
            (names(&self.named()))
        }
    }

    fn y(&self, at: u64) -> f64 {
        self.y.at(at as f64)
    }

    fn x(&self, end: End) -> f64 {
        if end == End::Client { self.frame.client } else { self.frame.server }
    }

    /// Milliseconds since the beginning of the drawing.
    fn time(&self, at: u64) -> String {
        format!("{:.1} ms", (at - self.origin.min(at)) as f64 / 1e6)
    }

    fn ends(&self, top: f64, bottom: f64) -> Markup {
        let span = self.end.saturating_sub(self.origin);
        let ticks = Scale::linear([0.0, span as f64], [0.0, 1.0]).ticks(12);
        let Frame { client, server, labels, .. } = self.frame;
        html! {
            g class="axis" {
                @for ns in ticks {
                    @let at = self.y(self.origin + ns as u64);
                    line class="grid" x1=(Px(client)) x2=(Px(server)) y1=(Px(at)) y2=(Px(at)) {}
                    text x=(Px(labels)) y=(Px(at + 4.5)) text-anchor="end" { (numbers::instant(ns)) }
                }
                @for end in [End::Client, End::Server] {
                    line class="life" x1=(Px(self.x(end))) x2=(Px(self.x(end))) y1=(Px(top)) y2=(Px(bottom)) {}
                    text class="name" x=(Px(self.x(end))) y=(Px(top - 10.0)) text-anchor="middle" { (end.name()) }
                }
            }
        }
    }

    /// Where the arrow of a packet ends.
    fn tip(&self, packet: &Packet) -> (f64, f64) {
        let to = if packet.from == End::Client { End::Server } else { End::Client };
        let (from, to) = (self.x(packet.from), self.x(to));
        let (start, end) = (self.y(packet.entered_ns), self.y(packet.arrives_ns));
        let part = if packet.lost { LOST } else { 1.0 };
        (from + (to - from) * part, start + (end - start) * part)
    }

    fn packet(&self, packet: &Packet) -> Markup {
        let (x, y) = (self.x(packet.from), self.y(packet.entered_ns));
        let (tip_x, tip_y) = self.tip(packet);
        let again = packet.carries.iter().any(|carries| carries.again);
        let class = match packet {
            Packet { lost: true, .. } => "packet lost",
            Packet { carries, .. } if carries.is_empty() => "packet ack",
            Packet { resent: Some(Resent::Needless), .. } => "packet again needless",
            _ if again => "packet again",
            _ => "packet",
        };
        let inward = if packet.from == End::Client { 1.0 } else { -1.0 };
        let (back, slope) = (tip_x - 9.0 * inward, (tip_y - y) / (tip_x - x));
        let head = |side: f64| format!("{} {}", Px(back), Px(tip_y - 9.0 * inward * slope + side));
        html! {
            g class=(class) data-from=(packet.from.name()) data-entered=(packet.entered_ns) data-arrives=(packet.arrives_ns) {
                title { (self.words(packet)) }
                line x1=(Px(x)) y1=(Px(y)) x2=(Px(tip_x)) y2=(Px(tip_y)) {}
                @if packet.lost {
                    path class="cross" d={ "M" (Px(tip_x - 6.0)) " " (Px(tip_y - 6.0)) "l12 12m0 -12l-12 12" } {}
                } @else {
                    path class="head" d={ "M" (Px(tip_x)) " " (Px(tip_y)) "L" (head(-4.0)) "L" (head(4.0)) "Z" } {}
                }
            }
        }
    }

    /// The arrows that carry messages, with their names: those of the message that the episode is about first, then
    /// retransmissions.
    fn named(&self) -> Vec<Named> {
        let subject = self.episode.subject.message;
        let named = |packet: &Packet| {
            let is_subject = |carries: &&Carries| carries.message == subject;
            let carries = packet.carries.iter().find(is_subject).or(packet.carries.first())?;
            let again = again(packet, carries);
            let more = match packet.carries.len() {
                ..=1 => String::new(),
                n => format!(" +{}", n - 1),
            };
            let number = format!("#{}", carries.message.number);
            Some(Named {
                from: (self.x(packet.from), self.y(packet.entered_ns)),
                tip: self.tip(packet),
                names: [format!("{number}{again}{more}"), number],
            })
        };
        let order = |packet: &&Packet| {
            let has_subject = packet.carries.iter().any(|carries| carries.message == subject);
            if has_subject { 0 } else { RANKS - rank(packet) }
        };
        let mut packets: Vec<&Packet> = drawn(&self.episode.packets).collect();
        packets.sort_by_key(order);
        packets.into_iter().filter_map(named).collect()
    }

    /// The description of a packet, for its tooltip.
    fn words(&self, packet: &Packet) -> String {
        let mut text = format!("from the {} at {}", packet.from.name(), self.time(packet.entered_ns));
        text += &if packet.lost {
            ", lost".to_owned()
        } else {
            format!(", arrives at {}", self.time(packet.arrives_ns))
        };
        let carries = packet
            .carries
            .iter()
            .map(|carries| format!("{}{}", message(carries.message), again(packet, carries)));
        let carries: Vec<String> = carries.collect();
        let what = if carries.is_empty() { "acknowledgement only".to_owned() } else { carries.join(", ") };
        let found = packet.loss.map_or_else(String::new, |loss| {
            let verdict = if loss.arrived { "falsely" } else { "rightly" };
            format!("; {verdict} declared lost at {} ({})", self.time(loss.at_ns), loss.by.words())
        });
        format!("{what}: {text}{found}")
    }

    /// A line from each lost packet to its first retransmission.
    fn repeats(&self) -> Markup {
        let packets: Vec<&Packet> = drawn(&self.episode.packets).collect();
        let repeats = |lost: &Packet, later: &Packet| {
            let same = |one: &_, other: &_| one == other;
            later.from == lost.from
                && later.entered_ns > lost.entered_ns
                && later.carries.iter().any(|again| {
                    again.again && lost.carries.iter().any(|carries| same(&carries.message, &again.message))
                })
        };
        let lost = packets.iter().copied().filter(|packet| packet.lost && !packet.carries.is_empty());
        let pairs = lost.filter_map(|lost| {
            let later = packets
                .iter()
                .copied()
                .filter(|later| repeats(lost, later))
                .min_by_key(|later| later.entered_ns)?;
            Some((self.tip(lost), (self.x(later.from), self.y(later.entered_ns))))
        });
        html! {
            @for ((x1, y1), (x2, y2)) in pairs.collect::<Vec<_>>() {
                line x1=(Px(x1)) y1=(Px(y1)) x2=(Px(x2)) y2=(Px(y2)) { title { "retransmitted" } }
            }
        }
    }

    fn bars(&self) -> Markup {
        let waits = &self.episode.waits;
        let flow = self.episode.subject.message.flow;
        let (from, room) = self.frame.bars;
        let step = (room / waits.len().max(1) as f64).min(16.0);
        html! {
            g class="waits" {
                @if let Some(first) = waits.iter().map(|wait| wait.arrived_ns).min() {
                    @let y = self.y(first);
                    text class="name" x=(Px(from)) y=(Px(y - 24.0)) { (waits.len()) " waiting" }
                    text class="name" x=(Px(from)) y=(Px(y - 8.0)) { "for #" (self.episode.subject.message.number) }
                }
                @for (index, wait) in waits.iter().enumerate() {
                    @let (top, bottom) = (self.y(wait.arrived_ns), self.y(wait.released_ns));
                    rect class=(if wait.message.flow == flow { "k-own" } else { "k-other" })
                        data-message=(wait.message.number) data-arrived=(wait.arrived_ns) data-released=(wait.released_ns)
                        x=(Px(from + index as f64 * step)) y=(Px(top)) width=(Px((step * 0.7).max(1.0))) height=(Px((bottom - top).max(1.0))) {
                        title {
                            (message(wait.message)) ": complete at " (self.time(wait.arrived_ns)) ", released at " (self.time(wait.released_ns))
                            ", after " (numbers::time(wait.released_ns - wait.arrived_ns.min(wait.released_ns)))
                        }
                    }
                }
            }
        }
    }
}
