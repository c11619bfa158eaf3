//! The behaviour of a connection, one scenario per test.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use wirelab::{
    arq::{
        Config, Congestion, Connection, ConnectionError, ConnectionId, Event, Listener, Mode, Routed,
        SegmentKind, SendError,
    },
    link::{Link, LinkSpec, Loss},
    unit::{Direction, PerDirection, Time},
    wire::segment::{Acknowledgement, Body, Segment},
};

use super::pair::Pair;

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(25);

fn links() -> PerDirection<LinkSpec> {
    PerDirection::both(LinkSpec { delay: DELAY, ..LinkSpec::default() })
}

fn at(after: Duration) -> Time {
    Time::ZERO + after
}

/// A connected pair with nothing in flight.
fn settled(config: &Config, links: PerDirection<LinkSpec>) -> Pair {
    let mut pair = Pair::connected([config.clone(), config.clone()], links, 1);
    pair.run_until(at(200 * MS));
    pair
}

fn send(pair: &mut Pair, end: usize, message: &'static [u8]) {
    pair.end(end).expect("connected").send(Bytes::from_static(message)).expect("room");
}

fn closed(pair: &Pair, end: usize) -> Option<&Event> {
    pair.events[end].iter().find(|event| matches!(event, Event::Closed(_)))
}

#[test]
fn a_client_is_connected_after_one_round_trip_and_its_data_needs_no_other() {
    let mut pair = Pair::new([Config::default(), Config::default()], links(), 1);
    pair.run_until(at(2 * DELAY));
    assert_eq!(pair.events[0], [Event::Connected]);
    send(&mut pair, 0, b"first");
    pair.run_until(at(3 * DELAY));
    assert_eq!(pair.received[1][0].bytes, b"first".as_slice());
    assert_eq!(pair.received[1][0].arrived, at(3 * DELAY));
    assert_eq!(pair.client.rtt(), Some(2 * DELAY), "the handshake has measured it");
}

fn hello(client: &mut Connection, now: Time) -> Vec<u8> {
    client.poll_transmit(now).expect("a hello").datagram
}

/// The listener's answer, delivered to the client.
fn challenge(listener: &mut Listener, client: &mut Connection, now: Time, from: SocketAddr) {
    let hello = hello(client, now);
    let Routed::Reply(challenge) = listener.handle_datagram(now, from, &hello) else {
        panic!("no challenge")
    };
    assert!(challenge.len() * 3 < hello.len(), "a forged address gains nothing");
    client.handle_segment(now, &challenge);
}

#[test]
fn a_server_keeps_no_state_for_spoofed_addresses() {
    let (here, elsewhere) = (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([127, 0, 0, 2], 1)));
    let mut listener = Listener::new(Config::default(), [1; 32], 1);
    let mut client = Connection::client(Config::default(), ConnectionId(1), Time::ZERO);
    challenge(&mut listener, &mut client, Time::ZERO, here);
    assert!(listener.is_empty());
    let proof = hello(&mut client, Time::ZERO);
    assert!(
        matches!(listener.handle_datagram(Time::ZERO, elsewhere, &proof), Routed::Reply(_)),
        "asked again"
    );
    assert!(matches!(listener.handle_datagram(at(90_000 * MS), here, &proof), Routed::Reply(_)), "too old");
    assert!(listener.is_empty());
    assert!(matches!(listener.handle_datagram(Time::ZERO, here, &proof), Routed::Accepted(_)));
    assert!(
        matches!(listener.handle_datagram(Time::ZERO, here, &proof), Routed::Connection(_)),
        "the same one"
    );
    assert_eq!(listener.len(), 1);
}

#[test]
fn a_full_server_refuses_and_the_client_knows_why() {
    let from = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut listener = Listener::new(Config::default(), [1; 32], 0);
    let mut client = Connection::client(Config::default(), ConnectionId(1), Time::ZERO);
    challenge(&mut listener, &mut client, Time::ZERO, from);
    let proof = hello(&mut client, Time::ZERO);
    let Routed::Reply(refusal) = listener.handle_datagram(Time::ZERO, from, &proof) else {
        panic!("accepted")
    };
    client.handle_segment(Time::ZERO, &refusal);
    assert_eq!(client.poll_event(), Some(Event::Connected));
    assert_eq!(client.poll_event(), Some(Event::Closed(Some(ConnectionError::Refused))));
    assert!(client.is_drained());
}

