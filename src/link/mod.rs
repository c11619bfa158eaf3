#![allow(missing_docs)]
//! stub
use crate::time::Time;
use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSpec {
    pub delay: Duration,
    pub drops: Vec<u64>,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToClient,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Deliver,
    Lost,
    TooLarge,
}
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    pub packets: u64,
    pub lost: u64,
}
#[derive(Debug)]
pub struct Delivered<P> {
    pub packet: P,
    pub corrupt: Option<u64>,
}
#[derive(Debug)]
pub struct Link<P> {
    spec: LinkSpec,
    heap: BinaryHeap<Reverse<(Time, u64)>>,
    packets: std::collections::BTreeMap<u64, P>,
    counters: Counters,
}
impl<P: Clone> Link<P> {
    pub fn new(spec: LinkSpec, _seed: u64, _d: Direction) -> Self {
        Self { spec, heap: Default::default(), packets: Default::default(), counters: Default::default() }
    }
    pub fn enqueue(&mut self, now: Time, ip_bytes: usize, packet: P) -> Verdict {
        self.counters.packets += 1;
        if ip_bytes > 1500 {
            return Verdict::TooLarge;
        }
        if self.spec.drops.contains(&self.counters.packets) {
            self.counters.lost += 1;
            return Verdict::Lost;
        }
        let k = self.counters.packets;
        self.heap.push(Reverse((now + self.spec.delay, k)));
        self.packets.insert(k, packet);
        Verdict::Deliver
    }
    pub fn poll_delivery(&mut self, now: Time) -> Option<Delivered<P>> {
        if self.heap.peek()?.0.0 > now {
            return None;
        }
        let Reverse((_, k)) = self.heap.pop()?;
        self.packets.remove(&k).map(|packet| Delivered { packet, corrupt: None })
    }
    pub fn poll_timeout(&self) -> Option<Time> {
        self.heap.peek().map(|e| e.0.0)
    }
    pub fn counters(&self) -> Counters {
        self.counters
    }
}
