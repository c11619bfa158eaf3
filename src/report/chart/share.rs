//! Senders that share a bottleneck: the goodput of each over time.

use maud::html;

use super::{
    Chart, WIDTH,
    axis::{Area, Px},
    legend::{Entry, legend},
    progress::{Steps, panel},
    scale::Scale,
    series::stroke,
};
use crate::report::{
    group::Group,
    model::{Cell, Share, ShareSeries},
    numbers::{rate, throughput},
    shares,
};

/// A chart for each row that has series.
pub(super) fn charts(group: &Group<'_>) -> Vec<Chart> {
    let of = |(cell, label): (&Cell, &String)| {
        chart(cell.share.as_ref()?, cell.pictures.as_ref()?.share.as_ref()?, label)
    };
    group.rows().filter_map(of).collect()
}

fn chart(share: &Share, series: &ShareSeries, label: &str) -> Option<Chart> {
    let names = shares::names(share);
    let values: Vec<Vec<Option<u64>>> =
        series.goodput_bps.iter().map(|values| values.iter().copied().map(Some).collect()).collect();
    let bins = values.iter().map(Vec::len).max().filter(|bins| *bins > 0)?;
    let entry = |(look, name): (usize, &String)| Entry {
        sign: |entry, x, y| {
            html! { line class=(stroke(entry.look)) x1=(Px(x - 14.0)) x2=(Px(x + 14.0)) y1=(Px(y)) y2=(Px(y)) {} }
        },
        look,
        name: name.clone(),
        toggles: Some(format!("l{look}")),
    };
    let entries: Vec<Entry> = names.iter().enumerate().map(entry).collect();
    let (key, height) = legend(&entries, 84.0, 0.0);
    let area = Area { left: 84.0, right: WIDTH - 24.0, top: height + 36.0, bottom: height + 236.0 };
    let x = Scale::linear([0.0, series.bin_ns as f64 * bins as f64], area.x());
    let lines: Vec<Steps<'_>> = names
        .iter()
        .zip(&values)
        .enumerate()
        .map(|(look, (label, values))| Steps { bin_ns: series.bin_ns, look, label, values })
        .collect();
    let most = |values: &Vec<u64>| values.iter().max().copied().unwrap_or(0);
    let sentences: Vec<String> = names
        .iter()
        .zip(&series.goodput_bps)
        .map(|(name, values)| format!("{name}: at most {}", throughput(most(values))))
        .collect();
    Some(Chart {
        name: "share",
        title: format!("Goodput of each sender in time (seed {})", series.seed),
        row: Some(label.to_owned()),
        caption: "Content that arrived at the receiver of each sender, without headers and retransmissions.",
        sentences: Vec::new(),
        summary: format!("{}.", sentences.join("; ")),
        height: area.bottom + 48.0,
        body: html! {
            (key)
            (panel(&area, &x, "goodput", &lines, |bps| rate(libm::round(bps) as u64)))
        },
    })
}
