//! The same over a pair of virtual Ethernet devices without segmentation offload: the kernel cuts each run into packets.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    process::{self, Command},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    by_turns, print,
    stream::{DATAGRAM, receive, send_runs},
};

/// Reserved for documentation (RFC 5737), used in separate namespaces only.
const SENDER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

pub(super) fn measure() {
    let Some(pair) = Pair::new() else {
        println!("UDP stream over veth: skipped, for want of root or of iproute2");
        return;
    };
    let rate = |send: fn(SocketAddr, &AtomicBool)| {
        let [sender, receiver] = pair.0.clone();
        receive(DATAGRAM, move || enter(&receiver), move || enter(&sender), RECEIVER, send)
    };
    let figures = by_turns(|| rate(send_runs), || Some(rate(send_plainly)));
    let what = format!("UDP stream, {DATAGRAM} bytes, veth, runs cut by the kernel");
    print(&what, "M/s", "a loop of send()", figures, "(aim: at least 2.2)");
}

fn send_plainly(to: SocketAddr, stop: &AtomicBool) {
    let socket = UdpSocket::bind((SENDER, 0)).expect("a socket");
    socket.connect(to).expect("a peer");
    while !stop.load(Ordering::Relaxed) {
        // A datagram that finds no room is dropped.
        let _ = socket.send(&[7; DATAGRAM]);
    }
}

/// Two network namespaces, deleted when this is dropped.
struct Pair([String; 2]);

impl Pair {
    fn new() -> Option<Self> {
        let id = process::id();
        let pair = Self([format!("wirelab-{id}-a"), format!("wirelab-{id}-b")]);
        let [a, b] = &pair.0;
        ip(&["netns", "add", a])?;
        ip(&["netns", "add", b])?;
        ip(&["-n", a, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", b])?;
        for (namespace, address) in [(a, SENDER), (b, RECEIVER)] {
            ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", "veth0"])?;
            ip(&["-n", namespace, "link", "set", "veth0", "up", "gso_max_segs", "1"])?;
        }
        Some(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for namespace in &self.0 {
            ip(&["netns", "del", namespace]);
        }
    }
}

fn ip(arguments: &[&str]) -> Option<()> {
    let output = Command::new("ip").args(arguments).output().ok()?;
    output.status.success().then_some(())
}

fn enter(namespace: &str) {
    let file = File::open(format!("/run/netns/{namespace}")).expect("a namespace");
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("to enter it");
}
