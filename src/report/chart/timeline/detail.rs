//! The worst part of a run: messages above, what the link did below.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::{
    chart::{
        axis::{Area, Px},
        legend::{Entry, legend},
        scale::Scale,
    },
    model::{Detail, Queue},
    numbers::{plural, time},
};

/// The lanes of the worst part of a run.
pub(super) struct Lanes<'a> {
    pub(super) detail: &'a Detail,
    /// Where the messages are.
    pub(super) area: Area,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// Height of the lanes for missing messages and for drops.
const LANE: f64 = 18.0;
const QUEUE: f64 = 46.0;

/// The kinds of messages: CSS class, name, and shape around a point. Shapes differ as well as colours.
const KINDS: [(&str, &str, &str); 5] = [
    ("plain", "arrived (a dot each)", "h0"),
    ("resent", "retransmitted itself", "m-3 0h6m-3 -3v6"),
    ("own", "waited for its own flow", "m-2.5 -2.5h5v5h-5z"),
    ("other", "waited for another flow", "m0 -3.5l3.5 6h-7z"),
    ("missing", "never arrived", "m-3.5 -3.5l7 7m0 -7l-7 7"),
];

impl Lanes<'_> {
    /// The lower end of all lanes.
    pub(super) fn bottom(&self) -> f64 {
        let queue = if self.detail.queue.is_some() { QUEUE + 6.0 } else { 0.0 };
        self.area.bottom + 3.0 * LANE + queue
    }

    pub(super) fn draw(&self, label: &str) -> Markup {
        let bottom = self.area.bottom;
        let drops = [
            ("drops to server", &self.detail.dropped_to_server_ns, bottom + 1.5 * LANE),
            ("drops to client", &self.detail.dropped_to_client_ns, bottom + 2.5 * LANE),
        ];
        let of = |kind: usize| self.dots(kind);
        html! {
            g class="dots" data-label=(label) data-x=(self.x.data()) data-y=(self.y.data()) data-due=(self.due())
                data-latency=(self.latencies()) {
                @for (kind, (class, ..)) in KINDS.iter().enumerate() {
                    @let (path, indices) = of(kind);
                    @if !path.is_empty() { path class={ "dot k-" (class) } data-n=(indices) d=(path) {} }
                }
            }
            text x=(Px(self.area.left - 8.0)) y=(Px(bottom + LANE / 2.0 + 4.5)) text-anchor="end" { "never arrived" }
            @for (name, instants, y) in drops {
                text x=(Px(self.area.left - 8.0)) y=(Px(y + 4.5)) text-anchor="end" { (name) }
                @if !instants.is_empty() {
                    path class="drop" data-n=(instants.len()) d=(self.ticks(instants, y)) {}
                }
            }
            @if let Some(queue) = &self.detail.queue { (self.queue(queue)) }
        }
    }

    /// When messages were due, in microseconds: the first instant and the step if they are evenly spaced, or else all.
    fn due(&self) -> String {
        let due = &self.detail.due_ns;
        let step = due.get(1).map_or(0, |second| second.saturating_sub(due[0]));
        let is_regular = step > 0 && due.windows(2).all(|pair| pair[1].checked_sub(pair[0]) == Some(step));
        let shown = |ns: &u64| format!("{}", *ns as f64 / 1e3);
        if is_regular {
            return format!("{}+{}", shown(&due[0]), shown(&step));
        }
        due.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    /// The latencies in microseconds, empty for a message that was not delivered.
    fn latencies(&self) -> String {
        let shown = |ns: &Option<u64>| ns.map_or_else(String::new, |ns| format!("{}", ns as f64 / 1e3));
        self.detail.latency_ns.iter().map(shown).collect::<Vec<_>>().join(",")
    }

    /// The messages of a kind as a path, and how many there are.
    fn dots(&self, kind: usize) -> (String, usize) {
        let (class, _, shape) = KINDS[kind];
        let (mut path, mut n) = (String::new(), 0);
        for (index, (due, latency)) in self.detail.due_ns.iter().zip(&self.detail.latency_ns).enumerate() {
            if self.kind(index as u64, *latency) != class {
                continue;
            }
            let y = latency.map_or(self.area.bottom + LANE / 2.0, |ns| self.y.at(ns as f64));
            // Writing to a string cannot fail.
            let _ = write!(path, "M{} {}{shape}", Px(self.x.at(*due as f64)), Px(y));
            n += 1;
        }
        (path, n)
    }

    fn kind(&self, index: u64, latency: Option<u64>) -> &'static str {
        let Detail { blocked_by_own, blocked_by_other, resent, .. } = self.detail;
        let is_of = |indices: &[u64]| indices.binary_search(&index).is_ok();
        match () {
            () if latency.is_none() => "missing",
            () if is_of(blocked_by_other) => "other",
            () if is_of(blocked_by_own) => "own",
            () if is_of(resent) => "resent",
            () => "plain",
        }
    }

    fn ticks(&self, instants: &[u64], y: f64) -> String {
        instants.iter().map(|at| format!("M{} {}v10", Px(self.x.at(*at as f64)), Px(y - 5.0))).collect()
    }

    fn queue(&self, queue: &Queue) -> Markup {
        let (top, bottom) = (self.bottom() - QUEUE, self.bottom());
        let most = queue.to_server_ns.iter().chain(&queue.to_client_ns).copied().max().unwrap_or(0);
        let y = Scale::linear([0.0, most.max(1) as f64], [bottom, top + 4.0]);
        let line = |bins: &[u64]| {
            let mut path = String::new();
            for (bin, ns) in bins.iter().enumerate() {
                let at = |bin: usize| {
                    let ns = self.detail.from_ns.saturating_add(queue.bin_ns.saturating_mul(bin as u64));
                    Px(self.x.at(ns as f64))
                };
                let start = if bin == 0 { format!("M{} {}", at(0), Px(bottom)) } else { String::new() };
                let _ = write!(path, "{start}V{}H{}", Px(y.at(*ns as f64)), at(bin + 1));
            }
            path
        };
        html! {
            g class="queue" {
                text x=(Px(self.area.left - 8.0)) y=(Px(top + 14.0)) text-anchor="end" { "queue" }
                text x=(Px(self.area.left - 8.0)) y=(Px(top + 30.0)) text-anchor="end" { (time(most)) }
                @if !queue.to_server_ns.is_empty() { path class="up" d=(line(&queue.to_server_ns)) {} }
                @if !queue.to_client_ns.is_empty() { path class="down" d=(line(&queue.to_client_ns)) {} }
            }
        }
    }

    /// The legend of the kinds that occur, and its height.
    pub(super) fn key(&self, top: f64) -> (Markup, f64) {
        let occurs = |kind: &usize| !self.dots(*kind).0.is_empty();
        let entry = |kind: usize| Entry {
            sign: |entry, x, y| {
                let (class, _, shape) = KINDS[entry.look];
                html! { path class={ "dot k-" (class) } d={ "M" (Px(x)) " " (Px(y)) (shape) } {} }
            },
            look: kind,
            name: KINDS[kind].1.to_owned(),
            toggles: Some(format!("k-{}", KINDS[kind].0)),
        };
        let entries: Vec<Entry> = (0..KINDS.len()).filter(occurs).map(entry).collect();
        legend(&entries, self.area.left, top)
    }

    pub(super) fn summary(&self) -> String {
        let Detail { from_ns, to_ns, due_ns, latency_ns, blocked_by_own, blocked_by_other, resent, .. } =
            self.detail;
        let missing = latency_ns.iter().filter(|latency| latency.is_none()).count();
        format!(
            "The worst {} of the run, from {} on: of {}, {} waited for another flow, {} for their own, {} were \
             retransmitted themselves, {missing} never arrived.",
            time(to_ns.saturating_sub(*from_ns)),
            time(*from_ns),
            plural(due_ns.len() as u64, "message"),
            blocked_by_other.len(),
            blocked_by_own.len(),
            resent.len(),
        )
    }
}
