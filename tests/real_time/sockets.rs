//! What the kernel does for UDP sockets, over IPv4 and IPv6.

use std::{
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use wirelab::path::{
    Host,
    direct::{DirectHost, LinkSocket, Origin, runtime},
    timeout,
};

use crate::support::loopbacks;

#[test]
fn the_kernel_tells_the_destination_the_interface_and_the_hop_limit() {
    for ip in loopbacks() {
        let local = format!("{ip}:0");
        let socket = UdpSocket::bind(&local).unwrap();
        socket.set_nonblocking(true).unwrap();
        let to = socket.local_addr().unwrap();
        let sender = UdpSocket::bind(&local).unwrap();
        if to.is_ipv6() {
            socket2::SockRef::from(&sender).set_unicast_hops_v6(77).unwrap();
        } else {
            sender.set_ttl(77).unwrap();
        }
        runtime().unwrap().block_on(async {
            let socket = LinkSocket::new(socket.into()).unwrap();
            sender.send_to(b"hello", to).unwrap();
            let mut buffer = [0; 4];
            let from = sender.local_addr().unwrap();
            // The index of the loopback interface is 1 on Linux.
            let origin = Origin { from, to: to.ip(), interface: 1, hop_limit: Some(77) };
            assert_eq!(socket.recv(&mut buffer).await.unwrap(), (4, origin));
            assert_eq!(&buffer, b"hell");
            socket.send(b"back", from).unwrap();
            assert_eq!(sender.recv(&mut buffer).unwrap(), 4);
        });
    }
}

#[test]
fn an_ipv6_source_is_shunned_with_its_network() {
    if !loopbacks().contains(&"[::1]") {
        return;
    }
    runtime().unwrap().block_on(async {
        let host = DirectHost::new().unwrap();
        let server = host.udp_bind("[::1]:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("[::1]:0").unwrap();
        for (sources, received) in [(&["::"][..], false), (&["2001:db8::", "0:0:0:1::"], true), (&[], true)] {
            let shunned: Vec<IpAddr> = sources.iter().map(|source| source.parse().unwrap()).collect();
            assert!(server.shun(&shunned), "{sources:?}");
            client.send_to(b"x", server.local_addr()).unwrap();
            let mut byte = [0];
            let arrived = timeout(&*host, Duration::from_millis(50), server.recv(&mut byte)).await;
            assert_eq!(matches!(arrived, Ok(Ok(_))), received, "{sources:?}: {arrived:?}");
        }
    });
}
