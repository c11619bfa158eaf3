//! Messages without a reply: they end at the first end that they reach.

use super::State;
use crate::{
    channel::Delivery,
    experiment::record::{
        blocking::Held,
        budget::Budget,
        observe::{Sample, Status},
    },
    unit::Direction,
};

impl State {
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
            let budget = Budget::one_way(message.scheduled.due, delivery);
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
            self.show(|| Sample { server, client, budget, ..sample });
        }
        self.forget_settled();
    }
}
