//! A delivered message, with the instants that decided its latency.

use std::{borrow::Cow, time::Duration};

use super::order::Release;
use crate::{
    tap::Passage,
    unit::Time,
    wire::{MessageId, Probe},
};

/// A delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub probe: Probe,
    /// When its last byte reached this end. `None` if the transport hides that.
    pub arrived: Option<Time>,
    /// When order released it to the application. The application may read it later.
    pub released: Time,
    /// When that last byte entered the link. `None` if the path does not know.
    pub entered: Option<Entered>,
    /// The earlier message of the same ordered unit that it waited for: of those that arrived after it, the last.
    /// `None` if it did not wait.
    pub blocked_by: Option<MessageId>,
    /// Why that message arrived late. `None` if it did not wait, or if the path does not know.
    pub cause: Option<Cause>,
}

impl Delivery {
    /// The same delivery, where a wait shorter than `resolution` counts as none.
    pub(crate) fn resolved(&self, resolution: Duration) -> Cow<'_, Self> {
        match self.arrived {
            Some(arrived) if self.released - arrived < resolution => {
                Cow::Owned(Self { blocked_by: None, cause: None, ..*self })
            }
            _ => Cow::Borrowed(self),
        }
    }
}

/// When the last-arriving byte of a message entered the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// For the first time.
    pub first: Time,
    /// In the packet that arrived.
    pub copy: Time,
    /// How long that packet waited in the queue of the link.
    pub queued: Duration,
}

impl Entered {
    /// In a single packet, which entered at `at` and waited for `queued`.
    pub(crate) fn once(at: Time, queued: Duration) -> Self {
        Self { first: at, copy: at, queued }
    }
}

impl From<Passage> for Entered {
    fn from(passage: Passage) -> Self {
        Self { first: passage.first.at, copy: passage.copy.at, queued: passage.queued }
    }
}

/// Why a byte arrived after later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A packet with it was dropped: by loss, by a full queue, or by corruption.
    Loss,
    /// It was sent before the byte that waited, and overtaken on the link.
    Reorder,
    /// It was sent after it.
    Sender,
}

impl Cause {
    /// Why `blocker` arrived after `blocked`.
    fn of(blocker: &Passage, blocked: &Passage) -> Self {
        if blocker.dropped {
            Self::Loss
        } else if blocker.first < blocked.copy {
            Self::Reorder
        } else {
            Self::Sender
        }
    }
}

impl Delivery {
    /// A message in a single packet, released as it arrived. It is never sent again.
    pub(crate) fn at_once(probe: Probe, arrived: Time, entered: Option<Entered>) -> Self {
        Self { probe, arrived: Some(arrived), released: arrived, entered, blocked_by: None, cause: None }
    }

    /// A message of a stream that is read in order. `own` is known from the link: when and how its last byte arrived.
    /// So is `latest`: of the messages before it, the one that arrived last.
    pub(crate) fn forwarded(
        probe: Probe,
        own: (Time, Passage),
        latest: Option<(MessageId, Time, Passage)>,
    ) -> Self {
        let (arrived, own) = own;
        let blocker = latest.filter(|(_, at, _)| *at > arrived);
        Self {
            probe,
            arrived: Some(arrived),
            released: blocker.map_or(arrived, |(_, at, _)| at),
            entered: Some(own.into()),
            blocked_by: blocker.map(|(id, ..)| id),
            cause: blocker.map(|(.., passage)| Cause::of(&passage, &own)),
        }
    }

    /// A message of a stream. `passage` tells how the byte at an offset arrived, if the path knows.
    pub(crate) fn in_order(release: &Release, passage: impl Fn(u64) -> Option<Passage>) -> Self {
        let own = passage(release.last);
        let blocker = release.blocker.and_then(|blocker| passage(blocker.last));
        Self {
            probe: release.probe,
            arrived: Some(release.arrived),
            released: release.released,
            entered: own.map(Entered::from),
            blocked_by: release.blocker.map(|blocker| blocker.id),
            cause: blocker.zip(own).map(|(blocker, own)| Cause::of(&blocker, &own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::Stamp;

    fn passage(first: u64, copy: u64, dropped: bool) -> Passage {
        let stamp = |packet| Stamp { packet, at: Time::from_nanos(packet) };
        Passage { first: stamp(first), copy: stamp(copy), queued: Duration::ZERO, dropped }
    }

    #[test]
    fn bytes_of_a_dropped_packet_block_by_loss() {
        assert_eq!(Cause::of(&passage(1, 5, true), &passage(2, 2, false)), Cause::Loss);
    }

    #[test]
    fn bytes_sent_earlier_and_not_dropped_were_overtaken() {
        assert_eq!(Cause::of(&passage(1, 1, false), &passage(2, 2, false)), Cause::Reorder);
        // Declared lost and sent again, and the second copy arrived first: it was overtaken too.
        assert_eq!(Cause::of(&passage(1, 9, false), &passage(2, 2, false)), Cause::Reorder);
    }

    #[test]
    fn bytes_sent_later_came_later_by_the_senders_choice() {
        assert_eq!(Cause::of(&passage(3, 3, false), &passage(2, 2, false)), Cause::Sender);
    }
}
