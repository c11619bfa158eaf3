//! Where the forwarder meets the packets of one host: a TUN device, or one end of a veth pair.

use std::{
    fs::{File, OpenOptions},
    io,
    net::Ipv4Addr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, eth, netdevice::name_to_index, socket_with},
};

use super::{error::NetnsError, namespace::Namespace, netlink};
use crate::path::{packet_queue, sys};

/// How packets get from a host to the forwarder and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// A TUN device, whose other end is a file. Requires access to `/dev/net/tun`.
    Tun,
    /// A pair of Ethernet devices, with a packet socket on the far one.
    Veth,
}

/// The interface's name in the host's namespace.
const NAME: &str = "wire0";
/// The address of every Ethernet device here: see [`netlink::add_veth`].
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
/// Room for packets that wait for the forwarder, and for bytes where the queue counts bytes.
const QUEUE_PACKETS: u32 = 10_000;
const QUEUE_BYTES: usize = 16 << 20;

impl Device {
    /// Its name in a result.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tun => "tun",
            Self::Veth => "veth",
        }
    }

    /// The faster one that this process may use; they do not differ otherwise.
    pub fn best() -> Self {
        match open_tun() {
            Ok(_) => Self::Tun,
            Err(_) => Self::Veth,
        }
    }

    /// Connects the host in `namespace` by an interface with this address.
    ///
    /// Returns [`NetnsError`] if the system has no such device or forbids it.
    pub(super) fn connect(
        self,
        namespace: &Namespace,
        address: Ipv4Addr,
        mtu: u16,
    ) -> Result<Port, NetnsError> {
        match self {
            Self::Tun => {
                let tun = namespace.within(|| {
                    let tun = open_tun()?;
                    sys::tun(&tun, NAME)?;
                    configure(address, mtu)?;
                    Ok(tun.into())
                });
                let fd = tun.flatten().map_err(NetnsError::setup("set up a TUN device"))?;
                Ok(Port { fd, link_header: 0, is_packet_socket: false })
            }
            Self::Veth => {
                // The far end gets a namespace of its own, where only the forwarder listens.
                let wire = Namespace::new(false)?;
                let fd = wire.within(|| veth(namespace, mtu)).flatten();
                let configured = namespace.within(|| {
                    for feature in OFFLOADS {
                        sys::ethtool(control_socket()?, NAME, feature, 0)?;
                    }
                    configure(address, mtu)
                });
                configured.flatten().map_err(NetnsError::setup("set up a veth device"))?;
                let fd = fd.map_err(NetnsError::setup("set up a veth device"))?;
                Ok(Port { fd, link_header: ETHERNET_HEADER_BYTES, is_packet_socket: true })
            }
        }
    }
}

/// Transmit checksums, TCP and generic segmentation, generic receive (`linux/ethtool.h`): with them, one "packet" would
/// be up to 45 segments, and one loss would drop all of them. TUN devices have none by default.
const OFFLOADS: [u32; 4] = [0x17, 0x1f, 0x24, 0x2c];
const ETHERNET_HEADER_BYTES: usize = 14;

fn open_tun() -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/net/tun")
}

fn control_socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?)
}

/// Gives the host's interface its address and brings it up.
fn configure(address: Ipv4Addr, mtu: u16) -> io::Result<()> {
    let index = name_to_index(control_socket()?, NAME)?;
    netlink::add_address(index, address)?;
    netlink::bring_up(index, mtu, QUEUE_PACKETS)
}

/// Takes this address from the interface of this thread's namespace.
pub(super) fn remove_address(address: Ipv4Addr) -> io::Result<()> {
    netlink::remove_address(name_to_index(control_socket()?, NAME)?, address)
}

/// Gives the interface of this thread's namespace an address.
pub(super) fn add_address(address: Ipv4Addr) -> io::Result<()> {
    netlink::add_address(name_to_index(control_socket()?, NAME)?, address)
}

/// A pair with its near end in `namespace` and its far end here, and a packet socket on the far one.
fn veth(namespace: &Namespace, mtu: u16) -> io::Result<OwnedFd> {
    const OUTER: &str = "outer0";
    netlink::add_veth(OUTER, NAME, namespace.as_fd(), MAC)?;
    let index = name_to_index(control_socket()?, OUTER)?;
    netlink::bring_up(index, mtu, QUEUE_PACKETS)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, Some(eth::ALL))?;
    // The forwarder must not read what it sent itself.
    sys::set_packet_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1)?;
    sys::set_packet_option(&socket, libc::PACKET_QDISC_BYPASS, 1)?;
    packet_queue::enlarge(&socket, QUEUE_BYTES);
    sys::bind_packet(&socket, index)?;
    Ok(socket)
}

/// The forwarder's end of a device.
#[derive(Debug)]
pub(super) struct Port {
    fd: OwnedFd,
    /// Bytes in front of the IP header.
    link_header: usize,
    is_packet_socket: bool,
}

impl Port {
    /// Bytes in front of the IP header of packets read and written here.
    pub(super) fn link_header(&self) -> usize {
        self.link_header
    }

    /// Reads one packet, if there is one, and returns its length.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(&self.fd, buffer) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes one packet; the host has it when this returns.
    pub(super) fn write(&self, packet: &[u8]) -> io::Result<()> {
        rustix::io::write(&self.fd, packet)?;
        Ok(())
    }

    /// Packets dropped here since the last call because the forwarder did not read them in time.
    pub(super) fn drops(&self) -> u64 {
        if self.is_packet_socket { sys::packet_drops(&self.fd).unwrap_or(0) } else { 0 }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
