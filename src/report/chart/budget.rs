//! Where the time went: the budget as stacked bars, and its delays again on a scale of their own.

use maud::html;

use super::{
    Chart, WIDTH,
    axis::Area,
    bars::{self, Part, ROW, Row, bars},
    legend::{Entry, legend},
    scale::Scale,
};
use crate::report::{group::Group, model::Budget, numbers};

/// The name of a part, its place in the palette, and how it is read.
type BudgetPart = (&'static str, usize, fn(&Budget) -> Option<u64>);

/// The parts, in the order in which they are stacked: the link's own time first.
const PARTS: [BudgetPart; 6] = [
    ("path", 1, |budget| Some(budget.path? - budget.queue.unwrap_or(0).min(budget.path?))),
    ("queue", 6, |budget| budget.queue.filter(|queue| *queue > 0)),
    ("send wait", 0, |budget| budget.send_wait),
    ("recovery", 2, |budget| budget.recovery),
    ("order wait", 3, |budget| budget.order_wait),
    ("host", 4, |budget| budget.host),
];

/// The chart; `None` if no row has a budget.
pub(super) fn chart(group: &Group<'_>) -> Option<Chart> {
    let budgets: Vec<(&Budget, &String)> =
        group.rows().filter_map(|(cell, label)| Some((cell.budget_ns.as_ref()?, label))).collect();
    let total =
        |budget: &Budget| PARTS.iter().filter_map(|(.., read)| read(budget)).fold(0, u64::saturating_add);
    let whole: Vec<Row> = budgets.iter().map(|(budget, label)| row(budget, label, 0)).collect();
    let delays: Vec<Row> = budgets.iter().map(|(budget, label)| row(budget, label, 1)).collect();
    let most = budgets.iter().map(|(budget, _)| total(budget)).max().filter(|most| *most > 0)?;
    let longest = budgets.iter().map(|(budget, _)| total(budget) - PARTS[0].2(budget).unwrap_or(0)).max()?;
    let entries: Vec<Entry> = PARTS
        .iter()
        .filter(|(.., read)| budgets.iter().any(|(budget, _)| read(budget).is_some()))
        .map(|(name, look, _)| Entry {
            sign: |entry, x, y| bars::sign(entry.look, x, y),
            look: *look,
            name: (*name).to_owned(),
            toggles: None,
        })
        .collect();
    let left = bars::label_width(&whole);
    let (key, height) = legend(&entries, left, 0.0);
    let top = height + 30.0;
    let bottom = top + ROW * whole.len() as f64;
    let middle = left + (WIDTH - left) / 2.0;
    let (first, second) = (
        Area { left, right: middle - 90.0, top, bottom },
        Area { left: middle + 10.0, right: WIDTH - 80.0, top, bottom },
    );
    let title = |area: &Area, text: &str| {
        html! { text class="name" x=(super::axis::Px(area.left)) y=(super::axis::Px(top - 8.0)) { (text) } }
    };
    let body = html! {
        (key)
        (bars::labels(&whole, &first))
        (title(&first, "the whole latency"))
        (bars(&whole, &first, &Scale::linear([0.0, most as f64], first.x())))
        (title(&second, "without the path, enlarged"))
        (bars(&delays, &second, &Scale::linear([0.0, longest as f64], second.x())))
    };
    let rows: Vec<String> =
        budgets.iter().map(|(budget, label)| format!("{label}: {}", words(budget, 0))).collect();
    Some(Chart {
        name: "budget",
        title: "Where the time went (mean per delivered message)".to_owned(),
        row: None,
        caption: "Path: on the link, without the queue. Queue: waiting at the bottleneck. Send wait: before the first \
                  sending, for the window and pacing, and in real time for the machine. Recovery: from the first \
                  sending to the sending of the copy that arrived; none without a loss. Order wait: complete at the \
                  receiver, but held back for earlier messages. Host: processing at both ends, none in virtual time.",
        sentences: Vec::new(),
        summary: format!("{}.", rows.join("; ")),
        height: bottom + 8.0,
        body,
    })
}

/// The parts from `first` on.
fn row(budget: &Budget, label: &str, first: usize) -> Row {
    let known = || PARTS[first..].iter().filter_map(|(name, look, read)| Some((name, look, read(budget)?)));
    let part = |(name, look, ns): (&&str, &usize, u64)| Part {
        look: *look,
        value: ns as f64,
        title: format!("{name} {}", numbers::time(ns)),
    };
    let sum = known().map(|(.., ns)| ns).fold(0, u64::saturating_add);
    Row { label: label.to_owned(), parts: known().map(part).collect(), note: numbers::time(sum) }
}

fn words(budget: &Budget, first: usize) -> String {
    let known = PARTS[first..].iter().filter_map(|(name, _, read)| Some((name, read(budget)?)));
    let known = known.filter(|(_, ns)| *ns > 0).map(|(name, ns)| format!("{name} {}", numbers::time(ns)));
    known.collect::<Vec<_>>().join(", ")
}