#[test]
fn unanswered_hellos_end() {
    let mut lossy = links();
    lossy.to_server.set("loss", "100%").expect("a loss");
    let mut pair = Pair::new([Config::default(), Config::default()], lossy, 1);
    while pair.step(|_, _| {}) {}
    assert_eq!(closed(&pair, 0), Some(&Event::Closed(Some(ConnectionError::NoAnswer { hellos: 9 }))));
}

#[test]
fn a_peer_that_vanishes_is_given_up_after_bounded_retransmissions() {
    let config = Config { idle_timeout: Duration::from_secs(3600), ..Config::default() };
    let mut lossy = links();
    lossy.to_server.loss = Loss::Outage { start: 300 * MS, length: Duration::from_secs(9999) };
    let mut pair = settled(&config, lossy);
    pair.run_until(at(400 * MS));
    send(&mut pair, 0, b"lost");
    while closed(&pair, 0).is_none() {
        pair.step(|_, _| {});
    }
    assert_eq!(closed(&pair, 0), Some(&Event::Closed(Some(ConnectionError::PeerGone { timeouts: 9 }))));
    // 200 ms, doubled eight times, is 102 s.
    assert!(
        (Duration::from_secs(60)..Duration::from_secs(110)).contains(&pair.now.since(Time::ZERO)),
        "{}",
        pair.now
    );
    assert_eq!(pair.client.stats().retransmissions, 8);
}

#[test]
fn silence_ends_a_connection_and_keep_alive_keeps_it() {
    let idle = Duration::from_secs(5);
    let mut pair = settled(&Config { idle_timeout: idle, ..Config::default() }, links());
    pair.run_until(at(Duration::from_secs(8)));
    assert_eq!(closed(&pair, 0), Some(&Event::Closed(Some(ConnectionError::Idle(idle)))));
    assert!(pair.client.is_drained());
    let config = Config { idle_timeout: idle, keep_alive: Some(Duration::from_secs(2)), ..Config::default() };
    let mut pair = settled(&config, links());
    pair.run_until(at(Duration::from_secs(60)));
    assert_eq!((closed(&pair, 0), closed(&pair, 1)), (None, None));
}

#[test]
fn each_end_closes_its_own_direction_and_both_learn_when_it_is_over() {
    let mut pair = settled(&Config::default(), links());
    send(&mut pair, 0, b"request");
    let now = pair.now;
    pair.client.close(now);
    pair.run_until(at(300 * MS));
    assert_eq!(pair.events[1].last(), Some(&Event::Finished));
    assert_eq!(closed(&pair, 0), None, "the other direction is open");
    send(&mut pair, 1, b"a late answer");
    let now = pair.now;
    pair.server.as_mut().expect("connected").close(now);
    assert_eq!(pair.client.send(Bytes::new()), Err(SendError::Closed));
    pair.run_until(at(500 * MS));
    assert_eq!(pair.received[0][0].bytes, b"a late answer".as_slice());
    assert_eq!(
        (closed(&pair, 0), closed(&pair, 1)),
        (Some(&Event::Closed(None)), Some(&Event::Closed(None)))
    );
    while pair.step(|_, _| {}) {}
    assert!(pair.client.is_drained() && pair.server.expect("connected").is_drained());
}

#[test]
fn a_reset_is_told_and_told_again_if_it_was_lost() {
    let mut lossy = links();
    // Two hellos, then the reset.
    lossy.to_server.loss = Loss::Drop(vec![3]);
    let mut pair = settled(&Config::default(), lossy);
    let now = pair.now;
    pair.client.reset(now);
    assert_eq!(pair.client.poll_event(), Some(Event::Closed(Some(ConnectionError::Reset))));
    pair.run_until(now + 100 * MS);
    assert_eq!(closed(&pair, 1), None, "it was lost");
    send(&mut pair, 1, b"are you there?");
    pair.run_until(now + 200 * MS);
    assert_eq!(closed(&pair, 1), Some(&Event::Closed(Some(ConnectionError::ResetByPeer))));
}

