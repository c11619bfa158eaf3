//! Each case of a managed queue notices a queue with a broken control law.

use super::super::{CASES, wire::fates_on};
use super::{Fate, Offer, Wire};
use crate::{
    experiment::{Outcome, Plan, RunError},
    link::{
        LinkSpec,
        broken::{self, Fault},
    },
    unit::Time,
    verify::RealWire,
};

struct Broken(Fault);

impl Wire for Broken {
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        RealWire.arrivals(spec, seed, offers)
    }

    fn fates(&self, spec: LinkSpec, seed: u64, offers: &[Offer]) -> Vec<Fate> {
        fates_on(broken::link(spec, seed, self.0), offers.iter().copied())
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        RealWire.run(plan, seed)
    }
}

#[test]
fn a_broken_control_law_is_noticed_by_the_case_of_its_discipline_alone() {
    let queues = || CASES.iter().filter(|case| (14..=18).contains(&case.number));
    assert!(queues().all(|case| case.verdict(&RealWire).passed));
    for (fault, noticed_by) in [
        (Fault::CodelGap, 14),
        (Fault::CodelCount, 14),
        (Fault::FqCodelPriority, 16),
        (Fault::PieScale, 17),
        (Fault::RedSpread, 18),
        (Fault::RedWeight, 18),
    ] {
        let failing: Vec<u8> =
            queues().filter(|case| !case.verdict(&Broken(fault)).passed).map(|case| case.number).collect();
        assert!(failing.contains(&noticed_by), "{fault:?}: {failing:?}");
        // A standing queue is CoDel's second case.
        assert!(
            failing.iter().all(|case| *case == noticed_by || noticed_by + *case == 29),
            "{fault:?}: {failing:?}"
        );
    }
}
