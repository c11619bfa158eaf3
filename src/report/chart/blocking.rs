//! The share of messages held back by ordering, split by whether they waited for their own flow or for another.

use maud::html;

use super::{
    Chart, WIDTH,
    axis::{Area, Tick},
    bars::{self, Part, ROW, Row, bars},
    legend::{Entry, legend},
    scale::Scale,
};
use crate::report::{
    group::Group,
    model::{Cell, Hol, Ratio},
    numbers,
};

/// Parts of the palette.
const OWN: usize = 5;
const OTHER: usize = 3;

/// The chart; `None` if no row has a message that was held back.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let known: Vec<(&Cell, &Hol, &String)> =
        group.rows().filter_map(|(cell, label)| Some((cell, cell.hol.as_ref()?, label))).collect();
    let share = |hol: &Hol| hol.blocked_ratio.map_or(0.0, Ratio::get);
    let most = known.iter().map(|(_, hol, _)| share(hol)).fold(0.0, f64::max);
    if most == 0.0 {
        return None;
    }
    let rows: Vec<Row> = known.iter().map(|(cell, hol, label)| row(cell, hol, label)).collect();
    let entry = |look, name: &str| Entry {
        sign: |entry, x, y| bars::sign(entry.look, x, y),
        look,
        name: name.to_owned(),
        toggles: None,
    };
    let left = bars::label_width(&rows);
    let (key, height) = legend(
        &[entry(OTHER, "waited for a message of another flow"), entry(OWN, "waited for its own flow")],
        left,
        0.0,
    );
    let top = height + 6.0;
    let area =
        Area { left, right: (left + 190.0).min(WIDTH - 430.0), top, bottom: top + ROW * rows.len() as f64 };
    let scale = Scale::linear([0.0, most], area.x());
    let ticks: Vec<Tick> =
        scale.ticks(2).into_iter().map(|share| (scale.at(share), numbers::percent(share))).collect();
    let body = html! { (key) (area.x_axis("of all messages", &ticks)) (bars::labels(&rows, &area)) (bars(&rows, &area, &scale)) };
    let sentences: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.label, row.note)).collect();
    debug_assert!(area.right < WIDTH);
    Some(Chart {
        name: "blocking",
        title: "How many messages were held back, and for whom (head-of-line blocking)".to_owned(),
        row: None,
        caption: "A bar is the share of messages that had arrived complete and had to wait, because the transport hands bytes \
                  over in order and an earlier message was still missing. Where messages waited for another flow, all \
                  flows share one order, so a loss in one flow stops the others. A transport without a bar held \
                  no message back.",
        sentences: Vec::new(),
        summary: format!("{}.", sentences.join("; ")),
        height: area.bottom + 48.0,
        body,
    })
}

fn row(cell: &Cell, hol: &Hol, label: &str) -> Row {
    let share = hol.blocked_ratio.map_or(0.0, Ratio::get);
    let other = share * hol.by_other_flow_ratio.map_or(0.0, Ratio::get);
    let percent = |value: f64| Ratio::new(value).map_or_else(String::new, numbers::share);
    let part = |look, value: f64, whom: &str| Part {
        look,
        value,
        title: format!("{} waited for {whom}", percent(value)),
    };
    let parts = vec![part(OTHER, other, "another flow"), part(OWN, share - other, "their own flow")];
    Row { label: label.to_owned(), parts, note: note(cell, hol) }
}

fn note(cell: &Cell, hol: &Hol) -> String {
    let lost = cell
        .loss_ratio
        .filter(|lost| lost.get() > 0.0)
        .map(|lost| format!("; {} lost for good", numbers::share(lost)));
    let lost = lost.unwrap_or_default();
    match (hol.blocked_ratio, hol.wait_ns.mean) {
        (Some(ratio), Some(mean)) if hol.blocked > 0 => {
            let cause = match Ratio::of(hol.by_cause.loss, hol.blocked) {
                Some(loss) if loss.get() == 1.0 => "; all waits were for a loss".to_owned(),
                Some(loss) => format!("; {} for a loss", numbers::share(loss)),
                None => String::new(),
            };
            format!("{} held back, {} on average{cause}", numbers::share(ratio), numbers::time(mean))
        }
        (None, _) => format!("not known{lost}"),
        _ => format!("none held back{lost}"),
    }
}
