//! A tap at QUIC's packet protection (RFC 9001 section 5): it reads the plaintext of each packet just before it is
//! sealed and just after it was opened.
//!
//! Everything else is delegated, so a tapped connection sends the same packets as any other.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::BytesMut;
use quinn::crypto::{
    ClientConfig, CryptoError, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig,
    Session, UnsupportedVersion,
};
use quinn_proto::{
    ConnectError, ConnectionId, Side, TransportError, transport_parameters::TransportParameters,
};

use super::recorder::{Recorder, Recorders};
use crate::{
    tap::Tap,
    trace::{PacketType, QuicPacket, Space},
};

/// A configuration of either end, with tapped sessions.
pub(super) struct Tapped<C> {
    pub(super) inner: Arc<C>,
    pub(super) watch: Watch,
}

/// What watches the connections of an endpoint.
pub(super) struct Watch {
    tap: Option<Tap>,
    recorders: Option<Arc<Recorders>>,
}

impl Watch {
    /// `None` if nothing watches.
    pub(super) fn new(tap: Option<Tap>, recorders: Option<Arc<Recorders>>) -> Option<Self> {
        (tap.is_some() || recorders.is_some()).then_some(Self { tap, recorders })
    }

    fn session(&self, inner: Box<dyn Session>, params: &TransportParameters) -> Box<dyn Session> {
        let watcher = SessionPackets {
            tap: self.tap.clone(),
            recorder: self.recorders.as_ref().map(|recorders| recorders.start(params)),
            established: Arc::default(),
        };
        Box::new(TappedSession { inner, watcher })
    }
}

impl<C: ClientConfig + 'static> ClientConfig for Tapped<C> {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let inner = self.inner.clone().start_session(version, server_name, params)?;
        self.watch.tap.iter().for_each(Tap::begin);
        Ok(self.watch.session(inner, params))
    }
}

impl<C: ServerConfig + 'static> ServerConfig for Tapped<C> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        let mut keys = self.inner.initial_keys(version, dst_cid)?;
        if let Some(recorders) = self.watch.recorders.clone() {
            let watcher = FirstPacket(recorders);
            keys.packet.remote = Box::new(WatchedKey { inner: keys.packet.remote, watcher });
        }
        Ok(keys)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.inner.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        self.watch.session(self.inner.clone().start_session(version, params), params)
    }
}

struct TappedSession {
    inner: Box<dyn Session>,
    watcher: SessionPackets,
}

impl TappedSession {
    fn tap(&self, inner: Box<dyn PacketKey>) -> Box<dyn PacketKey> {
        Box::new(WatchedKey { inner, watcher: self.watcher.clone() })
    }

    fn tap_pair(&self, keys: KeyPair<Box<dyn PacketKey>>) -> KeyPair<Box<dyn PacketKey>> {
        KeyPair { local: self.tap(keys.local), remote: self.tap(keys.remote) }
    }
}

impl Session for TappedSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        let Keys { header, packet } = self.inner.initial_keys(dst_cid, side);
        let Some(recorder) = &self.watcher.recorder else {
            // Initial packets carry no application data (RFC 9000 section 12.4).
            return Keys { header, packet };
        };
        recorder.begin(dst_cid);
        Keys { header, packet: self.tap_pair(packet) }
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.inner.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.inner.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.inner.early_crypto().map(|(header, packet)| (header, self.tap(packet)))
    }

    fn early_data_accepted(&self) -> Option<bool> {
        let accepted = self.inner.early_data_accepted();
        if let Some(recorder) = self.watcher.recorder.as_ref().filter(|_| accepted == Some(false)) {
            recorder.reject_early_data();
        }
        accepted
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let read = self.inner.read_handshake(buf);
        let established = !self.inner.is_handshaking();
        if !self.watcher.established.swap(established, Ordering::Relaxed)
            && established
            && let Some(recorder) = &self.watcher.recorder
        {
            recorder.establish();
        }
        read
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let parameters = self.inner.transport_parameters();
        if let (Some(recorder), Ok(Some(parameters))) = (&self.watcher.recorder, &parameters) {
            recorder.learn(parameters);
        }
        parameters
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let Keys { header, packet } = self.inner.write_handshake(buf)?;
        Some(Keys { header, packet: self.tap_pair(packet) })
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.inner.next_1rtt_keys().map(|keys| self.tap_pair(keys))
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        let is_valid = self.inner.is_valid_retry(orig_dst_cid, header, payload);
        if let Some(recorder) = self.watcher.recorder.as_ref().filter(|_| is_valid) {
            recorder.retry();
        }
        is_valid
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.inner.export_keying_material(output, label, context)
    }
}

