//! The pictures of transfers: the progress of the first seed's transfer over time, measured on the link, and the
//! sender's congestion window.

use std::{sync::Arc, time::Duration};

use super::{TransferOutcome, TransferPlan};
use crate::{
    experiment::matrix::Runs,
    path::{Exit, Host, Observer, PacketView},
    report::{Cell, Pictures, Progress},
    transfer::bulk::Bulk,
    unit::{Direction, Mutex, Time},
};

/// The most bins. When a transfer needs more, adjacent bins are merged in pairs.
const MOST_BINS: usize = 128;
/// The initial length of a bin, in nanoseconds.
const FIRST_BIN: u64 = 1_000_000;

/// Adds pictures to the rows of a path. `cells` gives the index of each plan's row, if it has one.
pub(super) fn add(runs: &[Runs<TransferOutcome>], cells: &[Option<usize>], file: &mut [Cell]) {
    for (runs, cell) in runs.iter().zip(cells) {
        let first = runs.outcomes.iter().find_map(|(seed, outcome)| Some((*seed, outcome.progress.clone()?)));
        if let (Some(cell), Some((seed, progress))) = (cell, first) {
            let progress = Progress { seed, ..progress };
            file[*cell].pictures = Some(Pictures { progress: Some(progress), ..Pictures::default() });
        }
    }
}

/// Watches the packets that carry content.
#[derive(Clone)]
pub(super) struct Meter(Arc<Mutex<State>>);

struct State {
    way: Direction,
    progress: Progress,
    on_link: u64,
}

impl Meter {
    pub(super) fn new(plan: &TransferPlan) -> Self {
        let way = plan.direction.into();
        let progress = Progress { bin_ns: FIRST_BIN, ..Progress::default() };
        Self(Arc::new(Mutex::new(State { way, progress, on_link: 0 })))
    }

    pub(super) fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// Records the congestion window of `sender` until it is dropped.
    pub(super) fn follow(&self, host: &Arc<dyn Host>, sender: &Bulk) {
        if (sender.recovery)().window_bytes.is_none() {
            return;
        }
        let (meter, clock, recovery) = (self.clone(), host.clone(), Arc::downgrade(&sender.recovery));
        let following = async move {
            while let Some(window) = recovery.upgrade().and_then(|read| read().window_bytes) {
                let bin_ns = meter.0.lock().note_window(clock.now(), window);
                // Twice in each bin.
                clock.sleep(Duration::from_nanos(bin_ns / 2)).await;
            }
        };
        host.spawn("the congestion window", Box::pin(following));
    }

    /// The progress that was recorded.
    pub(super) fn finish(&self) -> Progress {
        std::mem::take(&mut self.0.lock().progress)
    }
}

impl State {
    /// The bin of an instant. Merges bins in pairs until the instant fits.
    fn bin(&mut self, at: Time) -> usize {
        let progress = &mut self.progress;
        loop {
            let bin = usize::try_from(at.as_nanos() / progress.bin_ns).unwrap_or(usize::MAX);
            if bin < MOST_BINS {
                for counts in
                    [&mut progress.arrived_bytes, &mut progress.on_link_bytes, &mut progress.dropped]
                {
                    counts.resize(counts.len().max(bin + 1), 0);
                }
                progress.window_bytes.resize(progress.arrived_bytes.len(), None);
                return bin;
            }
            progress.bin_ns *= 2;
            halve(&mut progress.arrived_bytes, |a, b| a + b);
            halve(&mut progress.on_link_bytes, Ord::max);
            halve(&mut progress.dropped, |a, b| a + b);
            halve(&mut progress.window_bytes, Ord::max);
        }
    }

    /// Records a congestion window. Returns the length of a bin in nanoseconds.
    fn note_window(&mut self, at: Time, bytes: u64) -> u64 {
        let bin = self.bin(at);
        let largest = &mut self.progress.window_bytes[bin];
        *largest = (*largest).max(Some(bytes));
        self.progress.bin_ns
    }
}

/// Merges adjacent counts in pairs.
fn halve<T: Copy + Ord>(counts: &mut Vec<T>, join: fn(T, T) -> T) {
    *counts = counts.chunks(2).filter_map(|pair| pair.iter().copied().reduce(join)).collect();
}

impl Observer for Meter {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let state = &mut *self.0.lock();
        if packet.direction == state.way {
            state.on_link += packet.ip_bytes as u64;
            let bin = state.bin(packet.at);
            let most = &mut state.progress.on_link_bytes[bin];
            *most = (*most).max(state.on_link);
        }
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let state = &mut *self.0.lock();
        if packet.direction != state.way {
            return;
        }
        let (bin, bytes) = (state.bin(packet.at), packet.ip_bytes as u64);
        if !matches!(exit, Exit::Arrived { more: true, .. }) {
            state.on_link = state.on_link.saturating_sub(bytes);
        }
        match exit {
            Exit::Arrived { .. } => state.progress.arrived_bytes[bin] += bytes,
            Exit::Dropped(_) => state.progress.dropped[bin] += 1,
        }
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}