fn forged(pair: &Pair, acknowledgement: Acknowledgement, body: Body<'_>) -> Vec<u8> {
    Segment { to: pair.client.id(), acknowledgement, body }.encode()
}

#[test]
fn a_forged_reset_needs_the_id_and_the_exact_sequence() {
    let mut pair = settled(&Config::default(), links());
    let now = pair.now;
    let body = Body::Reset { sequence: 0 };
    let guessed = Segment { to: ConnectionId(99), acknowledgement: Acknowledgement::default(), body };
    pair.client.handle_segment(now, &guessed.encode());
    let inexact = forged(&pair, Acknowledgement::default(), Body::Reset { sequence: 1 });
    pair.client.handle_segment(now, &inexact);
    assert_eq!(pair.client.poll_event(), None, "neither is obeyed");
    let answer = pair.client.poll_transmit(now).expect("an honest peer would learn what is expected");
    assert_eq!(answer.kind, SegmentKind::Acknowledgement);
    let exact = forged(&pair, Acknowledgement::default(), Body::Reset { sequence: 0 });
    pair.client.handle_segment(now, &exact);
    assert_eq!(pair.client.poll_event(), Some(Event::Closed(Some(ConnectionError::ResetByPeer))));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_changes_nothing() {
    let mut pair = settled(&Config::default(), links());
    let (now, before) = (pair.now, pair.client.stats());
    let acknowledgement = Acknowledgement { next: 1, window: 9, ..Acknowledgement::default() };
    let segment = forged(&pair, acknowledgement, Body::Ack);
    pair.client.handle_segment(now, &segment);
    assert_eq!(pair.client.stats().discarded, before.discarded + 1);
    assert_eq!(pair.client.poll_transmit(now), None);
}

#[test]
fn a_receiver_that_takes_nothing_stops_the_sender_and_a_probe_finds_out_when_it_does_again() {
    let config = Config { receive_window: 4, ..Config::default() };
    let mut lossy = links();
    // The window update is lost; later updates are answers to probes.
    lossy.to_client.loss = Loss::Outage { start: 5_000 * MS, length: 100 * MS };
    let mut pair = settled(&config, lossy);
    pair.reads[1] = false;
    (0..10).for_each(|_| send(&mut pair, 0, b"x"));
    pair.run_until(at(5_000 * MS));
    assert_eq!(pair.client.stats().segments, 4);
    pair.reads[1] = true;
    pair.drain(1);
    pair.run_until(at(30_000 * MS));
    assert_eq!(pair.received[1].len(), 10);
    assert_eq!(closed(&pair, 0), None, "a peer without room is not gone");
}

/// Probes of a closed window are answered, so they do not lengthen the retransmission timeout.
#[test]
fn a_loss_after_a_long_stall_takes_one_timeout() {
    let config = Config { receive_window: 4, ..Config::default() };
    let mut lossy = links();
    lossy.to_server.loss = Loss::Outage { start: 60_000 * MS, length: 100 * MS };
    let mut pair = settled(&config, lossy);
    pair.reads[1] = false;
    (0..5).for_each(|_| send(&mut pair, 0, b"x"));
    pair.run_until(at(59_980 * MS));
    // The window update arrives within the outage, in which the fifth segment is lost.
    pair.reads[1] = true;
    pair.drain(1);
    pair.run_until(at(60_500 * MS));
    assert_eq!(pair.received[1].len(), 5);
    assert_eq!(pair.client.stats().timeouts, 1);
}

/// The backoff ends with the first acknowledgement of a segment that was sent once (RFC 6298 section 5).
#[test]
fn the_first_new_segment_acknowledged_after_an_outage_ends_the_backoff() {
    let mut lossy = links();
    lossy.to_server.loss = Loss::Outage { start: 1_000 * MS, length: 3_000 * MS };
    let mut pair = settled(&Config::default(), lossy);
    pair.run_until(at(1_001 * MS));
    send(&mut pair, 0, b"lost with its first copies");
    // Timeouts of 200, 400, 800 and 1,600 ms: the fourth retransmission arrives.
    pair.run_until(at(4_500 * MS));
    assert_eq!((pair.received[1].len(), pair.client.stats().timeouts), (1, 4));
    send(&mut pair, 0, b"new");
    pair.run_until(at(4_600 * MS));
    pair.links.to_server = Link::new(
        LinkSpec { delay: DELAY, loss: Loss::Drop(vec![1]), ..LinkSpec::default() },
        1,
        Direction::ToServer,
    );
    send(&mut pair, 0, b"lost once");
    pair.run_until(at(4_900 * MS));
    assert_eq!(pair.received[1].len(), 3);
}

#[test]
fn what_does_not_fit_is_refused_and_the_application_hears_when_it_does() {
    let config = Config { send_buffer: 1000, receive_window: 2, ..Config::default() };
    let mut pair = settled(&config, links());
    let big = Bytes::from(vec![0; 5000]);
    assert_eq!(pair.client.send(big), Err(SendError::TooLarge { bytes: 5000, segments: 2 }));
    let half = Bytes::from(vec![0; 600]);
    assert_eq!(pair.client.send(half.clone()), Ok(0..1));
    assert_eq!(pair.client.send(half.clone()), Err(SendError::Full));
    pair.run_until(at(400 * MS));
    assert_eq!(pair.events[0].last(), Some(&Event::Writable));
    assert_eq!(pair.client.send(half), Ok(1..2));
}

#[test]
fn a_message_larger_than_the_path_comes_whole() {
    let mut pair = settled(&Config::default(), links());
    let message: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    assert_eq!(pair.client.send(message.clone().into()), Ok(0..72));
    pair.run_until(at(2_000 * MS));
    let received = &pair.received[1][0];
    assert_eq!(received.bytes, message);
    assert_eq!((received.first, received.segments, received.completed_by), (0, 72, 71));
}

#[test]
fn a_loss_blocks_what_follows_in_order_and_nothing_without() {
    for (mode, waiting) in [(Mode::Selective, vec![1, 2, 3, 4]), (Mode::Unordered, vec![])] {
        let mut lossy = links();
        lossy.to_server.loss = Loss::Drop(vec![3]);
        let mut pair = settled(&Config { mode, ..Config::default() }, lossy);
        let sent = pair.now;
        (0..5).for_each(|_| send(&mut pair, 0, b"x"));
        let mut again = Vec::new();
        while pair.received[1].len() < 5 {
            pair.step(|end, transmit| {
                if let (0, SegmentKind::Content { sequence, copies_before: 1.., .. }) = (end, transmit.kind) {
                    again.push(sequence);
                }
            });
        }
        assert_eq!(again, [0], "{mode:?}");
        let blocked = pair.received[1].iter().filter(|message| message.blocked_by == Some(0));
        assert_eq!(blocked.map(|message| message.first).collect::<Vec<_>>(), waiting, "{mode:?}");
        for message in &pair.received[1] {
            let (arrives, released) =
                if message.first == 0 { (3, 3) } else { (1, if waiting.is_empty() { 1 } else { 3 }) };
            assert_eq!(
                (message.arrived, message.released),
                (sent + DELAY * arrives, sent + DELAY * released)
            );
        }
    }
}

#[test]
fn go_back_n_goes_back_at_the_third_duplicate_and_sends_all_of_it_again() {
    let mut lossy = links();
    lossy.to_server.loss = Loss::Drop(vec![3]);
    let mut pair = settled(&Config { mode: Mode::GoBackN, ..Config::default() }, lossy);
    let sent = pair.now;
    for after in 0..6 {
        pair.run_until(sent + after * MS);
        send(&mut pair, 0, b"x");
    }
    while pair.received[1].len() < 6 {
        pair.step(|_, _| {});
    }
    let stats = pair.client.stats();
    assert_eq!((stats.retransmissions, stats.fast_retransmits, stats.timeouts), (6, 1, 0));
    assert_eq!(pair.now, sent + 3 * MS + 3 * DELAY, "before any timer");
    assert_eq!(pair.server.expect("connected").stats().dropped, 5);
}

#[test]
fn an_acknowledgement_travels_with_an_answer_and_waits_for_one_if_told_to() {
    for (ack_delay, alone) in [(Duration::ZERO, 1), (10 * MS, 0)] {
        let mut pair = settled(&Config { ack_delay, ..Config::default() }, links());
        send(&mut pair, 0, b"question");
        let mut acknowledgements = 0;
        let mut count = |end: usize, kind: SegmentKind| {
            acknowledgements += usize::from((end, kind) == (1, SegmentKind::Acknowledgement))
        };
        while pair.received[1].is_empty() {
            pair.step(|end, transmit| count(end, transmit.kind));
        }
        // The application answers after 5 ms.
        let due = pair.now + 5 * MS;
        pair.transmit(|end, transmit| count(end, transmit.kind));
        pair.run_until(due);
        send(&mut pair, 1, b"answer");
        while pair.received[0].is_empty() {
            pair.step(|end, transmit| count(end, transmit.kind));
        }
        assert_eq!(acknowledgements, alone, "with a delay of {ack_delay:?}");
        assert_eq!(pair.client.stats().in_flight_bytes, 0);
    }
}

/// Goodput in bits per second of 10 MB over 20 Mbit/s, 50 ms and 1% loss each way.
fn goodput(congestion: Congestion, seed: u64) -> (f64, wirelab::arq::Stats) {
    let mut links = links();
    for link in &mut links {
        link.set("loss", "1%").expect("a loss");
        link.set("rate", "20mbit").expect("a rate");
    }
    let config = Config { congestion, receive_window: 1 << 16, ..Config::default() };
    let mut pair = Pair::connected([config.clone(), config], links, seed);
    let (start, chunk) = (pair.now, Bytes::from(vec![0; 1400]));
    while pair.received[1].len() < 7143 {
        while pair.queued < 7143 && pair.client.stats().segments + 64 > pair.queued as u64 {
            pair.client.send(chunk.clone()).expect("room");
            pair.queued += 1;
        }
        pair.step(|_, _| {});
    }
    (7143.0 * 1400.0 * 8.0 / pair.now.since(start).as_secs_f64(), pair.client.stats())
}

#[test]
fn congestion_control_uses_what_losses_of_one_percent_leave() {
    for congestion in [Congestion::NewReno, Congestion::Cubic, Congestion::Fixed(125_000)] {
        let runs: Vec<_> = (1..=5).map(|seed| goodput(congestion, seed)).collect();
        let mean = runs.iter().map(|(goodput, _)| goodput).sum::<f64>() / 5.0;
        // The square root formula: 1.22 segments per RTT, divided by the root of the loss (Mathis et al., 1997).
        let least = 0.8 * 1.22 * 1440.0 * 8.0 / (0.05 * 0.1);
        assert!(mean > least, "{congestion:?}: {mean} bit/s");
        assert!(runs.iter().all(|(_, stats)| stats.timeouts == 0), "{congestion:?} needed its timer");
    }
}

#[test]
fn a_full_buffer_counts_as_a_limit_before_the_next_event_too() {
    let config = Config { send_buffer: 8, ..Config::default() };
    let mut pair = settled(&config, links());
    send(&mut pair, 0, b"all of it");
    assert_eq!(pair.client.send(Bytes::from_static(b"more")), Err(SendError::Full));
    // The message arrives after 25 ms, its acknowledgement after 50.
    pair.run_until(at(240 * MS));
    assert_eq!(pair.client.stats().buffer_limited, 25 * MS);
    assert_eq!(pair.client.stats_at(pair.now).buffer_limited, 40 * MS);
}
