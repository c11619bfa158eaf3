//! What the server of a game sends on its own.

use crate::{
    experiment::{application::game::Game, workload::Workload},
    unit::{Time, nanos},
    wire::{MessageId, Probe},
};

/// The updates of a server, on the schedule of its client.
pub(super) struct OwnUpdates {
    game: Game,
    /// When the first was due.
    begun: Time,
    /// Behind the last.
    end: Time,
    next: u64,
}

impl OwnUpdates {
    /// Follows the schedule of the client, once `first` of its updates has arrived at `now`. `None` if the workload is
    /// another application.
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