/// Sees the plaintext of packets.
trait Watcher: Send + Sync + 'static {
    /// A packet is about to be sealed.
    fn sealed(&self, _packet: &QuicPacket<'_>) {}

    /// The packet has been sealed, with this result.
    fn encrypted(&self, _packet_type: PacketType, _ciphertext: &[u8]) {}

    /// A packet has been opened.
    fn opened(&self, packet: &QuicPacket<'_>);
}

/// A key that shows packets to `watcher`.
struct WatchedKey<W> {
    inner: Box<dyn PacketKey>,
    watcher: W,
}

impl<W: Watcher> PacketKey for WatchedKey<W> {
    fn encrypt(&self, number: u64, buf: &mut [u8], header_len: usize) {
        let Some(packet_type) = PacketType::of(buf) else {
            return self.inner.encrypt(number, buf, header_len);
        };
        let end = buf.len().saturating_sub(self.inner.tag_len());
        if let Some((header, payload)) = buf.get(..header_len).zip(buf.get(header_len..end)) {
            let bytes = buf.len() as u64;
            self.watcher.sealed(&QuicPacket { packet_type, number, bytes, header, payload });
        }
        self.inner.encrypt(number, buf, header_len);
        self.watcher.encrypted(packet_type, buf);
    }

    fn decrypt(&self, number: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        let bytes = (header.len() + payload.len()) as u64;
        self.inner.decrypt(number, header, payload)?;
        if let Some(packet_type) = PacketType::of(header) {
            self.watcher.opened(&QuicPacket { packet_type, number, bytes, header, payload });
        }
        Ok(())
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn confidentiality_limit(&self) -> u64 {
        self.inner.confidentiality_limit()
    }

    fn integrity_limit(&self) -> u64 {
        self.inner.integrity_limit()
    }
}

/// Watches the packets of a session.
#[derive(Clone)]
struct SessionPackets {
    tap: Option<Tap>,
    recorder: Option<Recorder>,
    /// The handshake is complete. quinn drops 1-RTT packets that come before.
    established: Arc<AtomicBool>,
}

impl SessionPackets {
    /// The tap, if it follows packets of this type.
    fn tap(&self, packet_type: PacketType) -> Option<&Tap> {
        self.tap.as_ref().filter(|_| packet_type.space() == Space::Data)
    }
}

impl Watcher for SessionPackets {
    fn sealed(&self, packet: &QuicPacket<'_>) {
        if let Some(tap) = self.tap(packet.packet_type) {
            tap.sealed(packet.number, packet.payload);
        }
        if let Some(recorder) = &self.recorder {
            recorder.sealed(packet);
        }
    }

    fn encrypted(&self, packet_type: PacketType, ciphertext: &[u8]) {
        if let Some(tap) = self.tap(packet_type) {
            tap.encrypted(ciphertext);
        }
        if let Some(recorder) = &self.recorder {
            recorder.encrypted(ciphertext);
        }
    }

    fn opened(&self, packet: &QuicPacket<'_>) {
        let accepted = packet.packet_type != PacketType::OneRtt || self.established.load(Ordering::Relaxed);
        if let Some(tap) = self.tap(packet.packet_type) {
            tap.opened(packet.number, accepted);
        }
        if let Some(recorder) = &self.recorder {
            recorder.opened(packet, accepted);
        }
    }
}

/// Watches for a server's first packet of a connection, which is opened before there is a session.
struct FirstPacket(Arc<Recorders>);

impl Watcher for FirstPacket {
    fn opened(&self, packet: &QuicPacket<'_>) {
        self.0.opened_first(packet.number, packet.header, packet.payload, packet.bytes);
    }
}
