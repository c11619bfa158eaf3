//! How many small packets a second the wire of network namespaces passes, counted where it delivers them.
//!
//! One way, without any effect. The sender makes a system call for each packet, and nobody reads at the other end.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a rate is measured in real time")]

use std::{
    io,
    net::UdpSocket,
    time::{Duration, Instant},
};

use wirelab::{
    link::LinkSpec,
    path::{
        Observers, Side,
        netns::{Device, World},
    },
    unit::PerDirection,
};

const LENGTH: usize = 64;
const PORT: u16 = 7;
const DURATION: Duration = Duration::from_secs(3);

fn main() {
    for device in [Device::Tun, Device::Veth] {
        let links = PerDirection::both(LinkSpec::default());
        match World::with_device(&links, 1, device, Observers::default()) {
            Ok(world) => measure(&world, device).expect("sockets in the namespaces"),
            Err(error) => println!("{}: skipped: {error}", device.name()),
        }
    }
}

fn measure(world: &World, device: Device) -> io::Result<()> {
    let bind = |side, port| world.namespace(side).within(move || UdpSocket::bind(("0.0.0.0", port)));
    let _sink = bind(Side::Server, PORT)??;
    let client = bind(Side::Client, 0)??;
    client.connect((World::ip(Side::Server), PORT))?;
    let begun = Instant::now();
    while begun.elapsed() < DURATION {
        for _ in 0..1000 {
            // A full queue refuses packets; only delivered ones count.
            let _ = client.send(&[0; LENGTH]);
        }
    }
    let rate = world.counters().to_server.delivered as f64 / begun.elapsed().as_secs_f64();
    let fidelity = world.fidelity();
    let (late, dropped) = (fidelity.lateness.summary(), fidelity.dropped);
    println!("{}: {rate:.0} packets/s, late {late:?}, dropped {dropped:?}", device.name());
    Ok(())
}
