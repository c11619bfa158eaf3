//! The text above and below the drawing.

use super::marks::Marks;
use crate::report::{
    model::episode::{Episode, Fate, Numbered, Packet, Resent},
    numbers::plural,
};

/// Instants relative to the first packet of an episode.
pub(in crate::report) struct Clock {
    origin: u64,
    decimals: usize,
}

impl Clock {
    /// The clock on which the first packet of the episodes enters the wire at 0.
    pub(in crate::report) fn of(episodes: &[&Episode]) -> Self {
        let packets = || episodes.iter().flat_map(|episode| &episode.packets);
        let sent = episodes.iter().map(|episode| episode.subject.entered_ns);
        let origin = packets().map(|packet| packet.entered_ns).min().or(sent.min()).unwrap_or(0);
        let arrivals = packets().map(|packet| packet.arrives_ns);
        let span = arrivals.max().unwrap_or(origin).saturating_sub(origin);
        // On a fast link, rows differ by less than a tenth of a millisecond.
        Self { origin, decimals: if span < 10_000_000 { 3 } else { 1 } }
    }

    /// An instant in milliseconds.
    pub(super) fn show(&self, at: u64) -> String {
        self.since(self.origin, at)
    }

    /// The time between two instants, in milliseconds.
    pub(super) fn since(&self, from: u64, at: u64) -> String {
        let ms = (at as f64 - from as f64) / 1e6;
        // Eight columns hold 27 hours.
        let decimals = if ms < 9_999.0 { self.decimals } else { 0 };
        let text = format!("{ms:.decimals$}");
        if text.len() > 8 { format!("{ms:.1e}") } else { text }
    }
}

/// The name of a message in the drawing.
pub(in crate::report) fn message(message: Numbered) -> String {
    format!("#{} f{}", message.number, message.flow)
}

/// The title of the drawing.
pub(super) fn title(episode: &Episode) -> String {
    let Episode { transport, seed, subject, .. } = episode;
    format!("{transport}, seed {seed}, message #{}", subject.message.number)
}

/// What happened, in a sentence or two.
pub(in crate::report) fn summary(episode: &Episode, clock: &Clock) -> String {
    let subject = &episode.subject;
    let ms = |at: u64| format!("{} ms", clock.show(at));
    let sent = ms(subject.entered_ns);
    let name = format!("Message #{} (flow {})", subject.message.number, subject.message.flow);
    let arrived =
        subject.arrived_ns.map(|at| format!("{}, {} ms later", ms(at), clock.since(subject.entered_ns, at)));
    let fate = match (subject.fate, &arrived) {
        (Fate::Lost, Some(at)) => {
            format!("{name}, sent at {sent}, was lost; its retransmission arrived at {at}")
        }
        (Fate::Lost, None) => format!("{name}, sent at {sent}, was lost"),
        (Fate::Overtaken, Some(at)) => format!("{name}, sent at {sent}, was overtaken and arrived at {at}"),
        (Fate::Overtaken, None) => format!("{name}, sent at {sent}, was overtaken"),
        (Fate::SentLate, Some(at)) => {
            format!("{name} was sent at {sent}, later than the messages that it blocks, and arrived at {at}")
        }
        (Fate::SentLate, None) => {
            format!("{name} was sent at {sent}, later than the messages that it blocks")
        }
        (Fate::Gone, _) => format!("{name}, sent at {sent}, was lost and not retransmitted"),
        (Fate::Unharmed, _) => format!("{name}, sent at {sent}, arrived without loss or delay"),
    };
    if episode.waits.is_empty() {
        return format!("{fate}. No other message waited for it.");
    }
    let until = if arrived.is_some() { "until then" } else { "until the end" };
    format!("{fate}. {} at the {} {until}.", waiting(episode), episode.at.name())
}

/// How many messages waited, and whose they were.
fn waiting(episode: &Episode) -> String {
    let flow = episode.subject.message.flow;
    let others = episode.waits.iter().filter(|wait| wait.message.flow != flow).count();
    let all = episode.waits.len();
    let of_others = match (others, all) {
        (0, _) => "of the same flow".to_owned(),
        (_, 1) => "of another flow".to_owned(),
        (others, all) if others == all => "all of other flows".to_owned(),
        (1, _) => "1 of another flow".to_owned(),
        (others, _) => format!("{others} of other flows"),
    };
    format!("{}, {of_others}, had arrived complete and waited", plural(all as u64, "later message"))
}

/// How to read the drawing.
pub(super) fn legend(episode: &Episode, marks: &Marks, acknowledgements: usize) -> String {
    let at = episode.at.name();
    let times = format!(
        "Times in ms, when a packet left one end and reached the other; rows in the order of the {at}'s times"
    );
    legend_of(&times, episode, marks, acknowledgements)
}

/// The legend of two drawings with one column of times.
pub(super) fn legend_of_pair(episodes: [&Episode; 2], marks: &Marks, acknowledgements: usize) -> String {
    let [left, right] = episodes;
    let at = left.at.name();
    let times = format!("Client on the left, server on the right of each; times in ms, at the {at}");
    legend_of(&times, if left.waits.is_empty() { right } else { left }, marks, acknowledgements)
}

fn legend_of(times: &str, episode: &Episode, marks: &Marks, acknowledgements: usize) -> String {
    let at = episode.at.name();
    let Marks { line, thin, right, broken, begins, waits, ends, .. } = marks;
    let mut parts = vec![
        format!("{line}{line}{right} a packet with message #number of flow f"),
        format!("{line}{line}{broken} lost"),
        format!("{thin}{thin}{right} acknowledgement only"),
        "again: retransmitted bytes".to_owned(),
    ];
    let is_needless = |packet: &Packet| packet.resent == Some(Resent::Needless);
    if episode.packets.iter().any(is_needless) {
        parts.push("needless: retransmitted bytes that arrived with earlier packets".to_owned());
    }
    if !episode.waits.is_empty() {
        parts.push(format!(
            "{begins} complete at the {at}, {waits} waiting for #{}, {ends} released",
            episode.subject.message.number
        ));
    }
    let mut legend = format!("{times}. {}.", parts.join("; "));
    if acknowledgements > 0 {
        let packets = plural(acknowledgements as u64, "packet");
        legend.push_str(&format!(" Left out: {packets} with acknowledgements only."));
    }
    legend
}
