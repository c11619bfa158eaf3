//! System calls without a safe interface: the only module with `unsafe` code.
//!
//! Each call passes plain numbers. The condition for its soundness is stated beside it.

use std::{
    io,
    mem::{self, MaybeUninit},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    ptr,
    time::Duration,
};

use rustix::thread::{UnshareFlags, unshare_unsafe};
use socket2::{MaybeUninitSlice, MsgHdrMut, SockAddr, SockAddrStorage, Socket};

use super::ThreadUsage;

/// Moves the calling thread into a new network namespace.
pub(super) fn unshare_network() -> io::Result<()> {
    // SAFETY: only the sharing of descriptors (CLONE_FILES) can break what other threads rely on.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?)
}

/// Makes a process namespace for the processes that the calling thread starts from now on, the first of which is its
/// init. The thread can start no other thread afterwards.
pub(super) fn unshare_processes() -> io::Result<()> {
    // SAFETY: as above.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWPID) }?)
}

/// Moves the process, which must have one thread, into a new user namespace.
pub(super) fn unshare_user() -> io::Result<()> {
    // SAFETY: as above.
    Ok(unsafe { unshare_unsafe(UnshareFlags::NEWUSER) }?)
}

/// Gives the calling thread real-time priority over all ordinary threads. The kernel allows this for root and for users
/// with a real-time limit (`ulimit -r`). Threads that it starts do not inherit the priority.
pub(super) fn run_ahead() -> io::Result<()> {
    /// The kernel's `struct sched_param`.
    #[repr(C)]
    struct Parameters {
        priority: libc::c_int,
    }
    /// `SCHED_FIFO` with `SCHED_RESET_ON_FORK` (sched(7)).
    const POLICY: libc::c_int = 1 | 0x4000_0000;
    let lowest = Parameters { priority: 1 };
    // The function of this name in musl only fails.
    // SAFETY: the kernel reads one `struct sched_param`, which outlives the call.
    let set = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, POLICY, &raw const lowest) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `struct ifreq` (netdevice(7)): an interface's name and the argument of a request.
#[repr(C)]
#[derive(Clone, Copy)]
struct InterfaceRequest<T: Copy> {
    name: [u8; libc::IFNAMSIZ],
    value: T,
    rest: [u8; 24],
}

impl<T: Copy> InterfaceRequest<T> {
    fn new(name: &str, value: T) -> Self {
        let mut bytes = [0; libc::IFNAMSIZ];
        // The last byte stays 0: a longer name is truncated, and then names no interface.
        bytes.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()).for_each(|(to, from)| *to = from);
        Self { name: bytes, value, rest: [0; 24] }
    }
}

/// Makes `file`, an open `/dev/net/tun`, the far end of a new interface `name` that carries bare IP packets.
pub(super) fn tun(file: impl AsFd, name: &str) -> io::Result<()> {
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let mut request = InterfaceRequest::new(name, flags);
    // SAFETY: the kernel reads and writes `sizeof(struct ifreq)` bytes, 40 at most, and here are 42 or more.
    check(unsafe { libc::ioctl(file.as_fd().as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) }).map(drop)
}

/// Sets one of the interface's features by its number in `linux/ethtool.h`.
pub(super) fn ethtool(socket: impl AsFd, name: &str, command: u32, value: u32) -> io::Result<()> {
    let mut argument = [command, value];
    let mut request = InterfaceRequest::new(name, argument.as_mut_ptr());
    // SAFETY: as in `tun`; and it points to a `struct ethtool_value`, two numbers, which outlives the call.
    check(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) })
        .map(drop)
}

/// Sets an option of a packet socket.
pub(super) fn set_packet_option(socket: impl AsFd, option: i32, value: i32) -> io::Result<()> {
    set_option(socket.as_fd(), libc::SOL_PACKET, option, value)
}

/// Stops the kernel from reporting the destination address of each datagram.
pub(super) fn leave_out_packet_info(socket: impl AsFd, is_ipv6: bool) -> io::Result<()> {
    let (level, option) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    };
    set_option(socket.as_fd(), level, option, 0)
}

/// Makes the kernel report the destination, the interface and the hop limit of each datagram.
pub(super) fn tell_origin(socket: impl AsFd, is_ipv6: bool) -> io::Result<()> {
    let (level, options) = if is_ipv6 {
        (libc::IPPROTO_IPV6, [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT])
    } else {
        (libc::IPPROTO_IP, [libc::IP_PKTINFO, libc::IP_RECVTTL])
    };
    options.into_iter().try_for_each(|option| set_option(socket.as_fd(), level, option, 1))
}

