//! `wirelab verify` passes on the real wire and detects each fault of a wire.
//!
//! Each test breaks the wire in one way and names exactly the cases that must fail.

use std::{collections::VecDeque, time::Duration};

use wirelab::{
    experiment::{
        Outcome, Plan, RunError,
        page::{PageOutcome, PagePlan},
    },
    link::{Aqm, GilbertElliott, LinkSpec, Loss, QueueLimit},
    transport::Transport,
    unit::{Mutex, Share, Time},
    verify::{CASES, Case, Fate, Offer, RealWire, Wire, verify},
};

/// A wire with links that differ from the requested ones.
struct Bent {
    /// Changes a single direction.
    alone: fn(&mut LinkSpec),
    /// Changes the plan of a run, given its seed.
    run: fn(&mut Plan, u64),
}

impl Wire for Bent {
    fn arrivals(&self, mut spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        (self.alone)(&mut spec);
        RealWire.arrivals(spec, seed, offers)
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        let mut plan = plan.clone();
        (self.run)(&mut plan, seed);
        RealWire.run(&plan, seed)
    }
}

/// Changes every link in the same way.
struct Everywhere(fn(&mut LinkSpec));

impl Wire for Everywhere {
    fn arrivals(&self, mut spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        (self.0)(&mut spec);
        RealWire.arrivals(spec, seed, offers)
    }

    fn fates(&self, mut spec: LinkSpec, seed: u64, offers: &[Offer]) -> Vec<Fate> {
        (self.0)(&mut spec);
        RealWire.fates(spec, seed, offers)
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        let mut plan = plan.clone();
        plan.links.iter_mut().for_each(self.0);
        RealWire.run(&plan, seed)
    }
}

fn straight(_: &mut LinkSpec) {}
fn untouched(_: &mut Plan, _: u64) {}

/// Cases with many seeds take by far the longest. Only the tests about them run them.
fn is_long(case: &Case) -> bool {
    case.setting.contains("seeds") || is_of_order(case)
}

/// The cases of blocking against its closed form, over 30 seeds.
fn is_of_order(case: &Case) -> bool {
    matches!(case.number, 6 | 7 | 8 | 10)
}

/// Numbers of the cases that fail on `wire`.
fn failing(wire: &dyn Wire, which: impl Fn(&Case) -> bool) -> Vec<u8> {
    let cases: Vec<Case> = CASES.iter().filter(|case| which(case)).copied().collect();
    let failing = Mutex::new(Vec::new());
    verify(wire, &cases, |index, verdict| {
        if !verdict.passed {
            failing.lock().push((index, verdict.case));
        }
    });
    let mut failing = failing.into_inner();
    failing.sort_unstable();
    failing.into_iter().map(|(_, case)| case).collect()
}

