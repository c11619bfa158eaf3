//! Traces what the kernel reports of its TCP connections.

use std::sync::Arc;

use crate::{
    path::{Connected, Host, KernelTcp, Side, TcpInfo, TcpRetransmissions},
    trace::{TcpEnd, TcpTracer},
};

/// The connection of `side`. Each state that the kernel reports of it also goes to `tracer`.
pub(super) fn traced(
    connected: Connected,
    host: &Arc<dyn Host>,
    side: Side,
    tracer: Option<&Arc<dyn TcpTracer>>,
) -> Connected {
    let (local, peer) = (connected.local, connected.peer);
    let (client, server) = match side {
        Side::Client => (local, peer),
        Side::Server => (peer, local),
    };
    let end = TcpEnd { side, client, server };
    let trace = |kernel| match tracer {
        Some(tracer) => Box::new(TracedKernel { kernel, host: host.clone(), end, tracer: tracer.clone() })
            as Box<dyn KernelTcp>,
        None => kernel,
    };
    Connected { kernel: connected.kernel.map(trace), ..connected }
}

#[derive(Debug)]
struct TracedKernel {
    kernel: Box<dyn KernelTcp>,
    host: Arc<dyn Host>,
    end: TcpEnd,
    tracer: Arc<dyn TcpTracer>,
}

impl KernelTcp for TracedKernel {
    fn info(&self) -> Option<TcpInfo> {
        let info = self.kernel.info()?;
        self.tracer.record(self.host.now(), &self.end, &info);
        Some(info)
    }

    fn fast_recoveries(&self) -> Option<u64> {
        self.kernel.fast_recoveries()
    }

    fn retransmissions(&self) -> Option<TcpRetransmissions> {
        self.kernel.retransmissions()
    }
}
