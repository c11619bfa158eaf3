//! The receive window and the send buffer of an ARQ connection.

use std::{convert::Infallible, time::Duration};

use super::connection::ArqConnection;
use crate::{
    path::Host,
    transport::windows::{Share, Window, WindowMemory, look_regularly},
    unit::Time,
};

/// Approximate payload of a segment.
pub(crate) const SEGMENT_BYTES: u64 = 1000;

/// The receive window and the send buffer of one connection, which grow as they fill.
#[derive(Debug)]
pub struct ArqWindows<'a> {
    connection: &'a ArqConnection,
    /// In bytes.
    send: Window,
    /// In segments.
    receive: Window,
    memory: Share,
}

impl<'a> ArqWindows<'a> {
    /// Those of `connection` as they are now, which may grow up to `max_window` bytes each, within `memory`.
    pub fn new(connection: &'a ArqConnection, max_window: u64, memory: &WindowMemory) -> Self {
        let (send_buffer, receive_window) = connection.windows();
        Self {
            connection,
            send: Window::new(send_buffer as u64, max_window),
            receive: Window::new(receive_window, max_window / SEGMENT_BYTES),
            memory: Share::new(memory),
        }
    }

    /// Grows them until it is dropped.
    pub async fn grow(mut self, host: &dyn Host) -> Infallible {
        look_regularly(host, |now| self.look(now)).await
    }

    /// Returns the segments received in order and the round trip.
    fn look(&mut self, now: Time) -> (u64, Duration) {
        let (received, rtt, congestion_window) = self.connection.load();
        // As for QUIC: the congestion window has to fit twice.
        let wanted = congestion_window.saturating_mul(2);
        let before = self.send.size;
        while self.send.size < wanted && self.send.may_grow() && self.memory.take(self.send.size) {
            self.send.size = self.send.doubled();
        }
        if self.send.size > before {
            self.connection.set_send_buffer(usize::try_from(self.send.size).unwrap_or(usize::MAX));
        }
        // Half of the window within a round trip. A lost segment holds the window back for one more.
        if self.receive.is_filling(now, rtt, received.saturating_mul(2))
            && self.memory.take(self.receive.size.saturating_mul(SEGMENT_BYTES))
        {
            self.receive.size = self.receive.doubled();
            self.connection.grow_receive_window(self.receive.size);
        }
        (received, rtt)
    }
}
