//! The segments of the kernel's TCP on this machine, read from a packet socket (packet(7)).
//!
//! The kernel shows such a socket each packet as an interface sends it, and each as an interface receives it. A
//! connection within this machine uses the loopback interface, which does both: these are the two ends.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use socket2::{Domain, SockFilter, Socket, Type};

use super::{bpf, control, shown::Shown};
use crate::{
    link::QueueVisit,
    path::{
        Host, PacketView, Payload, Side, packet_queue,
        sys::{self, ReceivedPacket},
    },
    unit::{Direction, Mutex, Time, nanos},
    wire::ip,
};

/// Room for the largest packet that the kernel shows: it splits or joins segments of up to 64 KiB in the interface.
const BUFFER_BYTES: usize = 128 << 10;
/// Room for a time stamp in control messages.
const CONTROL_BYTES: usize = 128;
/// How many packets are read before the next look for the end.
const PACKETS_BETWEEN_LOOKS: u64 = 1024;
/// Beyond this many ports the filter accepts every port: the kernel limits the length of a filter, and its memory.
const MOST_FILTERED_PORTS: usize = 64;
/// Room for packets that wait to be read, with the kernel's own data about each.
const QUEUE_BYTES: usize = 64 << 20;

/// Whether this process may read the segments of the kernel's TCP, which takes `CAP_NET_RAW`.
pub fn may_observe_tcp() -> bool {
    packet_socket().is_ok()
}

/// Shows the segments of connections with some servers.
#[derive(Debug)]
pub(super) struct Segments {
    shown: Arc<Mutex<Shown>>,
    /// Since the first server is watched.
    reader: Mutex<Option<Reader>>,
}

/// The packet socket and the thread that reads it.
#[derive(Debug)]
struct Reader {
    socket: Arc<Socket>,
    servers: Arc<Mutex<Vec<Server>>>,
    /// Becomes readable at the end.
    end: Arc<OwnedFd>,
    thread: JoinHandle<()>,
}

/// A server, and the ends at which its connections are observed.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    sides: Vec<Side>,
    /// The interface that its first packet used. With a bridge, a bond or a VLAN, the kernel shows each packet a second
    /// time, on the interface below.
    interface: Option<i32>,
}

impl Segments {
    pub(super) fn new(shown: Arc<Mutex<Shown>>) -> Self {
        Self { shown, reader: Mutex::new(None) }
    }

    /// From now on, shows what `side` sends to or receives from connections with this server. Without effect if this
    /// process may not: see [`may_observe_tcp`]. `host` tells the time.
    pub(super) fn watch(&self, server: SocketAddr, side: Side, host: &Arc<dyn Host>) {
        let mut reader = self.reader.lock();
        if reader.is_none() {
            *reader = Reader::start(host.clone(), self.shown.clone()).ok();
        }
        if let Some(reader) = &*reader {
            // A filter that short is refused only for want of memory. Then this server's segments are not shown.
            let _ = reader.watch(server, side);
        }
    }

    /// Shows what was sent and received until now, and nothing afterwards.
    pub(super) fn end(&self) {
        if let Some(Reader { end, thread, .. }) = self.reader.lock().take() {
            // A counter at 0 takes another 1.
            let _ = rustix::io::write(&*end, &1_u64.to_ne_bytes());
            // A panicked thread has printed its message.
            let _ = thread.join();
        }
    }
}

impl Reader {
    fn start(host: Arc<dyn Host>, shown: Arc<Mutex<Shown>>) -> io::Result<Self> {
        let socket = Arc::new(packet_socket()?);
        socket.attach_filter(&filter(&[]))?;
        sys::bind_packet(&*socket, 0)?;
        let end = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let servers = Arc::<Mutex<Vec<Server>>>::default();
        let reading =
            Reading { socket: socket.clone(), end: end.clone(), servers: servers.clone(), host, shown };
        let thread = thread::Builder::new().name("segments".to_owned()).spawn(move || reading.run())?;
        Ok(Self { socket, servers, end, thread })
    }

