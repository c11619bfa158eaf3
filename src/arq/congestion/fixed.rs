//! A constant window, which isolates loss recovery and ordering from congestion control.

use super::controller::{Acked, Controller};

#[derive(Debug)]
pub(super) struct Fixed(pub(super) u64);

impl Controller for Fixed {
    fn on_ack(&mut self, _: Acked) {}
    fn on_loss(&mut self) {}
    fn on_timeout(&mut self, _: u64) {}
    fn window(&self) -> u64 {
        self.0
    }
}
