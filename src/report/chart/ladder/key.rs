//! The legend of a ladder.

use maud::{Markup, html};

use crate::report::{
    chart::{axis::Px, legend::Entry},
    model::episode::{Episode, Packet, Resent},
};

/// The entries for all that the episodes show.
pub(super) fn entries(episodes: &[&Episode]) -> Vec<Entry> {
    let has = |own: bool| {
        let waits = |episode: &&Episode| {
            let flow = episode.subject.message.flow;
            episode.waits.iter().any(|wait| (wait.message.flow == flow) == own)
        };
        episodes.iter().any(waits)
    };
    let entry = |look: usize, name: &str, toggles: Option<&str>| Entry {
        sign,
        look,
        name: name.to_owned(),
        toggles: toggles.map(str::to_owned),
    };
    let mut entries = vec![
        entry(0, "packet", None),
        entry(1, "lost", None),
        entry(2, "retransmission", None),
        entry(3, "acknowledgement", Some("ack")),
        entry(4, "from a loss to its retransmission", None),
    ];
    let is_needless = |packet: &Packet| packet.resent == Some(Resent::Needless);
    let any_needless = episodes.iter().any(|episode| episode.packets.iter().any(is_needless));
    entries.extend(any_needless.then(|| entry(7, "needless retransmission", None)));
    entries.extend(has(false).then(|| entry(5, "waits for another flow", None)));
    entries.extend(has(true).then(|| entry(6, "waits for its own flow", None)));
    entries
}

fn sign(entry: &Entry, x: f64, y: f64) -> Markup {
    let class = [
        "packet",
        "packet lost",
        "packet again",
        "packet ack",
        "repeats",
        "k-other",
        "k-own",
        "packet again needless",
    ][entry.look];
    html! {
        @if !matches!(entry.look, 5 | 6) {
            g class=(class) {
                line x1=(Px(x - 14.0)) x2=(Px(x + 12.0)) y1=(Px(y)) y2=(Px(y)) {}
                @if entry.look == 1 {
                    path class="cross" d={ "M" (Px(x + 6.0)) " " (Px(y - 6.0)) "l12 12m0 -12l-12 12" } {}
                }
            }
        } @else {
            rect class=(class) x=(Px(x - 3.0)) y=(Px(y - 8.0)) width="6" height="16" {}
        }
    }
}