    fn watch(&self, address: SocketAddr, side: Side) -> io::Result<()> {
        let mut servers = self.servers.lock();
        if let Some(server) = servers.iter_mut().find(|server| server.address == address) {
            if !server.sides.contains(&side) {
                server.sides.push(side);
            }
            return Ok(());
        }
        servers.push(Server { address, sides: vec![side], interface: None });
        let mut ports: Vec<u16> = servers.iter().map(|server| server.address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        self.socket.attach_filter(&filter(&ports))
    }
}

impl Server {
    fn is_at(&self, address: SocketAddr) -> bool {
        let canonical = |address: SocketAddr| -> IpAddr { address.ip().to_canonical() };
        let own = canonical(self.address);
        self.address.port() == address.port() && (own.is_unspecified() || own == canonical(address))
    }
}

/// The thread's state.
struct Reading {
    socket: Arc<Socket>,
    end: Arc<OwnedFd>,
    servers: Arc<Mutex<Vec<Server>>>,
    host: Arc<dyn Host>,
    shown: Arc<Mutex<Shown>>,
}

impl Reading {
    /// Reads until told to end, or until the socket fails.
    fn run(&self) {
        let (mut buffer, mut control) = (vec![0; BUFFER_BYTES], [0; CONTROL_BYTES]);
        let (mut end, mut packets) = (None, 0_u64);
        loop {
            match sys::receive_packet(&self.socket, &mut buffer, &mut control) {
                Ok(received) => {
                    packets += 1;
                    // Packets may come faster than they are read, so that there is never none.
                    if end.is_none() && packets.is_multiple_of(PACKETS_BETWEEN_LOOKS) && self.has_ended() {
                        end = Some(self.host.now());
                    }
                    let control = control.get(..received.control_length).unwrap_or_default();
                    let at = self.time_of(control::stamp(control));
                    // Other connections with the same server may go on for ever.
                    if end.is_some_and(|end| at > end) {
                        break;
                    }
                    self.show(&received, &buffer, at);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && end.is_some() => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    end = self.wait().then(|| self.host.now());
                }
                Err(error) if is_passing(&error) => {}
                Err(_) => break,
            }
        }
        let missed = sys::packet_drops(&*self.socket).unwrap_or(0);
        if missed > 0 {
            self.shown.lock().missed(missed);
        }
    }

    /// Waits for a packet or the end. Returns whether it is the end.
    fn wait(&self) -> bool {
        let mut fds = [PollFd::new(&*self.socket, PollFlags::IN), PollFd::new(&*self.end, PollFlags::IN)];
        // Fails only if a signal interrupts it. The next read tells whether there is a packet.
        let _ = poll(&mut fds, None);
        !fds[1].revents().is_empty()
    }

    /// Whether it is the end, without waiting.
    fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&*self.end, PollFlags::IN)];
        matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
    }

    /// The time of a packet with this time stamp of the kernel, which is its wall clock.
    fn time_of(&self, stamp: Option<Duration>) -> Time {
        let (now, unix_time) = (self.host.now(), self.host.unix_time());
        let age = stamp.map_or(Duration::ZERO, |stamp| unix_time.saturating_sub(stamp));
        Time::from_nanos(now.as_nanos().saturating_sub(nanos(age)))
    }

    fn show(&self, received: &ReceivedPacket, buffer: &[u8], at: Time) {
        let is_sent = match received.kind {
            libc::PACKET_OUTGOING => true,
            libc::PACKET_HOST => false,
            _ => return,
        };
        let packet = &buffer[..received.length.min(buffer.len())];
        let Some((from, to)) = ip::addresses(packet) else { return };
        let mut servers = self.servers.lock();
        let found = servers.iter_mut().find_map(|server| {
            let way = match (server.is_at(to), server.is_at(from)) {
                (true, _) => Direction::ToServer,
                (_, true) => Direction::ToClient,
                _ => return None,
            };
            Some((way, server))
        });
        let Some((direction, server)) = found else { return };
        let side = Side::sending(if is_sent { direction } else { direction.reverse() });
        let is_its_interface = *server.interface.get_or_insert(received.interface) == received.interface;
        if !is_its_interface || !server.sides.contains(&side) {
            return;
        }
        drop(servers);
        let view = PacketView {
            direction,
            number: 0,
            at,
            from,
            to,
            ip_bytes: received.length,
            payload: Payload::Ip(packet),
            ecn: ip::ecn(packet),
            queue: QueueVisit::default(),
        };
        let mut shown = self.shown.lock();
        if is_sent { shown.entered(&view) } else { shown.left(&view) }
    }
}

