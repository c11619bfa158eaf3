//! The updates that the server of a game sends.

use crate::{
    experiment::{application::game::Game, workload::Workload},
    unit::{Time, nanos},
    wire::{MessageId, Probe},
};

/// The updates that are still to be sent, on the schedule of the client.
pub(super) struct OwnUpdates {
    game: Game,
    /// When the first was due.
    begun: Time,
    /// After the last.
    end: Time,
    next: u64,
}

impl OwnUpdates {
    /// Derives the schedule from `first`, the first update of the client that arrived, at `now`. Updates that were due
    /// before `now` are skipped. `None` if the workload is another application.
    pub(super) fn after(workload: &Workload, first: &Probe, now: Time) -> Option<Self> {
        let game = workload.application.game()?;
        let begun = Time::from_nanos(first.due.as_nanos().saturating_sub(nanos(game.due(first.id.seq))));
        let end = begun + workload.warmup + workload.duration;
        let mut own = Self { game, begun, end, next: first.id.seq };
        while own.at() < now {
            own.next += 1;
        }
        Some(own)
    }

    fn at(&self) -> Time {
        self.begun + self.game.due(self.next)
    }

    /// When the next update is due; [`Time::MAX`] after the last.
    pub(super) fn due(&self) -> Time {
        Some(self.at()).filter(|&at| at < self.end).unwrap_or(Time::MAX)
    }

    /// The next update.
    pub(super) fn take(&mut self) -> Probe {
        let probe = Probe::new(MessageId { flow: 1, seq: self.next }, self.at());
        self.next += 1;
        probe
    }
}