/// Makes the kernel report when it sent or received each packet of a packet socket.
pub(super) fn stamp_packets(socket: impl AsFd) -> io::Result<()> {
    set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Receives a datagram and its control messages. Returns both lengths and the source.
pub(super) fn receive_with_control(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut [u8],
) -> io::Result<(usize, usize, SocketAddr)> {
    let mut from = socket.local_addr()?;
    let (length, filled) = receive(socket, &mut from, buffer, control, 0)?;
    let from = from.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok((length, filled, from))
}

/// A packet that a packet socket received.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReceivedPacket {
    /// Its length, which may exceed the buffer.
    pub(super) length: usize,
    /// Bytes of control messages.
    pub(super) control_length: usize,
    /// Whether it was sent or received, and to whom: `PACKET_HOST`, `PACKET_OUTGOING` and others.
    pub(super) kind: u8,
    /// The number of the interface.
    pub(super) interface: i32,
}

/// Receives a packet and its control messages from a packet socket.
pub(super) fn receive_packet(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut [u8],
) -> io::Result<ReceivedPacket> {
    let length = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: all bytes 0 are a valid address of this length, and it fits into the storage.
    let mut from = unsafe { SockAddr::new(SockAddrStorage::zeroed(), length) };
    let (length, control_length) = receive(socket, &mut from, buffer, control, libc::MSG_TRUNC)?;
    // SAFETY: the storage is aligned and large enough for any address, and any bytes are a valid `sockaddr_ll`.
    let from: libc::sockaddr_ll = unsafe { ptr::read(from.as_ptr().cast()) };
    Ok(ReceivedPacket { length, control_length, kind: from.sll_pkttype, interface: from.sll_ifindex })
}

/// Receives a message. Returns its length and that of its control messages.
fn receive(
    socket: &Socket,
    from: &mut SockAddr,
    buffer: &mut [u8],
    control: &mut [u8],
    flags: i32,
) -> io::Result<(usize, usize)> {
    fn uninit(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
        // SAFETY: both have the same layout, and the kernel writes only initialised bytes.
        unsafe { &mut *(ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
    }
    let mut buffers = [MaybeUninitSlice::new(uninit(buffer))];
    let mut message =
        MsgHdrMut::new().with_addr(from).with_buffers(&mut buffers).with_control(uninit(control));
    let length = socket.recvmsg(&mut message, flags)?;
    Ok((length, message.control_len()))
}

/// Packets dropped by a packet socket since the last call.
pub(super) fn packet_drops(socket: impl AsFd) -> io::Result<u64> {
    let bytes: [u8; 8] = option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS)?.0;
    let [.., a, b, c, d] = bytes;
    Ok(u32::from_ne_bytes([a, b, c, d]).into())
}

/// Binds a packet socket to the interface with this number, or to all interfaces if it is 0.
pub(super) fn bind_packet(socket: impl AsFd, interface: u32) -> io::Result<()> {
    // SAFETY: all bytes 0 are a valid address of this kind: it has numbers only.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface.try_into().unwrap_or(i32::MAX);
    let length = mem::size_of_val(&address) as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of an address that is that long.
    let bound = unsafe { libc::bind(socket.as_fd().as_raw_fd(), (&raw const address).cast(), length) };
    check(bound).map(drop)
}

/// `struct tcp_info` of a TCP connection, and its length on this kernel.
pub(super) fn tcp_info(socket: impl AsFd) -> io::Result<([u8; 256], usize)> {
    option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO)
}

/// Has a program choose the socket that receives a datagram, of those that share the port of `socket`: its result is
/// the socket's number, in the order in which they were bound.
pub(super) fn attach_reuseport_filter(socket: impl AsFd, program: &[libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    let length = mem::size_of_val(&filter) as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF);
    // SAFETY: the kernel reads `length` bytes of `filter`, and copies the instructions that it points to.
    let set = unsafe {
        libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, (&raw const filter).cast(), length)
    };
    check(set).map(drop)
}

fn set_option(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    let length = mem::size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of a number that is that long.
    let set =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    check(set).map(drop)
}

/// A socket option's bytes, and how many of them the kernel filled.
fn option<const N: usize>(socket: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<([u8; N], usize)> {
    let mut bytes = [0; N];
    let mut length = N as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is how many there are, and then how many it wrote.
    let got = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, bytes.as_mut_ptr().cast(), &raw mut length)
    };
    check(got)?;
    Ok((bytes, length as usize))
}

/// The usage of the calling thread so far, without its calls on sockets. `None` if the kernel does not report it.
pub(super) fn thread_usage() -> Option<ThreadUsage> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes one `rusage`, for which there is room.
    check(unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) }).ok()?;
    // SAFETY: it consists of numbers, all of which are set.
    let usage = unsafe { usage.assume_init() };
    let time = |time: libc::timeval| {
        let micros = u64::try_from(time.tv_usec).ok()?;
        Some(Duration::from_secs(u64::try_from(time.tv_sec).ok()?) + Duration::from_micros(micros))
    };
    let switches = usage.ru_nvcsw.saturating_add(usage.ru_nivcsw);
    Some(ThreadUsage {
        user: time(usage.ru_utime)?,
        system: time(usage.ru_stime)?,
        context_switches: u64::try_from(switches).ok()?,
        socket_calls: 0,
    })
}

fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
