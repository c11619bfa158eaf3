//! Messages without a reply: they end at the first end that they reach.

use super::{Message, Recorder, State};
use crate::{
    channel::Delivery,
    experiment::record::{
        blocking::Held,
        budget::{Budget, Parts},
        observe::{Sample, Status},
    },
    unit::Direction,
    wire::MessageId,
};

impl Recorder {
    /// The server of a game sends its first update. It could not send those before, because it begins with the first
    /// update that it receives.
    pub(in crate::experiment) fn server_begins(&self, first: MessageId) {
        let mut state = self.0.lock();
        let number = state.workload.number(first);
        state.first_of_server.get_or_insert(number);
    }
}

impl State {
    /// Whether it is an update of a server that had not begun.
    pub(super) fn is_before_server(&self, message: &Message) -> bool {
        let number = message.scheduled.number;
        self.workload.application.game().is_some()
            && self.workload.id(number).flow > 0
            && self.first_of_server.is_some_and(|first| number < first)
    }

    /// A message without a reply has reached the other end.
    pub(super) fn on_one_way(&mut self, number: u64, delivery: &Delivery, way: Direction) {
        if number >= self.first + self.under_way.len() as u64 {
            self.early.push((number, *delivery, way));
            return;
        }
        let Some(message) = self.settle(number) else {
            return;
        };
        self.on_end(&message, delivery, way);
        if message.scheduled.measured {
            let budget = Parts::one_way(message.scheduled.due, delivery);
            self.note_budget(budget);
            let held = Held::of(delivery);
            self.outcome.order.note(held);
            self.outcome.order_by_direction[way].note(held);
            self.note_stall(way, delivery);
            let sample = message.sample(self.workload.id(number), Status::Delivered);
            let (server, client) = match way {
                Direction::ToServer => (Some(*delivery), None),
                Direction::ToClient => (None, Some(*delivery)),
            };
            self.show(|| Sample { server, client, budget: budget.map(Budget::from), ..sample });
        }
        self.forget_settled();
    }
}
