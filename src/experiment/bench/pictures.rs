//! The pictures of runs of messages: a histogram of latencies, and a timeline of the first seed's run.

use std::time::Duration;

use crate::{
    experiment::{
        application::{
            Application,
            game::judge::Span,
            video::{
                Video,
                judge::{Gap, Verdict},
            },
        },
        matrix::Runs,
        plan::Plan,
        record::{
            outcome::Outcome,
            trace::{Delay, MAX_ENTRIES, QUEUE_BIN, Trace, Traced},
        },
    },
    report::{AgeCurve, Cell, Detail, Overview, Pictures, Queue, Strip, Timeline},
    stats::Histogram,
    unit::{PerDirection, Time, nanos},
};

/// The most rows that get a timeline. More would make the file too large to read through.
const MAX_TIMELINES: usize = 64;
/// Length of the part of a run that is shown message by message.
const DETAIL: Duration = Duration::from_secs(10);
/// The most messages in that part.
const DETAIL_MESSAGES: u64 = 1000;
/// Number of search steps in the length of that part.
const STEPS: u64 = 10;
/// Bins in the overview of the whole run.
const OVERVIEW_BINS: u64 = 120;

/// Adds pictures to the rows of `plans`. `cells` gives the index of each plan's row, if it has one.
pub(super) fn add(plans: &[Plan], runs: &[Runs<Outcome>], cells: &[Option<usize>], file: &mut [Cell]) {
    let rows =
        || plans.iter().zip(runs).zip(cells).filter_map(|((plan, runs), cell)| Some((plan, runs, (*cell)?)));
    for (plan, runs, cell) in rows() {
        if let Application::Video(video) = &plan.workload.application {
            file[cell].pictures = Some(Pictures { call: strip(video, runs), ..Pictures::default() });
            continue;
        }
        if plan.workload.application.game().is_some() {
            file[cell].pictures = Some(Pictures { age: age_curve(runs), ..Pictures::default() });
            continue;
        }
        let latency_bins = bins(runs.outcomes.iter().map(|(_, outcome)| &outcome.latency));
        let timeline_reason = no_timeline(plans.len(), runs);
        file[cell].pictures = Some(Pictures { latency_bins, timeline_reason, ..Pictures::default() });
    }
    for (plan, runs, cell) in rows().filter(|row| has_timeline(&row.0.workload.application, plans.len())) {
        let alike = |other: &&(&Plan, &Runs<Outcome>, usize)| {
            (&other.0.links, &other.0.workload) == (&plan.links, &plan.workload)
        };
        let traces: Vec<&Trace> =
            rows().filter(|row| alike(&row)).filter_map(|row| first(row.1)).map(|(_, t)| t).collect();
        let window = window(plan, &traces);
        let timeline = first(runs).map(|(seed, trace)| timeline(plan, seed, trace, window));
        if let Some(pictures) = &mut file[cell].pictures {
            pictures.timeline = timeline;
        }
    }
}

/// Whether a row has a timeline, on a path with so many `rows`.
pub(super) fn has_timeline(application: &Application, rows: usize) -> bool {
    rows <= MAX_TIMELINES && *application == Application::Messages
}

/// The age of the state at the client in the first seed's run, in the seconds around its highest value.
fn age_curve(runs: &Runs<Outcome>) -> Option<AgeCurve> {
    const PART: Duration = Duration::from_secs(5);
    let (seed, ages) =
        runs.outcomes.iter().find_map(|(seed, outcome)| Some((*seed, outcome.ages.as_ref()?)))?;
    let spans = &ages.to_client.spans;
    // When the oldest state that arrived was made. If no update was lost, it is the first of the measured time.
    let begun = spans.first().map(|span| Time::from_nanos(span.from.as_nanos() - span.youngest))?;
    let end = spans.last()?.from - begun;
    let highest = spans.iter().max_by_key(|span| span.oldest)?.from - begun;
    let from = highest.saturating_sub(PART / 2).min(end.saturating_sub(PART));
    let within = |span: &&Span| (from..from + PART).contains(&(span.from - begun));
    let span = |span: &Span| [nanos(span.from - begun), span.youngest, span.oldest];
    Some(AgeCurve { seed, from_ns: nanos(from), spans: spans.iter().filter(within).map(span).collect() })
}

/// The first seed's call.
fn strip(video: &Video, runs: &Runs<Outcome>) -> Option<Strip> {
    let (seed, call) =
        runs.outcomes.iter().find_map(|(seed, outcome)| Some((*seed, outcome.video.as_ref()?)))?;
    let letter = |verdict: &Verdict| match verdict {
        Verdict::Shown => 's',
        Verdict::Late => 'l',
        Verdict::Incomplete => 'i',
        Verdict::Useless => 'u',
    };
    let freeze = |gap: &Gap| {
        let jump = if gap.is_jump { gap.frames } else { 0 };
        [nanos(gap.from - call.begins), nanos(gap.length), jump]
    };
    Some(Strip {
        seed,
        interval_ns: nanos(video.interval()),
        frames: call.verdicts.iter().map(letter).collect(),
        freezes: call.stood.iter().map(freeze).collect(),
    })
}

