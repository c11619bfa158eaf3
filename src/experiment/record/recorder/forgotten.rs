//! Messages that are no longer held: those that have settled, and those that were not delivered, because they were not
//! sent, lost, not finished, or unknown.

use super::{Message, Recorder, State};
use crate::{
    experiment::{
        record::{
            observe::{Sample, Status},
            outcome::Outcome,
        },
        workload::Scheduled,
    },
    unit::{Time, nanos},
};

impl Recorder {
    /// A unit was due after its connection had broken.
    pub(in crate::experiment) fn not_sent(&self, scheduled: Scheduled) {
        if !scheduled.measured {
            return;
        }
        let mut state = self.0.lock();
        state.outcome.messages.scheduled += u64::from(scheduled.count);
        let status = if state.remote.is_some() { Status::Unknown } else { Status::Unfinished };
        for message in scheduled.messages() {
            state.count(status);
            let id = state.workload.id(message.number);
            let unsent = Message::new(message, message.due);
            state.show(|| Sample { sent: None, ..unsent.sample(id, status) });
        }
    }

    /// Ends the record and gives up all messages that have not come back. `is_gone` if the connection broke.
    pub(in crate::experiment) fn finish(&self, is_gone: bool) -> Outcome {
        let mut state = self.0.lock();
        let is_gone = is_gone && state.remote.is_some();
        while let Some((_, message)) = state.late.pop_first() {
            state.give_up(&message, is_gone);
        }
        while let Some(message) = state.under_way.pop_front() {
            state.give_up(&message, is_gone);
        }
        let alive = state.last_reply.or(state.begun).filter(|_| is_gone);
        state.outcome.server_gone = alive.zip(state.begun).map(|(alive, begun)| alive.since(begun));
        std::mem::take(&mut state.outcome)
    }
}

impl State {
    /// Forgets messages at the front that have settled. Of datagrams, [`State::set_old_aside`] does.
    pub(super) fn forget_settled(&mut self) {
        while self.under_way.front().is_some_and(|message| message.settled && !self.datagrams) {
            self.under_way.pop_front();
            self.first += 1;
        }
    }

    /// Sets old datagrams aside that have not come back. Those that have settled are forgotten.
    pub(super) fn set_old_aside(&mut self, now: Time, mut settled: impl FnMut() -> Option<Time>) {
        if !self.datagrams {
            return;
        }
        let recent = nanos(self.workload.wait.most);
        while self.under_way.front().is_some_and(|front| now.nanos_since(front.scheduled.due) > recent) {
            let Some(message) = self.under_way.pop_front() else { return };
            if !message.settled {
                self.late.insert(self.first, message);
                self.give_up_lost(&mut settled);
            }
            self.first += 1;
        }
    }

    /// Gives up datagrams that can no longer come back, so that those that were lost do not need memory.
    fn give_up_lost(&mut self, settled: impl FnOnce() -> Option<Time>) {
        // A message of a game may be sent by the server, and does not count if the server has not begun.
        if !self.enters_at_once || self.workload.application.game().is_some() {
            return;
        }
        let Some(settled) = settled() else { return };
        while let Some(oldest) = self.late.first_entry().filter(|oldest| oldest.get().sent < settled) {
            let lost = oldest.remove();
            self.give_up(&lost, false);
        }
    }

    /// A message will not come back; `is_gone` if its server went away.
    pub(super) fn give_up(&mut self, message: &Message, is_gone: bool) {
        if message.settled {
            return;
        }
        if !message.scheduled.measured {
            return;
        }
        if self.is_before_server(message) {
            self.outcome.messages.scheduled -= 1;
            self.outcome.messages.sent -= 1;
            return;
        }
        let status = match self.datagrams {
            // The server lived when it got the last message that it answered: those before are lost.
            true if is_gone && message.scheduled.number >= self.next_expected.to_client => Status::Unknown,
            true if self.stopped_waiting => Status::Unfinished,
            true => Status::Lost,
            false if is_gone => Status::Unknown,
            false if message.sent < self.abandoned_before => Status::Lost,
            false => Status::Unfinished,
        };
        self.count(status);
        if status == Status::Lost {
            self.note_lost(message);
        }
        let id = self.workload.id(message.scheduled.number);
        self.show(|| message.sample(id, status));
    }

    /// Counts a message that was not delivered.
    fn count(&mut self, status: Status) {
        let messages = &mut self.outcome.messages;
        match status {
            Status::Delivered => {}
            Status::Lost => messages.lost += 1,
            Status::Unfinished => messages.unfinished += 1,
            Status::Unknown => messages.unknown += 1,
        }
    }

    /// Counts a lost datagram in the direction in which it was lost, if that is known.
    pub(super) fn note_lost(&mut self, message: &Message) {
        let reached = match self.remote {
            // In a game, the server's messages are those of the second flow.
            None if !self.workload.application.is_answered() => {
                let is_own = self.workload.id(message.scheduled.number).flow > 0;
                Some(self.workload.application.game().is_some() && is_own)
            }
            None => Some(message.at_server.is_some()),
            Some(_) => message.reached,
        };
        let network = &mut self.outcome.network;
        match reached {
            Some(false) => network.ways.to_server.lost += 1,
            Some(true) => network.ways.to_client.lost += 1,
            None => network.unattributed += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{experiment::workload::Workload, transport::Transport, unit::Time};

    #[test]
    fn lost_datagrams_are_held_only_as_long_as_they_may_come_back() {
        const MESSAGES: u64 = 10_000;
        let held = |knows: bool| {
            let workload = Workload::usual(Duration::from_secs(1));
            let recorder = Recorder::new(Transport::UDP, workload, Duration::ZERO, true, None);
            for number in 0..MESSAGES {
                let due = Time::from_nanos(number * 10_000_000);
                let settled = Time::from_nanos(due.as_nanos().saturating_sub(50_000_000));
                let scheduled = Scheduled { number, count: 1, last: None, due, needed: due, measured: true };
                recorder.sent(scheduled, due, || knows.then_some(settled));
            }
            let held = recorder.0.lock().late.len();
            assert_eq!(recorder.finish(false).messages.lost, MESSAGES);
            held
        };
        // Those of the last four seconds are under way.
        assert_eq!((held(true), held(false)), (0, 9_599));
    }
}
