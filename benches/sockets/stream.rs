//! Datagrams one way as fast as possible, counted at the receiver.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use wirelab::path::{DatagramError, Host, direct::DirectHost};

use super::{by_turns, common, pin, print, tools};

/// Bytes of a datagram: the smallest that every QUIC path must carry (RFC 9000 section 14).
pub(super) const DATAGRAM: usize = 1200;
/// Datagrams handed to the kernel at once.
const RUN: usize = 54;

pub(super) fn measure() {
    let iperf = tools::Iperf::start("0");
    let millions = || receive(DATAGRAM, || (), || (), Ipv4Addr::LOCALHOST, send_runs);
    let figures = by_turns(millions, || iperf.as_ref()?.udp_millions("1", DATAGRAM));
    let what = format!("UDP stream, {DATAGRAM} bytes, loopback, runs never cut");
    print(&what, "M/s", "iperf3 -u", figures, "(aim: at least 10)");
}

/// Receives on core 0 what `send` sends from core 1 for a second, and returns millions of datagrams a second. Each
/// thread first calls its `enter`.
#[expect(clippy::disallowed_methods, reason = "what arrives in real time is what is measured")]
pub(super) fn receive(
    length: usize,
    receiver_enters: impl FnOnce() + Send + 'static,
    sender_enters: impl FnOnce() + Send + 'static,
    at: Ipv4Addr,
    send: impl FnOnce(SocketAddr, &AtomicBool) + Send + 'static,
) -> f64 {
    const TIME: Duration = Duration::from_secs(1);
    let stop = Arc::new(AtomicBool::new(false));
    let bytes = Arc::new(AtomicU64::new(0));
    let (tell, told) = mpsc::channel();
    let receiver = thread::spawn({
        let (stop, bytes) = (stop.clone(), bytes.clone());
        move || {
            receiver_enters();
            pin(0);
            common::runtime().block_on(async {
                let host: Arc<dyn Host> = DirectHost::new().expect("a host");
                let socket = host.udp_bind(SocketAddr::new(at.into(), 0)).expect("a socket");
                tell.send(socket.local_addr()).expect("somebody who waits");
                let mut buffer = vec![0; 65_535];
                while !stop.load(Ordering::Relaxed) {
                    // Check now and then whether to stop.
                    let received = wirelab::path::timeout(&*host, TIME / 10, socket.recv(&mut buffer)).await;
                    let Ok(Ok(mut received)) = received else { continue };
                    let mut sum = received.len;
                    while received.more {
                        received = socket.recv(&mut buffer).await.expect("what is at hand");
                        sum += received.len;
                    }
                    bytes.fetch_add(sum as u64, Ordering::Relaxed);
                }
            });
        }
    });
    let to = told.recv().expect("a receiver");
    let sender = thread::spawn({
        let stop = stop.clone();
        move || {
            sender_enters();
            pin(1);
            send(to, &stop);
        }
    });
    thread::sleep(TIME / 5);
    let (start, before) = (Instant::now(), bytes.load(Ordering::Relaxed));
    thread::sleep(TIME);
    let (took, arrived) = (start.elapsed(), bytes.load(Ordering::Relaxed) - before);
    stop.store(true, Ordering::Relaxed);
    sender.join().expect("a sender");
    receiver.join().expect("a receiver");
    arrived as f64 / length as f64 / took.as_secs_f64() / 1e6
}

/// Sends runs of datagrams through our socket.
pub(super) fn send_runs(to: SocketAddr, stop: &AtomicBool) {
    common::runtime().block_on(async {
        let host: Arc<dyn Host> = DirectHost::new().expect("a host");
        let socket = host.udp_connect(to).expect("a socket");
        let run = vec![7; DATAGRAM * RUN];
        while !stop.load(Ordering::Relaxed) {
            match socket.try_send_run(&run, DATAGRAM, to, None) {
                Ok(_) => {}
                Err(DatagramError::WouldBlock) => socket.writable().await.expect("a socket"),
                Err(error) => panic!("{error}"),
            }
        }
    });
}
