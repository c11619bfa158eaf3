//! Where the time of a message went.

use std::time::Duration;

use proptest::prelude::*;
use wirelab::{
    channel::{Delivery, Entered},
    experiment::{AtServer, Budget},
    unit::Time,
    wire::{MessageId, Probe},
};

fn delivery(due: u64, [first, copy, arrived, released]: [u64; 4]) -> Delivery {
    let at = Time::from_nanos;
    Delivery {
        probe: Probe::new(MessageId { flow: 0, seq: 0 }, at(due)),
        arrived: Some(at(arrived)),
        released: at(released),
        entered: Some(Entered {
            first: at(first),
            copy: at(copy),
            queued: Duration::from_nanos((arrived - copy) / 2),
        }),
        blocked_by: None,
        cause: None,
    }
}

proptest! {
    #[test]
    fn the_parts_add_up_to_the_latency_whatever_the_instants(
        mut instants in prop::collection::vec(0u64..1 << 40, 10),
    ) {
        instants.sort_unstable();
        let [due, f, e, a, r, replied, f2, e2, a2, r2] = instants[..] else { unreachable!() };
        let request = AtServer {
            delivery: delivery(due, [f, e, a, r]), replied: Time::from_nanos(replied),
        };
        let budget = Budget::of(Time::from_nanos(due), &request, &delivery(due, [f2, e2, a2, r2]));
        let budget = budget.expect("every instant is known");
        prop_assert_eq!(budget.total(), Duration::from_nanos(r2 - due));
        prop_assert_eq!(budget.queue, Duration::from_nanos((a - e) / 2 + (a2 - e2) / 2));
        prop_assert_eq!(budget.recovery, Duration::from_nanos(e - f + e2 - f2));
        prop_assert_eq!(budget.host, Duration::from_nanos(replied - r));
    }
}

#[test]
fn what_a_path_hides_leaves_no_budget() {
    let request = AtServer {
        delivery: Delivery { entered: None, ..delivery(0, [1, 2, 3, 4]) },
        replied: Time::from_nanos(4),
    };
    assert_eq!(Budget::of(Time::ZERO, &request, &delivery(0, [5, 6, 7, 8])), None);
}
