//! The windows and stream limits of a QUIC connection.

use std::time::Duration;

use quinn::{Connection, VarInt};

use super::settings::QuicLimits;
use crate::{
    path::Host,
    transport::windows::{Share, Window, WindowMemory, look_regularly},
    unit::Time,
};

/// Memory for a stream that the peer may open: quinn's state and the task that answers it.
const STREAM_BYTES: u64 = 2 << 10;

/// The windows of one connection.
pub(crate) struct Windows {
    connection: Connection,
    send: Window,
    receive: Window,
    streams: Window,
    memory: Share,
}

impl Windows {
    /// Windows of `connection` that begin at `limits` and grow within `memory`.
    pub(crate) fn new(connection: &Connection, limits: &QuicLimits, memory: &WindowMemory) -> Self {
        let QuicLimits { max_window, max_streams, .. } = *limits;
        Self {
            connection: connection.clone(),
            send: Window::new(limits.send_buffer, max_window),
            receive: Window::new(limits.receive_window, max_window),
            streams: Window::new(limits.streams.into(), max_streams.into()),
            memory: Share::new(memory),
        }
    }

    /// Grows the windows until the connection ends. `opened` counts the streams that the peer has opened.
    pub(crate) async fn grow(mut self, host: &dyn Host, opened: impl Fn() -> u64) {
        let connection = self.connection.clone();
        tokio::select! {
            biased;
            _ = connection.closed() => {}
            never = look_regularly(host, |now| self.look(now, opened())) => match never {},
        }
    }

    /// Grows the windows if they limit the connection. Returns the load for [`look_regularly`]: the bytes received so
    /// far, and the round-trip time.
    fn look(&mut self, now: Time, opened: u64) -> (u64, Duration) {
        let stats = self.connection.stats();
        let (received, rtt) = (stats.udp_rx.bytes, stats.path.rtt);
        // Room for two congestion windows: one in flight, and one to send as the first is acknowledged.
        let wanted = stats.path.cwnd.saturating_mul(2);
        if self.send.grow_to(wanted, &mut self.memory) {
            self.connection.set_send_window(self.send.size);
        }
        // Grow when half of the window arrives within a round trip, before the window limits the sender.
        if self.receive.grow_if_filling(now, rtt, received.saturating_mul(2), 1, &mut self.memory) {
            self.connection.set_receive_window(var_int(self.receive.size));
        }
        // A stream is open for two round trips, one for the request and one until its reply is acknowledged.
        if self.streams.grow_if_filling(now, rtt, opened.saturating_mul(4), STREAM_BYTES, &mut self.memory) {
            self.connection.set_max_concurrent_bi_streams(var_int(self.streams.size));
            self.connection.set_max_concurrent_uni_streams(var_int(self.streams.size));
        }
        (received, rtt)
    }
}

fn var_int(n: u64) -> VarInt {
    VarInt::from_u64(n).unwrap_or(VarInt::MAX)
}