fn fails(wire: &dyn Wire) -> Vec<u8> {
    failing(wire, |case| !is_long(case))
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

#[test]
fn the_wire_as_it_is_passes() {
    assert_eq!(failing(&RealWire, |_| true), [0u8; 0]);
}

#[test]
fn twice_the_loss_is_noticed() {
    let doubled = Everywhere(|spec| {
        if spec.loss == Loss::Independent(share("1%")) {
            spec.loss = Loss::Independent(share("2%"));
        }
    });
    assert_eq!(fails(&doubled), [1, 1, 1, 5, 18]);
}

#[test]
fn twice_the_loss_is_noticed_by_every_case_of_blocking() {
    let doubled = Everywhere(|spec| match spec.loss {
        Loss::Independent(loss) if loss == share("1%") => spec.loss = Loss::Independent(share("2%")),
        Loss::Independent(loss) if loss == share("2%") => spec.loss = Loss::Independent(share("4%")),
        _ => {}
    });
    assert_eq!(failing(&doubled, is_of_order), [6, 7, 8, 10, 10]);
}

#[test]
fn a_longer_way_back_is_noticed_by_every_case_of_blocking() {
    let longer =
        Bent { alone: straight, run: |plan, _| plan.links.to_client.delay += Duration::from_millis(20) };
    assert_eq!(failing(&longer, is_of_order), [6, 7, 8, 10, 10]);
}

#[test]
fn loss_in_one_direction_only_is_noticed() {
    let one_sided = Bent { alone: straight, run: |plan, _| plan.links.to_client.loss = Loss::NONE };
    assert_eq!(fails(&one_sided), [1, 1, 1]);
}

#[test]
fn a_wrong_chance_to_leave_the_bad_state_is_noticed() {
    let stickier = Everywhere(|spec| {
        if let Loss::GilbertElliott(chain) = &mut spec.loss {
            chain.r = if chain.r == share("14%") { share("10%") } else { share("7%") };
        }
    });
    assert_eq!(fails(&stickier), [2, 4]);
}

#[test]
fn a_small_chance_that_was_rounded_is_noticed() {
    let rounded = Everywhere(|spec| {
        if let Loss::GilbertElliott(chain) = &mut spec.loss
            && chain.p == share("0.07%")
        {
            chain.p = share("0.1%");
        }
    });
    assert_eq!(fails(&rounded), [2]);
}

#[test]
fn swapped_h_and_k_are_noticed() {
    let swapped = Everywhere(|spec| {
        if let Loss::GilbertElliott(GilbertElliott { h, k, .. }) = &mut spec.loss
            && !h.is_zero()
        {
            std::mem::swap(h, k);
        }
    });
    assert_eq!(fails(&swapped), [4]);
}

/// The loss ratio stays right; the state in which packets are lost is wrong.
#[test]
fn loss_in_the_wrong_state_is_noticed() {
    let blurred = Everywhere(|spec| {
        if let Loss::GilbertElliott(GilbertElliott { h, k, .. }) = &mut spec.loss
            && !h.is_zero()
        {
            // 0.1 x 84.7% + 1 x 0.03%, in place of 0.1 x 80% + 1 x 0.5%.
            (*h, *k) = (share("15.3%"), share("99.97%"));
        }
    });
    assert_eq!(fails(&blurred), [4]);
}

/// A queue that counts packets in propagation, too.
struct CrampedQueue;

impl Wire for CrampedQueue {
    fn arrivals(&self, mut spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        let QueueLimit::Packets(limit) = spec.queue else { return RealWire.arrivals(spec, seed, offers) };
        spec.queue = QueueLimit::Unlimited;
        let mut arrivals = RealWire.arrivals(spec, seed, offers);
        let mut under_way = VecDeque::<Time>::new();
        for (arrival, (now, _)) in arrivals.iter_mut().zip(offers) {
            while under_way.front().is_some_and(|at| at <= now) {
                under_way.pop_front();
            }
            if under_way.len() as u64 >= limit {
                *arrival = None;
            }
            under_way.extend(*arrival);
        }
        arrivals
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        RealWire.run(plan, seed)
    }
}

#[test]
fn a_queue_that_also_counts_what_propagates_is_noticed() {
    assert_eq!(fails(&CrampedQueue), [3]);
}

#[test]
fn a_rate_of_a_twentieth_more_is_noticed() {
    let faster = Everywhere(|spec| {
        spec.rate = spec.rate.map(|rate| {
            let bits = rate.bits_per_second();
            format!("{}bit", bits + bits / 20).parse().unwrap()
        });
    });
    assert_eq!(fails(&faster), [3, 14, 15, 17, 18]);
}

#[test]
fn a_codel_with_another_interval_or_target_is_noticed() {
    let slower = Everywhere(|spec| {
        if let Aqm::Codel(codel) = &mut spec.aqm {
            codel.interval += Duration::from_millis(2);
        }
    });
    assert_eq!(fails(&slower), [14]);
    let patient = Everywhere(|spec| {
        if let Aqm::Codel(codel) = &mut spec.aqm {
            codel.target += Duration::from_millis(1);
        }
    });
    assert_eq!(fails(&patient), [14, 15]);
}

#[test]
fn flows_that_share_a_queue_are_noticed() {
    let shared = Everywhere(|spec| {
        if let Aqm::FqCodel(fq_codel) = &mut spec.aqm {
            fq_codel.flows = 1;
        }
    });
    assert_eq!(fails(&shared), [16]);
}

#[test]
fn a_pie_with_another_target_is_noticed() {
    let lax = Everywhere(|spec| {
        if let Aqm::Pie(pie) = &mut spec.aqm {
            pie.target += Duration::from_millis(2);
        }
    });
    assert_eq!(fails(&lax), [17]);
}

#[test]
fn a_red_with_other_thresholds_or_another_probability_is_noticed() {
    let longer = Everywhere(|spec| {
        if let Aqm::Red(red) = &mut spec.aqm {
            red.max += 2;
        }
    });
    assert_eq!(fails(&longer), [18]);
    let eager = Everywhere(|spec| {
        if let Aqm::Red(red) = &mut spec.aqm {
            red.probability = share("20%");
        }
    });
    assert_eq!(fails(&eager), [18]);
}

#[test]
fn a_queue_that_nothing_manages_is_noticed() {
    assert_eq!(fails(&Everywhere(|spec| spec.aqm = Aqm::DropTail)), [14, 15, 16, 17, 17, 18]);
}

/// The loss ratio stays the same, and fewer messages are hit.
#[test]
fn losses_that_come_together_are_noticed() {
    let alone = |spec: &mut LinkSpec| {
        if spec.loss == Loss::Independent(share("1%")) {
            spec.loss = "gilbert:0.5%:49.5%".parse().unwrap();
        }
    };
    assert_eq!(fails(&Bent { alone, run: untouched }), [5]);
}

#[test]
fn a_wire_that_treats_transports_differently_is_noticed() {
    let run = |plan: &mut Plan, _| {
        if plan.transport == Transport::QUIC_MESSAGE {
            plan.links.to_server.delay += Duration::from_micros(20);
        }
    };
    assert_eq!(fails(&Bent { alone: straight, run }), [11]);
}

#[test]
fn seeds_that_lose_more_than_others_are_noticed() {
    let run = |plan: &mut Plan, seed| {
        if seed > 15 {
            plan.links.iter_mut().for_each(|link| link.loss = Loss::Independent(share("1.5%")));
        }
    };
    assert_eq!(failing(&Bent { alone: straight, run }, is_long), [6, 7, 8, 10, 10, 11]);
}

#[test]
fn a_longer_delay_is_noticed() {
    let run = |plan: &mut Plan, _| plan.links.to_server.delay += Duration::from_millis(1);
    assert_eq!(fails(&Bent { alone: straight, run }), [9, 12]);
}

/// A wire that takes a nanosecond longer to the client when a page is loaded.
struct LongerForPages;

impl Wire for LongerForPages {
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        RealWire.arrivals(spec, seed, offers)
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        RealWire.run(plan, seed)
    }

    fn load(&self, plan: &PagePlan, seed: u64) -> Result<PageOutcome, RunError> {
        let mut plan = plan.clone();
        plan.links.to_client.delay += Duration::from_nanos(1);
        RealWire.load(&plan, seed)
    }
}

