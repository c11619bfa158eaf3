//! What is said over and under the drawing.

use super::Marks;
use crate::report::{
    model::episode::{End, Episode, Fate, Numbered},
    words::plural,
};

/// Instants relative to the first packet that is shown.
pub(super) struct Clock {
    origin: u64,
    decimals: usize,
}

impl Clock {
    /// The clock of an episode: its first packet enters the wire at 0.
    pub(super) fn of(episode: &Episode) -> Self {
        let entered = episode.packets.iter().map(|packet| packet.entered_ns);
        let origin = entered.min().unwrap_or(episode.subject.entered_ns);
        let arrivals = episode.packets.iter().map(|packet| packet.arrives_ns);
        let span = arrivals.max().unwrap_or(origin).saturating_sub(origin);
        // On a short link, tenths of a millisecond would not tell rows apart.
        Self { origin, decimals: if span < 10_000_000 { 3 } else { 1 } }
    }

    /// An instant in milliseconds.
    pub(super) fn show(&self, at: u64) -> String {
        let ms = (at as f64 - self.origin as f64) / 1e6;
        // Eight columns hold 27 hours.
        let decimals = if ms < 9_999.0 { self.decimals } else { 0 };
        let text = format!("{ms:.decimals$}");
        if text.len() > 8 { format!("{ms:.1e}") } else { text }
    }
}

/// A message's name in the drawing.
pub(super) fn message(message: Numbered) -> String {
    format!("#{} f{}", message.number, message.flow)
}

/// What is drawn.
pub(super) fn title(episode: &Episode) -> String {
    let Episode { transport, seed, subject, .. } = episode;
    format!("{transport}, seed {seed}, message #{}:", subject.message.number)
}

/// What there is to see, in a sentence.
pub(super) fn seen(episode: &Episode, clock: &Clock) -> String {
    let subject = &episode.subject;
    let ms = |at: u64| format!("{} ms", clock.show(at));
    let entered = ms(subject.entered_ns);
    let name = format!("#{} (flow {})", subject.message.number, subject.message.flow);
    let fate = match subject.fate {
        Fate::Lost => format!("{name}, sent at {entered}, was lost"),
        Fate::Overtaken => format!("{name}, sent at {entered}, was overtaken"),
        Fate::SentLate => format!("{name} was sent only at {entered}, after what it blocks"),
        Fate::Gone => format!("{name}, sent at {entered}, was lost, and nothing sends it again"),
        Fate::Unharmed => format!("{name} was sent at {entered} and came at once"),
    };
    if episode.waits.is_empty() {
        let came = match (subject.fate, subject.arrived_ns) {
            (Fate::Gone | Fate::Unharmed, _) | (_, None) => String::new(),
            (Fate::Lost, Some(at)) => format!(", and came again at {}", ms(at)),
            (_, Some(at)) => format!(", and came at {}", ms(at)),
        };
        return format!("{fate}{came}; no other message waited for it.");
    }
    let came = match subject.arrived_ns {
        None => "to the end".to_owned(),
        Some(at) if subject.fate == Fate::Lost => format!("until it came again at {}", ms(at)),
        Some(at) => format!("until it came at {}", ms(at)),
    };
    format!("{fate}; {} {came}.", waited(episode))
}

/// How many messages lay complete, and whose they were.
fn waited(episode: &Episode) -> String {
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
    let messages = plural(all as u64, "message");
    format!("{messages} lay complete at the {} behind it, {of_others},", episode.at.name())
}

/// How to read the drawing.
pub(super) fn legend(episode: &Episode, marks: &Marks, acknowledgements: usize) -> String {
    let at = episode.at.name();
    let Marks { line, thin, right, broken, begins, waits, ends, .. } = marks;
    let mut parts = vec![
        format!(
            "At each end the instant in ms at which a packet left or came; rows in the order of the {at}'s."
        ),
        format!("{line}{line}{right} a packet with message #number of flow f"),
        format!("{line}{line}{broken} lost"),
        format!("{thin}{thin}{right} acknowledges only"),
        "again: bytes that had been sent before".to_owned(),
    ];
    if !episode.waits.is_empty() {
        parts.push(format!(
            "{begins} complete at the {at}, {waits} waiting for #{}, {ends} released",
            episode.subject.message.number
        ));
    }
    let mut legend = format!("{} {}.", parts[0], parts[1..].join("; "));
    if acknowledgements > 0 {
        let packets = plural(acknowledgements as u64, "packet");
        legend.push_str(&format!(" Left out: {packets} that only acknowledge."));
    }
    if episode.at == End::Client && !episode.waits.is_empty() {
        legend.push_str(" What waits stands at the client's side.");
    }
    legend
}

/// A paragraph in lines of at most `width` columns, broken between words where that can be.
pub(super) fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in paragraph.split_whitespace() {
        let word: String = word.chars().take(width).collect();
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(&word);
            used += length;
        }
    }
    lines
}