/// Why a row has no timeline, if a limit was reached.
fn no_timeline(rows: usize, runs: &Runs<Outcome>) -> Option<String> {
    if rows > MAX_TIMELINES {
        return Some(format!("There is no timeline: the path has more than {MAX_TIMELINES} rows."));
    }
    let (_, outcome) = runs.outcomes.first()?;
    (outcome.trace.is_none() && !outcome.interrupted).then(|| {
        let bin = QUEUE_BIN.as_millis();
        format!(
            "There is no timeline: the run has {MAX_ENTRIES} or more messages, intervals of {bin} ms, or dropped \
             packets in a direction."
        )
    })
}

fn first(runs: &Runs<Outcome>) -> Option<(u64, &Trace)> {
    runs.outcomes.iter().find_map(|(seed, outcome)| Some((*seed, outcome.trace.as_ref()?)))
}

/// Latencies in bins, 32 to an octave.
fn bins<'a>(each: impl Iterator<Item = &'a Histogram>) -> Vec<[u64; 2]> {
    let mut all = Histogram::new();
    each.for_each(|histogram| all.merge(histogram));
    let (Some(least), Some(most)) = (all.min(), all.max()) else { return Vec::new() };
    let mut bins: Vec<([u64; 2], u64)> = Vec::new();
    for (value, n) in all.buckets() {
        let key = bin_of(value);
        // The middle of a bucket may lie outside the exact extremes.
        let value = value.clamp(least, most);
        match bins.last_mut() {
            Some((bin, last)) if *last == key => *bin = [value, bin[1] + n],
            _ => bins.push(([value, n], key)),
        }
    }
    if let Some(([last, _], _)) = bins.last_mut() {
        *last = most;
    }
    bins.into_iter().map(|(bin, _)| bin).collect()
}

/// The bin of a value: its octave times 32, plus which of 32 equal parts of the octave it falls in.
fn bin_of(value: u64) -> u64 {
    let octave = u64::from(value.max(1).ilog2());
    (octave << 5) | (if octave < 5 { value << (5 - octave) } else { value >> (octave - 5) } & 31)
}

/// A part of a run, in nanoseconds since its first measured message was due.
#[derive(Clone, Copy)]
struct Window {
    from: u64,
    length: u64,
}

impl Window {
    fn has(self, at: u64) -> bool {
        (self.from..self.from + self.length).contains(&at)
    }
}

/// When the first measured message was due.
fn start(trace: &Trace) -> Time {
    trace.messages.iter().map(|message| message.due).min().unwrap_or(Time::ZERO)
}

/// The part with the largest total delay of messages over all runs. An undelivered message counts as the deadline.
fn window(plan: &Plan, traces: &[&Trace]) -> Window {
    let duration = nanos(plan.workload.duration);
    let messages = nanos(plan.workload.interval).saturating_mul(DETAIL_MESSAGES);
    let length = nanos(DETAIL).min(messages).min(duration).max(1);
    let step = length.div_ceil(STEPS);
    let mut cost = vec![0_u64; usize::try_from(duration / step).unwrap_or(0) + 1];
    for trace in traces {
        let start = start(trace);
        let least = trace.messages.iter().filter_map(|message| message.latency).min().unwrap_or_default();
        for message in &trace.messages {
            let latency = message.latency.map_or(plan.workload.deadline, |latency| latency - least);
            let place = usize::try_from(nanos(message.due - start) / step).unwrap_or(usize::MAX);
            if let Some(sum) = cost.get_mut(place) {
                *sum = sum.saturating_add(nanos(latency));
            }
        }
    }
    let steps = STEPS as usize;
    let sums = cost
        .windows(steps.min(cost.len()))
        .map(|part| part.iter().fold(0_u64, |sum, n| sum.saturating_add(*n)));
    let (mut place, mut most) = (0, 0);
    for (index, sum) in sums.enumerate() {
        if sum > most {
            (place, most) = (index as u64, sum);
        }
    }
    Window { from: (place * step).min(duration - length), length }
}

fn timeline(plan: &Plan, seed: u64, trace: &Trace, window: Window) -> Timeline {
    let start = start(trace);
    let mut messages: Vec<(u64, &Traced)> =
        trace.messages.iter().map(|message| (nanos(message.due - start), message)).collect();
    messages.sort_by_key(|(due, _)| *due);
    let drops = trace.drops.as_ref().map(|drops| since(start, drops));
    Timeline {
        seed,
        overview: overview(plan, &messages, &drops),
        detail: Detail {
            first_number: first_number(plan, seed, &messages, window),
            ..detail(plan, trace, &messages, &drops, window)
        },
    }
}

