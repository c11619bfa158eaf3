//! How long packets waited in the queues of a link.

use std::{sync::Arc, time::Duration};

use super::observer::{Exit, Observer, PacketView};
use crate::{
    link::LinkSpec,
    stats::Histogram,
    unit::{Direction, Mutex, PerDirection, nanos},
};

/// Measures the queueing delay of every packet that a link transmits, in the order in which packets leave it. Clones
/// share the measurements.
///
/// The delay is the time from the offer of a packet until the link begins to transmit it. Packets that the queue
/// dropped do not count. A packet that the link duplicated counts once.
#[derive(Debug, Clone)]
pub struct QueueMeter(Arc<Mutex<QueueDelays>>);

/// Queueing delays in nanoseconds; `None` in a direction without a rate, where no packet waits.
pub type QueueDelays = PerDirection<Option<Histogram>>;

impl QueueMeter {
    /// A meter for `links`; `None` if no direction has a rate.
    pub fn new(links: &PerDirection<LinkSpec>) -> Option<Self> {
        let delays = links.as_ref().map(|link| link.has_bottleneck().then(Histogram::new));
        let has_queue = delays.iter().any(Option::is_some);
        has_queue.then(|| Self(Arc::new(Mutex::new(delays))))
    }

    /// Discards all measurements so far.
    pub(crate) fn restart(&self) {
        for delays in self.0.lock().iter_mut().flatten() {
            *delays = Histogram::new();
        }
    }

    /// A packet of this `direction`, which waited for `delay`, has left the link.
    pub(crate) fn left(&self, direction: Direction, delay: Duration, exit: Exit) {
        let was_sent = match exit {
            Exit::Arrived { more, .. } => !more,
            Exit::Dropped(reason) => reason.is_behind_bottleneck(),
        };
        if was_sent && let Some(delays) = &mut self.0.lock()[direction] {
            delays.record(nanos(delay));
        }
    }

    /// The delays of the packets that have left the link since the start.
    pub fn delays(&self) -> QueueDelays {
        self.0.lock().clone()
    }
}

impl Observer for QueueMeter {
    fn entered(&mut self, _packet: &PacketView<'_>) {}

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        QueueMeter::left(self, packet.direction, packet.queue.delay, exit);
    }

    fn reads_ciphertext(&self) -> bool {
        false
    }
}