/// Whether the socket still works after this error: a signal, or an interface that went down.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::NetworkDown)
}

/// A packet socket. When it is bound, it receives IP packets with the kernel's time stamps.
fn packet_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    sys::stamp_packets(&socket)?;
    packet_queue::enlarge(&socket, QUEUE_BYTES);
    Ok(socket)
}

/// Accepts TCP segments from or to these ports, or all of them if the ports are too many. The reader looks at the
/// addresses anyway.
fn filter(ports: &[u16]) -> Vec<SockFilter> {
    const IPV4: u32 = 0x40;
    const IPV6: u32 = 0x60;
    // Offsets in the IP header.
    const IPV4_PROTOCOL: u32 = 9;
    const IPV6_NEXT_HEADER: u32 = 6;
    const IPV6_HEADER_BYTES: u32 = 40;
    // X = 4 * (the header length of IPv4)
    let load_header_length = bpf::plain(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0);
    let v4 = {
        let load = |at| bpf::plain(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, at);
        segment(IPV4_PROTOCOL, Some(load_header_length), load, ports)
    };
    let v6 = {
        let load = |at| bpf::plain(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, IPV6_HEADER_BYTES + at);
        segment(IPV6_NEXT_HEADER, None, load, ports)
    };
    let mut program = vec![
        bpf::load_byte(0),
        bpf::plain(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xf0),
        bpf::jump_if_equal(IPV4, 1, 0),
        bpf::plain(libc::BPF_JMP | libc::BPF_JA, v4.len() as u32),
    ];
    program.extend(v4);
    program.extend([bpf::jump_if_equal(IPV6, 1, 0), bpf::accept(0)]);
    program.extend(v6);
    program
}

/// Accepts a segment from or to these ports, and nothing else. `before` precedes the loading of a port.
fn segment(
    protocol_at: u32,
    before: Option<SockFilter>,
    load: impl Fn(u32) -> SockFilter,
    ports: &[u16],
) -> Vec<SockFilter> {
    const TCP: u32 = 6;
    const ALL_BYTES: u32 = u32::MAX;
    const SOURCE_PORT: u32 = 0;
    const DESTINATION_PORT: u32 = 2;
    let mut program = vec![bpf::load_byte(protocol_at), bpf::jump_if_equal(TCP, 1, 0), bpf::accept(0)];
    if ports.len() > MOST_FILTERED_PORTS {
        program.push(bpf::accept(ALL_BYTES));
        return program;
    }
    program.extend(before);
    for port_at in [SOURCE_PORT, DESTINATION_PORT] {
        program.push(load(port_at));
        for port in ports {
            program.extend([bpf::jump_if_equal((*port).into(), 0, 1), bpf::accept(ALL_BYTES)]);
        }
    }
    program.push(bpf::accept(0));
    program
}

