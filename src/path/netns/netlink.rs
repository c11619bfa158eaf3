//! The rtnetlink requests that set up a wire.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd, BorrowedFd},
};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// A pair of connected Ethernet devices: `outer` in the calling thread's namespace, `inner` in `namespace`.
///
/// All devices have the same `mac`, so that a frame can be forwarded unchanged and no address resolution is needed.
pub(super) fn add_veth(outer: &str, inner: &str, namespace: BorrowedFd<'_>, mac: [u8; 6]) -> io::Result<()> {
    let descriptor = namespace.as_raw_fd().cast_unsigned().to_ne_bytes();
    let peer = Payload::interface(0, 0, 0)
        .attribute(libc::IFLA_IFNAME, &zero_terminated(inner))
        .attribute(libc::IFLA_ADDRESS, &mac)
        .attribute(libc::IFLA_NET_NS_FD, &descriptor);
    // VETH_INFO_PEER of `linux/veth.h`.
    let data = Payload::default().attribute(1, &peer.0);
    let info = Payload::default()
        .attribute(libc::IFLA_INFO_KIND, b"veth\0")
        .attribute(libc::IFLA_INFO_DATA, &data.0);
    let request = Payload::interface(0, 0, 0)
        .attribute(libc::IFLA_IFNAME, &zero_terminated(outer))
        .attribute(libc::IFLA_ADDRESS, &mac)
        .attribute(libc::IFLA_LINKINFO, &info.0);
    request.send(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
}

/// Brings an interface up: no address resolution, and `queue` packets of room where it has a queue.
pub(super) fn bring_up(index: u32, mtu: u16, queue: u32) -> io::Result<()> {
    let flags = (libc::IFF_UP | libc::IFF_NOARP).cast_unsigned();
    Payload::interface(index, flags, flags)
        .attribute(libc::IFLA_MTU, &u32::from(mtu).to_ne_bytes())
        .attribute(libc::IFLA_TXQLEN, &queue.to_ne_bytes())
        .send(libc::RTM_NEWLINK, 0)
}

/// Brings up the loopback interface, which is the first of every namespace.
pub(super) fn bring_up_loopback() -> io::Result<()> {
    let up = libc::IFF_UP.cast_unsigned();
    Payload::interface(1, up, up).send(libc::RTM_NEWLINK, 0)
}

/// Gives an interface an address in a /24 network.
pub(super) fn add_address(index: u32, address: Ipv4Addr) -> io::Result<()> {
    Payload::address(index, address).send(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
}

/// Takes this address from an interface.
pub(super) fn remove_address(index: u32, address: Ipv4Addr) -> io::Result<()> {
    Payload::address(index, address).send(libc::RTM_DELADDR, 0)
}

fn zero_terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// The payload of a message.
#[derive(Default)]
struct Payload(Vec<u8>);

impl Payload {
    /// `struct ifinfomsg`; `change` is the mask of `flags`.
    fn interface(index: u32, flags: u32, change: u32) -> Self {
        let words = [0, index, flags, change];
        Self(words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect())
    }

    /// `struct ifaddrmsg` of an address in a /24 network.
    fn address(index: u32, address: Ipv4Addr) -> Self {
        const PREFIX: u8 = 24;
        let mut payload = Self(vec![libc::AF_INET as u8, PREFIX, 0, libc::RT_SCOPE_UNIVERSE]);
        payload.0.extend_from_slice(&index.to_ne_bytes());
        payload.attribute(libc::IFA_LOCAL, &address.octets()).attribute(libc::IFA_ADDRESS, &address.octets())
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Sends the request and returns the kernel's answer.
    fn send(self, kind: u16, flags: i32) -> io::Result<()> {
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let length = (16 + self.0.len()) as u32;
        // struct nlmsghdr: length, kind, flags, sequence number, sender
        let header = [
            &length.to_ne_bytes()[..],
            &kind.to_ne_bytes(),
            &flags.to_ne_bytes(),
            &1u32.to_ne_bytes(),
            &0u32.to_ne_bytes(),
        ];
        let message = [&header.concat()[..], &self.0].concat();
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        send(&socket, &message, SendFlags::empty())?;
        let mut answer = [0; 4096];
        let (read, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
        // struct nlmsgerr follows the header: a negated error number, 0 for none.
        let code = answer[..read].get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
        match code {
            Some(0) => Ok(()),
            Some(code) => Err(io::Error::from_raw_os_error(-code)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
