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
pub(crate) struct ArqWindows<'a> {
    connection: &'a ArqConnection,
    /// In bytes.
    send: Window,
    /// In segments.
    receive: Window,
    memory: Share,
}

impl<'a> ArqWindows<'a> {
    /// The window and the buffer of `connection`. Each may grow to `max_window` bytes, while `memory` lasts.
    pub(crate) fn new(connection: &'a ArqConnection, max_window: u64, memory: &WindowMemory) -> Self {
        let (send_buffer, receive_window) = connection.windows();
        Self {
            connection,
            send: Window::new(send_buffer as u64, max_window),
            receive: Window::new(receive_window, max_window / SEGMENT_BYTES),
            memory: Share::new(memory),
        }
    }

    /// Grows both until the future is dropped.
    pub(crate) async fn grow(mut self, host: &dyn Host) -> Infallible {
        look_regularly(host, |now| self.look(now)).await
    }

    /// Grows both if they limit the connection. Returns the load for [`look_regularly`]: the segments received in order
    /// so far, and the round-trip time.
    fn look(&mut self, now: Time) -> (u64, Duration) {
        let (received, rtt, congestion_window) = self.connection.load();
        // Room for two congestion windows, as for QUIC.
        let wanted = congestion_window.saturating_mul(2);
        if self.send.grow_to(wanted, &mut self.memory) {
            self.connection.set_send_buffer(usize::try_from(self.send.size).unwrap_or(usize::MAX));
        }
        // Grow when half of the window arrives within a round trip: after a loss, it does not move for another one.
        let twice = received.saturating_mul(2);
        if self.receive.grow_if_filling(now, rtt, twice, SEGMENT_BYTES, &mut self.memory) {
            self.connection.grow_receive_window(self.receive.size);
        }
        (received, rtt)
    }
}
