//! Since when packets can still be on the wire.

use crate::unit::Time;

/// Counts the packets on the wire by the period of time in which they entered. A period ends when it is asked for, and
/// all packets of the period before have left.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The packets of the current period and of the one before, by [`Period`].
    counts: [u64; 2],
    current: Period,
    /// When the current period and those before began, the latest first.
    begun: [Time; 5],
}

/// The period in which a packet entered: two are told apart.
pub(crate) type Period = u8;

impl InFlight {
    /// A packet enters the wire.
    pub(crate) fn enter(&mut self) -> Period {
        self.counts[usize::from(self.current)] += 1;
        self.current
    }

    /// The last copy of a packet leaves it.
    pub(crate) fn leave(&mut self, period: Period) {
        self.counts[usize::from(period)] -= 1;
    }

    /// Packets that entered before this instant have left and been read, and so have their answers, if those entered
    /// the wire at the instant of the arrival.
    ///
    /// When a period begins, all packets have left that entered before the last one began. Of the packets that entered
    /// before the period that is fourth from the end, answers entered in the third from the end at the latest. They
    /// arrived when the current one began, or before.
    pub(crate) fn settled_before(&mut self, now: Time) -> Time {
        let before = 1 - self.current;
        if self.counts[usize::from(before)] == 0 && now > self.begun[0] {
            self.begun.rotate_right(1);
            self.begun[0] = now;
            self.current = before;
        }
        self.begun[4]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn a_packet_on_the_wire_holds_the_periods_that_follow_its_own() {
        let mut wire = InFlight::default();
        let settled = |wire: &mut InFlight, now| wire.settled_before(at(now)).as_nanos();
        let stays = wire.enter();
        assert_eq!(settled(&mut wire, 10), 0);
        let passes = wire.enter();
        (20..30).for_each(|now| assert_eq!(settled(&mut wire, now), 0, "the first is on its way"));
        wire.leave(stays);
        assert_eq!(settled(&mut wire, 30), 0);
        assert_eq!(settled(&mut wire, 40), 0, "the second is on its way");
        wire.leave(passes);
        assert_eq!([40, 40, 50, 60].map(|now| settled(&mut wire, now)), [0, 0, 0, 10]);
    }
}
