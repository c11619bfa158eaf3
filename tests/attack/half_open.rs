//! Connections that are started and never completed.

use std::{
    collections::VecDeque,
    net::{SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::crypto::rustls::QuicClientConfig;
use socket2::{Domain, Socket, Type};
use wirelab::{
    arq::{Config, Connection, ConnectionId},
    unit::Time,
};

use super::{
    attacker, attackers,
    slow_readers::{datagram, tls_config},
    support::Server,
};

/// Half-open connections that an attacker keeps open; the server accepts fewer.
const HELD: usize = 4096;

/// Silent TCP connections. The server has closed most of those that are kept here, since it accepts 1,024.
pub(crate) fn of_tcp(server: &Server, scheme: &str, count: usize) -> VecDeque<Socket> {
    let to = server.address(scheme).into();
    let connect = |n| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&attacker(n).into()).unwrap();
        socket.connect_timeout(&to, Duration::from_secs(10)).unwrap();
        socket
    };
    let mut held = VecDeque::new();
    for socket in (0..count).map(connect) {
        if held.len() == HELD {
            held.pop_front();
        }
        held.push_back(socket);
    }
    held
}

/// Starts `count` handshakes and completes none.
pub(crate) fn of_quic(server: &Server, folder: &Path, count: u64) -> u64 {
    let mut initials = Initials::new(folder);
    let sockets = attackers();
    let per_socket = count / sockets.len() as u64;
    sockets.iter().map(|socket| initials.send(socket, server.address("quic"), per_socket)).sum()
}

/// Clients that validate their address and send nothing more. Returns how many got that far.
pub(crate) fn of_arq(server: &Server, count: u64) -> u64 {
    let to = server.address("arq");
    let sockets = attackers();
    for socket in &sockets {
        // A source above its rate gets no answer.
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    }
    let asked = sockets.iter().cycle().zip(0..count);
    asked.filter(|(socket, n)| greet(socket, to, ConnectionId(1 + n)).is_some()).count() as u64
}

/// A connection with a validated address, if the server allowed it.
pub(crate) fn greet(socket: &UdpSocket, to: SocketAddr, id: ConnectionId) -> Option<Connection> {
    let mut connection = Connection::client(Config::default(), id, Time::ZERO);
    socket.send_to(&datagram(&mut connection)?, to).unwrap();
    let mut challenge = [0; 2048];
    loop {
        let received = socket.recv(&mut challenge).ok()?;
        connection.handle_segment(Time::ZERO, &challenge[..received]);
        // Replies to earlier connections do not concern this one.
        if let Some(hello) = datagram(&mut connection) {
            socket.send_to(&hello, to).unwrap();
            return Some(connection);
        }
    }
}

/// First flights of QUIC clients, all different.
pub(crate) struct Initials {
    endpoint: quinn_proto::Endpoint,
    config: quinn_proto::ClientConfig,
}

impl Initials {
    pub(crate) fn new(folder: &Path) -> Self {
        let tls = QuicClientConfig::try_from(tls_config(folder)).unwrap();
        let endpoint = quinn_proto::Endpoint::new(Arc::default(), None, true, None);
        Self { endpoint, config: quinn_proto::ClientConfig::new(Arc::new(tls)) }
    }

    pub(crate) fn send(&mut self, socket: &UdpSocket, to: SocketAddr, count: u64) -> u64 {
        for n in 0..count {
            let now = Instant::now();
            let (_, mut connection) =
                self.endpoint.connect(now, self.config.clone(), to, "localhost").unwrap();
            let mut packet = Vec::new();
            let transmit = connection.poll_transmit(now, 1, &mut packet).unwrap();
            socket.send_to(&packet[..transmit.size], to).unwrap();
            if n % 50 == 49 {
                // As many at a time as a receive queue holds of this size.
                std::thread::yield_now();
            }
        }
        count
    }
}
