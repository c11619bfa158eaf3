//! Needless retransmissions of the kernel's TCP, as the link, the wire and the kernel count them.

use std::{sync::Arc, time::Duration};

use wirelab::{
    experiment::{Arrivals, Observers, PathKind, Plan, Wait, Workload, application::Application, run},
    path::{Exit, Observer, PacketView, Payload, StopSignal},
    transport::{Congestion, LossDetection, Transport},
    unit::{Mutex, PerDirection},
    wire::{
        ip::{self, TcpSegment},
        tcp::{Sequence, sack_blocks},
    },
};

use crate::support::{alone, has_namespaces, say};

/// Messages of 1000 bytes every 10 ms for 6 s, and replies as long.
fn plan(link: &str) -> Plan {
    Plan {
        path: PathKind::Netns,
        transport: Transport::TCP,
        links: PerDirection::both(link.parse().unwrap()),
        congestion: Congestion::Cubic,
        loss_detection: LossDetection::default(),
        workload: Workload {
            application: Application::Messages,
            flows: 4,
            interval: Duration::from_millis(10),
            length: 1000,
            reply_length: 1000,
            arrivals: Arrivals::Isochronous,
            warmup: Duration::ZERO,
            duration: Duration::from_secs(6),
            wait: Wait { times: 1000, most: Duration::from_secs(10) },
            deadline: Duration::from_millis(200),
        },
    }
}

/// After a duplicate, the receiver may send segments that it had made before: one for each 10 ms by which the machine
/// is late. The next segment reports the duplicate.
const SEGMENTS_BETWEEN: u64 = 4;

/// What the segments on the wire tell of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// Segments that arrived with bytes that had arrived before.
    duplicates: u64,
    /// Groups of duplicates, between which the receiver sent [`SEGMENTS_BETWEEN`] or more.
    groups: u64,
    /// Segments that the receiver sent with a DSACK block. At the end of the run, the last may not have arrived.
    reports: u64,
    /// Segments with data that are on the link.
    under_way: u64,
}

/// One direction of the connection.
#[derive(Debug, Default)]
struct Way {
    numbers: Sequence,
    /// Whether each byte of the stream has arrived.
    arrived: Vec<bool>,
    /// Segments that the receiver has sent since a duplicate arrived.
    since: u64,
    counts: Counts,
}

impl Way {
    fn arrive(&mut self, segment: &TcpSegment) {
        let Some(start) = self.numbers.offset(segment.sequence).filter(|_| segment.length > 0) else {
            return;
        };
        let (start, end) = (start as usize, start as usize + segment.length as usize);
        self.arrived.resize(self.arrived.len().max(end), false);
        if self.arrived[start..end].contains(&true) {
            let begins = self.counts.duplicates == 0 || self.since >= SEGMENTS_BETWEEN;
            self.counts.groups += u64::from(begins);
            self.counts.duplicates += 1;
            self.since = 0;
        }
        self.arrived[start..end].fill(true);
    }
}

#[derive(Clone, Default)]
struct Segments(Arc<Mutex<PerDirection<Way>>>);

fn segment(packet: &PacketView<'_>) -> Option<(TcpSegment, bool)> {
    let Payload::Ip(bytes) = packet.payload else { return None };
    let segment = ip::tcp_segment(bytes)?;
    // The first block reports a duplicate if it is acknowledged, or if the second block contains it (RFC 2883 section
    // 4).
    let blocks: Vec<(u32, u32)> = sack_blocks(ip::tcp_options(bytes)).collect();
    let is_before = |one: u32, other: u32| one.wrapping_sub(other).cast_signed() < 0;
    let reports = blocks.first().is_some_and(|first| {
        let is_acknowledged = segment.acknowledgement.is_some_and(|ack| is_before(first.0, ack));
        let within = |second: &(u32, u32)| !is_before(first.0, second.0) && !is_before(second.1, first.1);
        is_acknowledged || blocks.get(1).is_some_and(within)
    });
    Some((segment, reports))
}

impl Observer for Segments {
    fn entered(&mut self, packet: &PacketView<'_>) {
        let Some((segment, reports)) = segment(packet) else { return };
        let mut ways = self.0.lock();
        ways[packet.direction].numbers.send(&segment);
        ways[packet.direction].counts.under_way += u64::from(segment.length > 0);
        let received = &mut ways[packet.direction.reverse()];
        received.since += 1;
        received.counts.reports += u64::from(reports);
    }

    fn left(&mut self, packet: &PacketView<'_>, exit: Exit) {
        let (Some((segment, _)), Exit::Arrived { .. }) = (segment(packet), exit) else { return };
        let mut ways = self.0.lock();
        ways[packet.direction].counts.under_way -= u64::from(segment.length > 0);
        ways[packet.direction].arrive(&segment);
    }
}

/// Where nothing is lost, every retransmission is needless: the link must count as many as the kernel sent, and each
/// arrives as a duplicate. The receiver reports a duplicate in the DSACK block of the next segment that it makes (RFC
/// 2883). A segment has room for one, so duplicates of one group may share a report. The kernel reads fewer: it discards
/// a segment that another overtook, because its time stamp is older (PAWS, RFC 7323 section 5.3).
#[test]
fn needless_segments_of_kernel_tcp_are_those_that_its_receiver_reports() {
    let _alone = alone();
    if !has_namespaces() {
        return;
    }
    let link = "delay=25ms,reorder=10%";
    let segments = Segments::default();
    let wire = Some(Box::new(segments.clone()) as Box<dyn Observer>);
    let observers = Observers { wire, follows_losses: true, ..Observers::default() };
    let outcome = run(&plan(link), 1, observers, &StopSignal::default()).unwrap();
    let truth = outcome.truth.unwrap();
    let ends = [outcome.client, outcome.server];
    let sum = |of: &dyn Fn(&wirelab::transport::Recovery) -> Option<u64>| -> u64 {
        ends.iter().map(|end| of(end).unwrap()).sum()
    };
    let resent = sum(&|end| end.retransmitted_packets);
    let reported = sum(&|end| end.kernel.and_then(|kernel| kernel.duplicates));
    let ways = segments.0.lock();
    let total = |of: fn(&Counts) -> u64| -> u64 { ways.iter().map(|way| of(&way.counts)).sum() };
    let duplicates = total(|counts| counts.duplicates);
    let (groups, on_wire) = (total(|counts| counts.groups), total(|counts| counts.reports));
    say(&format!(
        "{link}: {resent} resent, {} needless, {duplicates} duplicates in {groups} groups, {on_wire} reports on \
             the wire, {reported} in the kernel",
        truth.needless
    ));
    // It counts the reports that it reads.
    assert!((1..=on_wire).contains(&reported), "{link}");
    // At the end of the run, the last ones may still be on their way.
    let under_way = total(|counts| counts.under_way);
    assert!((duplicates..=duplicates + under_way).contains(&truth.needless), "{link}, {under_way} under way");
    assert!(resent >= 20, "{link}");
    assert_eq!(truth.needless, resent, "{link}");
    assert!((groups..=duplicates).contains(&on_wire), "{link}");
}
