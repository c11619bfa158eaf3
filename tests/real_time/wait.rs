//! Waiting until an instant, or until a socket is ready.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags};
use wirelab::{path::wait::Waiter, unit::Time};

#[expect(clippy::disallowed_methods, reason = "real time is what is waited for")]
fn clock() -> impl Fn() -> Time {
    let origin = Instant::now();
    move || Time::ZERO + origin.elapsed()
}

fn pair() -> (UdpSocket, UdpSocket) {
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (from, to) = (socket(), socket());
    from.connect(to.local_addr().unwrap()).unwrap();
    (from, to)
}

#[test]
fn a_wait_never_ends_early_and_returns_that_nothing_is_ready() {
    let (now, (_, quiet)) = (clock(), pair());
    let mut waiter = Waiter::new();
    for micros in [0, 1, 50, 500, 5000] {
        let until = now() + Duration::from_micros(micros);
        let mut fds = [PollFd::new(&quiet, PollFlags::IN)];
        assert!(!waiter.wait(&mut fds, Some(until), &now).unwrap());
        assert!(now() >= until, "{micros}");
    }
}

#[test]
fn a_datagram_ends_the_wait() {
    let (now, (from, to)) = (clock(), pair());
    let (_, quiet) = pair();
    from.send(b"wake up").unwrap();
    let far = now() + Duration::from_secs(3600);
    for until in [None, Some(far), Some(Time::ZERO)] {
        let mut fds = [&quiet, &to].map(|socket| PollFd::new(socket, PollFlags::IN));
        assert!(Waiter::new().wait(&mut fds, until, &now).unwrap());
        assert!(fds[0].revents().is_empty() && fds[1].revents().contains(PollFlags::IN));
    }
}
