//! Scratch.
use std::time::Duration;
use wirelab::experiment::*;
use wirelab::link::LinkSpec;
use wirelab::transport::{Transport, quic::Congestion};

#[test]
fn try_it() {
    for transport in Transport::ALL {
        let mut link = LinkSpec::default();
        link.apply_pairs("delay=50ms").unwrap();
        let mut lossy = link.clone();
        if let Ok(l) = std::env::var("LOSS") { lossy.apply_pairs(&format!("loss={l}")).unwrap(); }
        let workload = Workload { flows: 8, interval: Duration::from_millis(10), length: 1000, reply_length: 1000,
            arrivals: Arrivals::Isochronous, warmup: Duration::from_secs(0), duration: Duration::from_secs(2), wait: Wait { times: 3, most: Duration::from_secs(4) }, deadline: Duration::from_millis(200) };
        let plan = Plan { path: PathKind::Sim, transport, links: [lossy, link], workload, congestion: Congestion::Cubic };
        match run_netns(&plan, 1) {
            Ok(o) => println!("{transport}: {:?} lat {:?} budget {:?} order {} {:?} {:?} wire {:?}", o.messages, o.latency.summary(), o.budget, o.order.blocked, o.client, o.server, o.wire),
            Err(e) => println!("{transport}: {e}"),
        }
    }
}
