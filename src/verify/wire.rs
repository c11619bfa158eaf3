//! The wire that the cases measure.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use crate::{
    capture::Recording,
    experiment::{
        self, Observers, Outcome, Plan, RunError,
        page::{PageOutcome, PagePlan, load_page},
    },
    link::{Event, FlowId, Link, LinkSpec, PacketTraits},
    path::StopSignal,
    unit::{Direction, Time},
};

/// A packet that is offered to one direction of a link.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// When.
    pub at: Time,
    /// Its size in IP bytes.
    pub ip_bytes: usize,
    /// Its flow.
    pub flow: u16,
}

/// The fate of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// Whether it arrived.
    pub arrived: bool,
    /// When it arrived or was dropped.
    pub at: Time,
    /// How long it waited in the queue.
    pub queued: Duration,
}

/// The wire under test. Experiments use [`RealWire`]; tests wrap and break it.
pub trait Wire: Sync {
    /// The arrival time of each packet over one direction of a link; `None` if it is dropped. An offer is the time of
    /// sending and the size in IP bytes.
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>>;

    /// The fate of each packet over one direction of a link with a managed queue.
    fn fates(&self, spec: LinkSpec, seed: u64, offers: &[Offer]) -> Vec<Fate> {
        RealWire.fates(spec, seed, offers)
    }

    /// A run of an experiment in virtual time. Fails like [`experiment::run`].
    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError>;

    /// The loads of a page in virtual time. Fails like [`load_page`].
    fn load(&self, plan: &PagePlan, seed: u64) -> Result<PageOutcome, RunError> {
        load_page(plan, seed, false, &StopSignal::default(), &Recording::default())
    }
}

/// The wire of experiments.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealWire;

impl Wire for RealWire {
    fn arrivals(&self, spec: LinkSpec, seed: u64, offers: &[(Time, usize)]) -> Vec<Option<Time>> {
        let offers = offers.iter().map(|&(at, ip_bytes)| Offer { at, ip_bytes, flow: 0 });
        let fates = fates(spec, seed, offers);
        fates.into_iter().map(|fate| fate.arrived.then_some(fate.at)).collect()
    }

    fn fates(&self, spec: LinkSpec, seed: u64, offers: &[Offer]) -> Vec<Fate> {
        fates(spec, seed, offers.iter().copied())
    }

    fn run(&self, plan: &Plan, seed: u64) -> Result<Outcome, RunError> {
        experiment::run(plan, seed, Observers::default(), &StopSignal::default())
    }
}

fn fates(spec: LinkSpec, seed: u64, offers: impl ExactSizeIterator<Item = Offer>) -> Vec<Fate> {
    fates_on(Link::new(spec, seed, Direction::ToServer), offers)
}

/// The fate of each packet on `link`.
pub(super) fn fates_on(mut link: Link<usize>, offers: impl ExactSizeIterator<Item = Offer>) -> Vec<Fate> {
    let mut fates = vec![Fate::default(); offers.len()];
    let mut poll = |link: &mut Link<usize>, now| {
        while let Some(event) = link.poll(now) {
            let (packet, arrived, at, queue) = match event {
                Event::Delivered(delivered) => (delivered.packet, true, delivered.at, delivered.queue),
                Event::Dropped(dropped) => (dropped.packet, false, dropped.at, dropped.queue),
            };
            fates[packet] = Fate { arrived, at, queued: queue.delay };
        }
    };
    for (index, Offer { at, ip_bytes, flow }) in offers.enumerate() {
        // Events that are due at the instant of an offer come before it.
        while let Some(due) = link.poll_timeout().filter(|due| *due <= at) {
            poll(&mut link, due);
        }
        link.enqueue_known(at, ip_bytes, index, |_| PacketTraits {
            flow: Some(id(flow)),
            ..PacketTraits::default()
        });
    }
    while let Some(due) = link.poll_timeout() {
        poll(&mut link, due);
    }
    fates
}

fn id(flow: u16) -> FlowId {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    FlowId { from: address(flow), to: address(0), protocol: 17 }
}