#[test]
fn a_nanosecond_more_of_delay_is_noticed_by_the_page() {
    assert_eq!(failing(&LongerForPages, |case| case.number >= 18), [20]);
}

#[test]
fn an_outage_that_ends_too_late_is_noticed() {
    let longer = Everywhere(|spec| {
        if let Loss::Outage { start: Duration::ZERO, length } = &mut spec.loss {
            *length *= 3;
        }
    });
    assert_eq!(fails(&longer), [13]);
}

#[test]
fn outages_that_lose_nothing_are_noticed() {
    let none = Everywhere(|spec| {
        if matches!(spec.loss, Loss::Outage { .. }) {
            spec.loss = Loss::NONE;
        }
    });
    assert_eq!(fails(&none), [9, 12, 13, 19]);
}

#[test]
fn the_program_shows_figures_as_text_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::support::run(folder.path(), ["verify", "--only", "2,13"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    for part in ["Gilbert, p 0.07%", "7.14 +-0.80", "2997.000 ms", "All is as theory says."] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 100), "{}", text.stdout);

    let json = crate::support::run(folder.path(), ["verify", "--only", "13", "-J"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["passed"], &json["cases"][0]["case"]), (&true.into(), &13.into()));
    assert_eq!(json["cases"][0]["findings"][0]["expected"], 999e6);

    let unknown = crate::support::run(folder.path(), ["verify", "--only", "99"]);
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("unknown case: expected 1, 2, 3"),
        "{unknown:?}"
    );
}
