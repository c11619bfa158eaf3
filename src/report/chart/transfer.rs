//! The goodput of transfers: the median, and the range over seeds.

use maud::{Markup, html};

use super::{
    Chart, WIDTH,
    axis::{Area, Px},
    bars::{self, Part, ROW, Row, bars},
    scale::Scale,
};
use crate::{
    report::{group::Group, numbers, words},
    stats::Summary,
};

/// The chart; `None` if no transfer completed.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let known: Vec<(Summary, &String)> = group
        .rows()
        .filter_map(|(cell, label)| Some((cell.transfer.as_ref()?.goodput_bps, label)))
        .filter(|(goodput, _)| goodput.n > 0)
        .collect();
    let rows: Vec<Row> = known.iter().filter_map(|(goodput, label)| row(goodput, label)).collect();
    let most = known.iter().filter_map(|(goodput, _)| goodput.max).max()?;
    let left = bars::label_width(&rows);
    let area = Area { left, right: WIDTH - 120.0, top: 6.0, bottom: 6.0 + ROW * rows.len() as f64 };
    let scale = Scale::linear([0.0, most as f64], area.x());
    let tick = |bps: f64| (scale.at(bps), numbers::rate(libm::round(bps) as u64));
    let ticks: Vec<_> = scale.ticks(5).into_iter().map(tick).collect();
    let body = html! {
        (area.x_axis("goodput", &ticks))
        (bars::labels(&rows, &area))
        (bars(&rows, &area, &scale))
        @for (index, (goodput, _)) in known.iter().enumerate() {
            (range(goodput, area.top + (index as f64 + 0.5) * ROW, &scale))
        }
    };
    let sentences: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.label, row.note)).collect();
    Some(Chart {
        name: "goodput",
        title: "Goodput".to_owned(),
        row: None,
        caption: "A bar is the median of the completed transfers; the line below it goes from the slowest to the fastest.",
        sentences: Vec::new(),
        summary: words::plain(&sentences.join("; ")),
        height: area.bottom + 48.0,
        body,
    })
}

fn row(goodput: &Summary, label: &str) -> Option<Row> {
    let median = goodput.p50?;
    let part = Part { look: 1, value: median as f64, title: numbers::throughput(median) };
    Some(Row { label: label.to_owned(), parts: vec![part], note: numbers::throughput(median) })
}

fn range(goodput: &Summary, y: f64, scale: &Scale) -> Markup {
    let ends = goodput.min.zip(goodput.max).filter(|(min, max)| min < max);
    html! {
        @if let Some((min, max)) = ends {
            line class="range" x1=(Px(scale.at(min as f64))) x2=(Px(scale.at(max as f64))) y1=(Px(y + 11.0)) y2=(Px(y + 11.0)) {
                title { (numbers::throughput(min)) " to " (numbers::throughput(max)) }
            }
        }
    }
}
