//! Transports with one property more or less than the original, to test that `properties` notices.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    ConnectError, DatagramListening, DatagramSession, DialSettings, Establishing, ListenResult,
    ListenSettings, Protocol, Session, SharedKey, Spec, Transport, dial, listen,
    security::{ClientTls, Trust},
};
use crate::{
    path::{BoxFuture, DatagramError, Datagrams, Host, Received, timeout},
    unit::Mutex,
};

/// What raw UDP does in addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Addition {
    /// Acknowledges datagrams, and sends those again that were not acknowledged.
    Retransmission,
    /// Receives no datagram twice.
    Filter,
    /// Appends a checksum, and drops changed datagrams.
    Checksum,
    /// Hides the content.
    Mask,
    /// Numbers datagrams, and drops those with a lower number than the last.
    Numbers,
    /// Exchanges a datagram before the first message, and takes no messages from others.
    Handshake,
    /// Sends short messages together (RFC 896).
    Coalescing,
}

static RETRANSMITTING: Spec = altered("udp with retransmission", &Addition::Retransmission);
static FILTERING: Spec = altered("udp with a filter", &Addition::Filter);
static CHECKING: Spec = altered("udp with a checksum", &Addition::Checksum);
static MASKING: Spec = altered("udp with a mask", &Addition::Mask);
static NUMBERING: Spec = altered("udp with numbers", &Addition::Numbers);
static CONNECTING: Spec = altered("udp with a handshake", &Addition::Handshake);
static COALESCING: Spec = altered("udp that coalesces", &Addition::Coalescing);
static CREDULOUS_UDP_HMAC: Spec = Spec {
    name: "udp-hmac with a known key",
    protocol: &Credulous(Transport::UDP_HMAC),
    ..*Transport::UDP_HMAC.spec()
};
static CREDULOUS_DTLS: Spec =
    Spec { name: "dtls with any server", protocol: &Credulous(Transport::DTLS), ..*Transport::DTLS.spec() };
static CREDULOUS_QUIC: Spec = Spec {
    name: "quic-one with any server",
    protocol: &Credulous(Transport::QUIC_ONE),
    ..*Transport::QUIC_ONE.spec()
};

const fn altered(name: &'static str, addition: &'static Addition) -> Spec {
    Spec { name, protocol: addition, ..*Transport::UDP.spec() }
}

impl Transport {
    pub(crate) const RETRANSMITTING_UDP: Self = Self::new(&RETRANSMITTING);
    pub(crate) const FILTERING_UDP: Self = Self::new(&FILTERING);
    pub(crate) const CHECKING_UDP: Self = Self::new(&CHECKING);
    pub(crate) const MASKING_UDP: Self = Self::new(&MASKING);
    pub(crate) const NUMBERING_UDP: Self = Self::new(&NUMBERING);
    pub(crate) const CONNECTING_UDP: Self = Self::new(&CONNECTING);
    pub(crate) const COALESCING_UDP: Self = Self::new(&COALESCING);
    pub(crate) const CREDULOUS_UDP_HMAC: Self = Self::new(&CREDULOUS_UDP_HMAC);
    pub(crate) const CREDULOUS_DTLS: Self = Self::new(&CREDULOUS_DTLS);
    pub(crate) const CREDULOUS_QUIC: Self = Self::new(&CREDULOUS_QUIC);
}

/// Longer than the round trip of any run.
const RETRANSMISSION_TIMEOUT: Duration = Duration::from_millis(50);
const TRIES: u32 = 10;
/// Messages shorter than this, in bytes, wait for others.
const SHORT: usize = 500;
const COALESCING_DELAY: Duration = Duration::from_millis(1);
const HELLO: &[u8] = b"hello";
const WELCOME: &[u8] = b"welcome";
const MASK: u8 = 0x5a;

