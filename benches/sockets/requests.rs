//! Requests per second with many in flight: the servers of `wirelab serve` against minimal ones.

use std::{net::SocketAddr, time::Instant};

use wirelab::{path::DatagramError, transport::Transport};

use super::{
    Echo, LENGTH, WINDOW, by_turns,
    peers::{self, Quinn},
    pin, print,
    round_trip::{UdpEcho, serve},
};

/// Messages of a turn.
const TURN: u64 = 200_000;

pub(super) fn measure_udp() {
    let mut echo = UdpEcho::start(Transport::UDP, 0, 1);
    pin(0);
    let mut peer = peers::BlockingUdp::start();
    pin(1);
    let figures = by_turns(|| udp(&mut echo), || Some(rate(&mut peer, TURN / 10)));
    let what = format!("UDP echoes, {LENGTH} bytes, {WINDOW} under way");
    print(&what, "k/s", "a blocking pair", figures, "(aim: at least 1000 k/s)");
}

pub(super) fn measure_quic_one() {
    measure_quic("one stream", TURN, Quinn::one_stream_to, Quinn::one_stream);
}

pub(super) fn measure_quic_datagram() {
    measure_quic("datagrams", TURN, Quinn::datagrams_to, Quinn::datagrams);
}

pub(super) fn measure_quic_message() {
    measure_quic("a stream each", TURN / 10, Quinn::stream_per_message_to, Quinn::stream_per_message);
}

/// The same minimal client serves both.
fn measure_quic(name: &str, turn: u64, ours: fn(SocketAddr) -> Quinn, theirs: fn() -> Quinn) {
    let server = serve(Transport::QUIC_ONE.scheme(), 0);
    let mut theirs = theirs();
    pin(1);
    let mut ours = ours(server);
    let figures = by_turns(|| rate(&mut ours, turn), || Some(rate(&mut theirs, turn)));
    let what = format!("QUIC requests, {LENGTH} bytes, {WINDOW} under way, {name}");
    print(&what, "k/s", "a minimal quinn", figures, "(aim: at least 1.00)");
}

fn rate(echo: &mut dyn Echo, messages: u64) -> f64 {
    messages as f64 / echo.exchange(messages, WINDOW).as_secs_f64() / 1e3
}

/// Sends a new request for every reply.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn udp(echo: &mut UdpEcho) -> f64 {
    let UdpEcho { runtime, socket, server, .. } = echo;
    let window = usize::try_from(WINDOW).expect("few");
    let (messages, run) = (2 * TURN, vec![7; window * LENGTH]);
    let mut buffer = vec![0; 65_535];
    let (mut received, mut due) = (0, window);
    let start = Instant::now();
    runtime.block_on(async {
        while received < messages {
            let mut rest = &run[..due * LENGTH];
            while !rest.is_empty() {
                match socket.try_send_run(rest, LENGTH, *server, None) {
                    Ok(sent) => rest = &rest[sent..],
                    Err(DatagramError::WouldBlock) => socket.writable().await.expect("a socket"),
                    Err(error) => panic!("{error}"),
                }
            }
            due = 0;
            loop {
                let echo = socket.recv(&mut buffer).await.expect("an echo");
                (received, due) = (received + 1, due + 1);
                if !echo.more {
                    break;
                }
            }
        }
        // Drop what is still in flight, so that no later turn receives it.
        for _ in due..window {
            socket.recv(&mut buffer).await.expect("an echo");
        }
    });
    messages as f64 / start.elapsed().as_secs_f64() / 1e3
}