/// The number in the schedule of the first message of a part. The schedule numbers the warm-up too.
fn first_number(plan: &Plan, seed: u64, messages: &[(u64, &Traced)], window: Window) -> Option<u64> {
    let first = messages.iter().position(|(due, _)| window.has(*due))?;
    let warmup = plan.workload.schedule(Time::ZERO, seed).take_while(|message| !message.measured).count();
    Some((warmup + first) as u64)
}

/// Nanoseconds from `start` to each instant, without earlier instants.
fn since(start: Time, instants: &[Time]) -> Vec<u64> {
    instants.iter().filter_map(|at| at.as_nanos().checked_sub(start.as_nanos())).collect()
}

fn overview(plan: &Plan, messages: &[(u64, &Traced)], drops: &PerDirection<Vec<u64>>) -> Overview {
    let bin_ns = nanos(plan.workload.duration).div_ceil(OVERVIEW_BINS).max(1);
    let count = usize::try_from(nanos(plan.workload.duration).div_ceil(bin_ns)).unwrap_or(0);
    let place = |at: u64| usize::try_from(at / bin_ns).ok().filter(|place| *place < count);
    let mut overview = Overview {
        bin_ns,
        latency_max_ns: vec![None; count],
        blocked: vec![0; count],
        missing: vec![0; count],
        dropped: if plan.path.has_link() { vec![0; count] } else { Vec::new() },
    };
    for (due, message) in messages {
        let Some(place) = place(*due) else { continue };
        let most = &mut overview.latency_max_ns[place];
        *most = (*most).max(message.latency.map(nanos));
        overview.blocked[place] += u64::from(matches!(message.delay, Delay::OwnFlow | Delay::OtherFlow));
        overview.missing[place] += u64::from(message.latency.is_none());
    }
    for place in drops.iter().flatten().filter_map(|at| place(*at)) {
        overview.dropped[place] += 1;
    }
    overview
}

fn detail(
    plan: &Plan,
    trace: &Trace,
    messages: &[(u64, &Traced)],
    drops: &PerDirection<Vec<u64>>,
    window: Window,
) -> Detail {
    let (from_ns, to_ns) = (window.from, window.from + window.length);
    let within = |at: &u64| window.has(*at);
    let shown: Vec<&(u64, &Traced)> = messages.iter().filter(|(due, _)| within(due)).collect();
    let with = |delay: Delay| {
        let all = shown.iter().enumerate().filter(move |(_, (_, message))| message.delay == delay);
        all.map(|(index, _)| index as u64).collect()
    };
    let dropped = |drops: &[u64]| drops.iter().copied().filter(|at| within(at)).collect();
    Detail {
        from_ns,
        to_ns,
        first_number: None,
        due_ns: shown.iter().map(|(due, _)| *due).collect(),
        latency_ns: shown.iter().map(|(_, message)| message.latency.map(nanos)).collect(),
        blocked_by_own: with(Delay::OwnFlow),
        blocked_by_other: with(Delay::OtherFlow),
        resent: with(Delay::Recovery),
        dropped_to_server_ns: dropped(&drops.to_server),
        dropped_to_client_ns: dropped(&drops.to_client),
        queue: plan.path.has_link().then(|| queue(trace, window)).flatten(),
    }
}

/// The queues of a part of a run, in at most 200 bins.
fn queue(trace: &Trace, window: Window) -> Option<Queue> {
    const MOST: u64 = 200;
    let fine = nanos(QUEUE_BIN);
    let together = window.length.div_ceil(fine).div_ceil(MOST).max(1);
    let first = (start(trace).as_nanos() + window.from) / fine;
    let place = |index: u64| usize::try_from(index).unwrap_or(usize::MAX);
    let coarse = |bins: &Vec<u64>| {
        (0..window.length.div_ceil(fine * together))
            .map(|index| {
                let from = first + index * together;
                let most = (from..from + together).filter_map(|bin| bins.get(place(bin))).max();
                most.copied().unwrap_or(0)
            })
            .collect()
    };
    let [up, down] = [&trace.queue.to_server, &trace.queue.to_client].map(|bins| bins.as_ref().map(coarse));
    (up.is_some() || down.is_some()).then(|| Queue {
        bin_ns: fine * together,
        to_server_ns: up.unwrap_or_default(),
        to_client_ns: down.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_holds_a_thirty_second_of_an_octave() {
        let histogram: Histogram = [1000, 1001, 1040, 2000, 50_000_000].into_iter().collect();
        let seen = bins([&histogram].into_iter());
        assert_eq!(seen.iter().map(|[_, n]| n).sum::<u64>(), 5);
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert_eq!(seen.last().unwrap()[0], 50_000_000);
        for value in [1, 31, 32, 63, 64, 1 << 40] {
            assert!(bin_of(value) < bin_of(value * 2), "{value}");
            assert_eq!(bin_of(value) + 32, bin_of(value * 2), "{value}");
        }
    }
}
