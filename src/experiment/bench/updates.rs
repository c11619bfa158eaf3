//! What a server sends that is not a reply: the updates of a game, and reports to a client that sends a video.

use std::time::Duration;

use crate::{
    experiment::{
        application::{Application, game::Game},
        workload::Workload,
    },
    unit::{Time, nanos},
    wire::{MessageId, Probe},
};

/// Bytes of a report to the sender of a video: about those of an RTCP receiver report with authentication.
pub(super) const REPORT_BYTES: usize = 64;
/// Time between two reports.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The messages that are still to be sent.
#[derive(Debug)]
pub(super) struct OwnUpdates {
    kind: Kind,
    /// When the first was due.
    begun: Time,
    /// After the last.
    end: Time,
    next: u64,
}

#[derive(Debug)]
enum Kind {
    /// Updates of a game, on the schedule of the client.
    Game(Game),
    /// They tell a client whose address changes that the server still receives its video.
    Reports,
}

impl OwnUpdates {
    /// Derives the schedule from `first`, the first message of the client that arrived, at `now`. Messages that were
    /// due before `now` are skipped. `None` if the server sends nothing on its own. It sends reports on a video only if
    /// the client's address changes.
    pub(super) fn after(
        workload: &Workload,
        first: &Probe,
        now: Time,
        is_client_moved: bool,
    ) -> Option<Self> {
        let (kind, begun, next) = match &workload.application {
            Application::Game(game) => {
                let before = nanos(game.due(first.id.seq));
                let begun = Time::from_nanos(first.due.as_nanos().saturating_sub(before));
                (Kind::Game(*game), begun, first.id.seq)
            }
            Application::Video(_) if is_client_moved => (Kind::Reports, now, 0),
            Application::Messages | Application::Video(_) => return None,
        };
        let end = begun + workload.warmup + workload.duration;
        let mut own = Self { kind, begun, end, next };
        while own.at() < now {
            own.next += 1;
        }
        Some(own)
    }

    fn at(&self) -> Time {
        self.begun
            + match self.kind {
                Kind::Game(game) => game.due(self.next),
                Kind::Reports => REPORT_INTERVAL.saturating_mul(u32::try_from(self.next).unwrap_or(u32::MAX)),
            }
    }

    /// When the next message is due; [`Time::MAX`] after the last.
    pub(super) fn due(&self) -> Time {
        Some(self.at()).filter(|&at| at < self.end).unwrap_or(Time::MAX)
    }

    /// Which message is next.
    pub(super) fn next_id(&self) -> MessageId {
        MessageId { flow: 1, seq: self.next }
    }

    /// The next message.
    pub(super) fn take(&mut self) -> Probe {
        let probe = Probe::new(self.next_id(), self.at());
        self.next += 1;
        probe
    }
}