impl Protocol for Addition {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        _: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            let socket = host.udp_connect(peer)?;
            if *self == Self::Handshake {
                shake_hands(host, &socket, peer).await?;
            }
            let socket = AlteredSocket::new(*self, socket, host);
            socket.state.lock().last.insert(peer, 0);
            Ok(Session::Datagrams(DatagramSession { socket: Arc::new(socket), peer: Some(peer) }))
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, _: ListenSettings<'_>) -> ListenResult {
        let socket = AlteredSocket::new(*self, host.udp_bind(local)?, host);
        Ok(Box::new(DatagramListening::new(Arc::new(socket))))
    }
}

/// Sends a hello until the welcome arrives: the link may lose or change either.
async fn shake_hands(
    host: &Arc<dyn Host>,
    socket: &Arc<dyn Datagrams>,
    peer: SocketAddr,
) -> Result<(), ConnectError> {
    const WHAT: &str = "a handshake";
    let failed = |error: DatagramError| ConnectError::Failed { what: WHAT, peer, reason: error.to_string() };
    let mut buffer = [0; 100];
    for _ in 0..TRIES {
        socket.send(HELLO, peer, None).await.map_err(failed)?;
        let reply = timeout(&**host, RETRANSMISSION_TIMEOUT, socket.recv(&mut buffer)).await;
        if let Ok(received) = reply
            && buffer[..received.map_err(failed)?.len] == *WELCOME
        {
            return Ok(());
        }
    }
    Err(ConnectError::TimedOut { what: WHAT, peer, after: RETRANSMISSION_TIMEOUT * TRIES })
}

#[derive(Debug)]
struct AlteredSocket {
    addition: Addition,
    inner: Arc<dyn Datagrams>,
    host: Arc<dyn Host>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// The number of the last datagram. The first follows the clock, so that a later socket continues.
    sent: u64,
    unacknowledged: BTreeSet<u64>,
    received: BTreeSet<(SocketAddr, Vec<u8>)>,
    coalesced: Vec<u8>,
    /// The last number from each address, or the addresses that are known.
    last: BTreeMap<SocketAddr, u64>,
}

impl AlteredSocket {
    fn new(addition: Addition, inner: Arc<dyn Datagrams>, host: &Arc<dyn Host>) -> Self {
        let state = State {
            sent: host.now().as_nanos(),
            unacknowledged: BTreeSet::new(),
            received: BTreeSet::new(),
            coalesced: Vec::new(),
            last: BTreeMap::new(),
        };
        Self { addition, inner, host: host.clone(), state: Arc::new(Mutex::new(state)) }
    }

    /// The length of the message in `datagram`, if it is to be delivered.
    fn open(&self, datagram: &mut [u8], from: SocketAddr) -> Option<usize> {
        let mut state = self.state.lock();
        match self.addition {
            Addition::Retransmission => {
                let (message, number) = datagram.split_last_chunk()?;
                if message.is_empty() {
                    state.unacknowledged.remove(&u64::from_be_bytes(*number));
                    return None;
                }
                self.inner.try_send(number, from, None).unwrap();
                state.received.insert((from, number.to_vec())).then_some(message.len())
            }
            Addition::Filter => state.received.insert((from, datagram.to_vec())).then_some(datagram.len()),
            Addition::Checksum => {
                let (message, sum) = datagram.split_last_chunk()?;
                (crc32fast::hash(message) == u32::from_be_bytes(*sum)).then_some(message.len())
            }
            Addition::Mask => {
                datagram.iter_mut().for_each(|byte| *byte ^= MASK);
                Some(datagram.len())
            }
            Addition::Numbers => {
                let (message, number) = datagram.split_last_chunk()?;
                let (number, last) = (u64::from_be_bytes(*number), state.last.entry(from).or_default());
                let is_newer = number > *last;
                *last = number.max(*last);
                is_newer.then_some(message.len())
            }
            Addition::Handshake if datagram == HELLO => {
                state.last.insert(from, 0);
                self.inner.try_send(WELCOME, from, None).unwrap();
                None
            }
            Addition::Handshake => {
                (datagram != WELCOME && state.last.contains_key(&from)).then_some(datagram.len())
            }
            Addition::Coalescing => Some(datagram.len()),
        }
    }

