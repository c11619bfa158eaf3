//! A host as quinn's runtime.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use quinn::{AsyncTimer, Runtime};
use web_time::Instant;

use super::{BoxFuture, Host, Sleep, Timers};
use crate::unit::Time;

/// The runtime of QUIC sockets of `host`: its clock, timers and tasks.
pub fn quinn_runtime(host: Arc<dyn Host>) -> Arc<dyn Runtime> {
    let (timers, origin) = (host.timers().clone(), host.origin());
    Arc::new(QuinnRuntime { host, timers, origin })
}

#[derive(Debug)]
struct QuinnRuntime {
    host: Arc<dyn Host>,
    timers: Arc<Timers>,
    origin: Instant,
}

impl QuinnRuntime {
    fn time(&self, instant: Instant) -> Time {
        Time::ZERO + instant.saturating_duration_since(self.origin)
    }
}

impl Runtime for QuinnRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer { origin: self.origin, sleep: self.host.sleep_until(self.time(at)) })
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.host.spawn("a quinn driver", future);
    }

    // In a build for browsers, the trait does not have this method.
    #[cfg(not(target_family = "wasm"))]
    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> std::io::Result<Arc<dyn quinn::AsyncUdpSocket>> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "sockets come from Host::quic_bind"))
    }

    fn now(&self) -> Instant {
        self.origin + (self.timers.now() - Time::ZERO)
    }
}

#[derive(Debug)]
struct Timer {
    origin: Instant,
    sleep: Sleep,
}

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        let at = Time::ZERO + at.saturating_duration_since(self.origin);
        self.sleep.reset(at);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Future::poll(Pin::new(&mut self.sleep), cx)
    }
}
