//! A window that nothing changes: what remains then is recovery and order.

use super::{Acked, Controller};

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