#[cfg(test)]
#[expect(dead_code, reason = "the tests here need no other programs")]
#[path = "../../../tests/support/skip.rs"]
mod skip;

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    use super::{skip::skip, *};
    use crate::path::{
        Exit, Observer, Observers,
        direct::{DirectHost, runtime},
    };

    /// A segment with data: its direction, its port at the server, its data, and whether it was received.
    type Seen = (Direction, u16, Vec<u8>, bool);
    type Log = Arc<Mutex<Vec<Seen>>>;

    struct Recorder(Log);

    impl Recorder {
        fn record(&self, packet: &PacketView<'_>, is_received: bool) {
            let Payload::Ip(bytes) = packet.payload else { panic!("not from the kernel") };
            let length = ip::tcp_segment(bytes).unwrap().length as usize;
            let data = bytes[bytes.len() - length..].to_vec();
            if !data.is_empty() {
                self.0.lock().push((packet.direction, packet.server_port(), data, is_received));
            }
        }
    }

    impl Observer for Recorder {
        fn entered(&mut self, packet: &PacketView<'_>) {
            self.record(packet, false);
        }

        fn left(&mut self, packet: &PacketView<'_>, _: Exit) {
            self.record(packet, true);
        }
    }

    /// Sends `request` to a server, which answers with `reply`.
    fn exchange(listener: &TcpListener, request: &[u8], reply: &[u8]) {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(request).unwrap();
        server.read_exact(&mut vec![0; request.len()]).unwrap();
        server.write_all(reply).unwrap();
        client.read_exact(&mut vec![0; reply.len()]).unwrap();
    }

    /// Segments whose data is recorded.
    fn observed() -> (Segments, Log) {
        let log = Log::default();
        let mut observers = Observers::default();
        observers.push(Box::new(Recorder(log.clone())));
        (Segments::new(Arc::new(Mutex::new(Shown::new(observers)))), log)
    }

    fn host() -> Arc<dyn Host> {
        runtime().unwrap().block_on(async { DirectHost::new() }).unwrap()
    }

    /// The segments with data that observers see, if `sides` of one of two servers at `address` are watched.
    fn seen(address: &str, sides: &[Side]) -> (Vec<Seen>, u16) {
        let (segments, log) = observed();
        let [watched, other] = [(); 2].map(|()| TcpListener::bind(address).unwrap());
        let server = watched.local_addr().unwrap();
        let host = host();
        for side in sides {
            segments.watch(server, *side, &host);
        }
        exchange(&other, b"unseen", b"reply");
        exchange(&watched, b"request", b"reply");
        segments.end();
        exchange(&watched, b"too late", b"reply");
        let seen = std::mem::take(&mut *log.lock());
        (seen, server.port())
    }

    /// Whether this process may observe TCP. Skips if it may not.
    fn is_privileged() -> bool {
        let may = may_observe_tcp();
        if !may {
            skip("observing TCP takes CAP_NET_RAW");
        }
        may
    }

    #[test]
    fn a_server_beyond_those_that_fit_into_a_filter_is_seen() {
        if !is_privileged() {
            return;
        }
        let ((segments, log), host) = (observed(), host());
        let listeners: Vec<TcpListener> =
            (0..=MOST_FILTERED_PORTS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for listener in &listeners {
            segments.watch(listener.local_addr().unwrap(), Side::Client, &host);
        }
        let last = listeners.last().unwrap();
        exchange(last, b"request", b"reply");
        segments.end();
        let port = last.local_addr().unwrap().port();
        let expected = [
            (Direction::ToServer, port, b"request".to_vec(), false),
            (Direction::ToClient, port, b"reply".to_vec(), true),
        ];
        assert_eq!(*log.lock(), expected);
    }

    #[test]
    fn the_kernel_takes_filters_for_all_ports() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for ports in [1, MOST_FILTERED_PORTS as u16, MOST_FILTERED_PORTS as u16 + 1, u16::MAX] {
            let ports: Vec<u16> = (1..=ports).collect();
            socket2::SockRef::from(&socket).attach_filter(&filter(&ports)).unwrap();
        }
    }

    fn addresses() -> impl Iterator<Item = &'static str> {
        ["127.0.0.1:0", "[::1]:0"].into_iter().filter(|address| TcpListener::bind(address).is_ok())
    }

    #[test]
    fn both_ends_of_watched_connections_are_seen_and_no_others() {
        if !is_privileged() {
            return;
        }
        for address in addresses() {
            let (seen, port) = seen(address, &[Side::Client, Side::Server]);
            let of =
                |direction, data: &[u8]| [false, true].map(|left| (direction, port, data.to_vec(), left));
            let expected = [of(Direction::ToServer, b"request"), of(Direction::ToClient, b"reply")].concat();
            assert_eq!(seen, expected, "{address}");
        }
    }

    #[test]
    fn the_end_of_a_client_is_seen_alone_if_its_server_is_not_ours() {
        if !is_privileged() {
            return;
        }
        for address in addresses() {
            let (seen, port) = seen(address, &[Side::Client]);
            let expected = [
                (Direction::ToServer, port, b"request".to_vec(), false),
                (Direction::ToClient, port, b"reply".to_vec(), true),
            ];
            assert_eq!(seen, expected, "{address}");
        }
    }
}