    /// Sends `datagram` again until `number` is acknowledged.
    fn retransmit(&self, datagram: Vec<u8>, number: u64, to: SocketAddr, from: Option<IpAddr>) {
        self.state.lock().unacknowledged.insert(number);
        let (inner, host, state) = (self.inner.clone(), self.host.clone(), self.state.clone());
        let retransmit = async move {
            for _ in 0..TRIES {
                host.sleep(RETRANSMISSION_TIMEOUT).await;
                if !state.lock().unacknowledged.contains(&number) {
                    return;
                }
                inner.send(&datagram, to, from).await.unwrap();
            }
        };
        self.host.spawn("a retransmission", Box::pin(retransmit));
    }

    /// Sends `payload` a little later, with what else is to be sent until then.
    fn coalesce(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) {
        let mut state = self.state.lock();
        let is_first = state.coalesced.is_empty();
        state.coalesced.extend(payload);
        if is_first {
            let (inner, host, state) = (self.inner.clone(), self.host.clone(), self.state.clone());
            let send = async move {
                host.sleep(COALESCING_DELAY).await;
                let datagram = mem::take(&mut state.lock().coalesced);
                inner.send(&datagram, to, from).await.unwrap();
            };
            self.host.spawn("coalescing", Box::pin(send));
        }
    }

    /// `payload` and the next number.
    fn numbered(&self, payload: &[u8]) -> (Vec<u8>, u64) {
        let mut state = self.state.lock();
        state.sent += 1;
        ([payload, &state.sent.to_be_bytes()].concat(), state.sent)
    }
}

impl Datagrams for AlteredSocket {
    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Received, DatagramError>> {
        loop {
            let received = ready!(self.inner.poll_recv(cx, buffer))?;
            if let Some(len) = self.open(&mut buffer[..received.len], received.from) {
                return Poll::Ready(Ok(Received { len, more: false, ..received }));
            }
        }
    }

    fn try_send(&self, payload: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Result<(), DatagramError> {
        let datagram = match self.addition {
            Addition::Retransmission => {
                let (datagram, number) = self.numbered(payload);
                self.inner.try_send(&datagram, to, from)?;
                self.retransmit(datagram, number, to, from);
                return Ok(());
            }
            Addition::Checksum => [payload, &crc32fast::hash(payload).to_be_bytes()].concat(),
            Addition::Mask => payload.iter().map(|byte| byte ^ MASK).collect(),
            Addition::Numbers => self.numbered(payload).0,
            Addition::Coalescing if payload.len() < SHORT => {
                self.coalesce(payload, to, from);
                return Ok(());
            }
            Addition::Filter | Addition::Handshake | Addition::Coalescing => payload.to_vec(),
        };
        self.inner.try_send(&datagram, to, from)
    }

    fn writable(&self) -> BoxFuture<'_, Result<(), DatagramError>> {
        self.inner.writable()
    }
}

/// A transport with a key that everybody knows, and with clients that trust any server.
#[derive(Debug)]
struct Credulous(Transport);

const KNOWN: [u8; 32] = [7; 32];

impl Protocol for Credulous {
    fn dial<'a>(
        &'a self,
        host: &'a Arc<dyn Host>,
        peer: SocketAddr,
        settings: DialSettings<'a>,
    ) -> Establishing<'a> {
        Box::pin(async move {
            let tls = ClientTls { trust: Trust::Anyone, ..settings.tls.clone() };
            let key = SharedKey::new(&KNOWN);
            let settings = DialSettings { tls: &tls, shared_key: Some(&key), ..settings };
            dial(host, self.0, peer, settings).await
        })
    }

    fn listen(&self, host: &Arc<dyn Host>, local: SocketAddr, settings: ListenSettings<'_>) -> ListenResult {
        let key = SharedKey::new(&KNOWN);
        let settings = ListenSettings { shared_key: Some(&key), ..settings };
        listen(host, self.0, local, settings)
    }
}
