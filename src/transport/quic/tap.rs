//! A tap at QUIC's packet protection (RFC 9001 section 5): it reads the plaintext of each packet just before it is sealed,
//! and learns which packets were opened.
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

use crate::tap::Tap;

/// A configuration of either end whose sessions are tapped.
pub(super) struct Tapped<C> {
    pub(super) inner: Arc<C>,
    pub(super) tap: Tap,
}

impl<C: ClientConfig + 'static> ClientConfig for Tapped<C> {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let inner = self.inner.clone().start_session(version, server_name, params)?;
        self.tap.begin();
        Ok(TappedSession::new(inner, &self.tap))
    }
}

impl<C: ServerConfig + 'static> ServerConfig for Tapped<C> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.inner.initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.inner.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        TappedSession::new(self.inner.clone().start_session(version, params), &self.tap)
    }
}

struct TappedSession {
    inner: Box<dyn Session>,
    tap: Tap,
    /// The handshake is complete. quinn drops 1-RTT packets that come before.
    established: Arc<AtomicBool>,
}

impl TappedSession {
    fn new(inner: Box<dyn Session>, tap: &Tap) -> Box<Self> {
        Box::new(Self { inner, tap: tap.clone(), established: Arc::default() })
    }

    fn tap(&self, inner: Box<dyn PacketKey>) -> Box<dyn PacketKey> {
        Box::new(TappedKey { inner, tap: self.tap.clone(), established: self.established.clone() })
    }

    fn tap_pair(&self, keys: KeyPair<Box<dyn PacketKey>>) -> KeyPair<Box<dyn PacketKey>> {
        KeyPair { local: self.tap(keys.local), remote: self.tap(keys.remote) }
    }
}

impl Session for TappedSession {
    /// Initial packets carry no application data (RFC 9000 section 12.4), so their keys are not tapped.
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.inner.initial_keys(dst_cid, side)
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
        self.inner.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.inner.is_handshaking()
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        let read = self.inner.read_handshake(buf);
        self.established.store(!self.inner.is_handshaking(), Ordering::Relaxed);
        read
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.inner.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        let Keys { header, packet } = self.inner.write_handshake(buf)?;
        Some(Keys { header, packet: self.tap_pair(packet) })
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.inner.next_1rtt_keys().map(|keys| self.tap_pair(keys))
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.inner.is_valid_retry(orig_dst_cid, header, payload)
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

struct TappedKey {
    inner: Box<dyn PacketKey>,
    tap: Tap,
    established: Arc<AtomicBool>,
}

/// The packets that carry application data, by the first byte of the header. These bits are never
/// masked (RFC 9001 section 5.4.1).
enum PacketType {
    /// A short header (RFC 9000 section 17.3).
    OneRtt,
    /// A long header of type 1 (RFC 9000 section 17.2.3).
    ZeroRtt,
}

impl PacketType {
    fn of(header: &[u8]) -> Option<Self> {
        let first = *header.first()?;
        match (first & 0x80, first & 0x30) {
            (0, _) => Some(Self::OneRtt),
            (_, 0x10) => Some(Self::ZeroRtt),
            _ => None,
        }
    }
}

impl PacketKey for TappedKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let end = buf.len().saturating_sub(self.inner.tag_len());
        let carries = PacketType::of(buf).is_some();
        if let Some(payload) = buf.get(header_len..end).filter(|_| carries) {
            self.tap.sealed(packet, payload);
        }
        self.inner.encrypt(packet, buf, header_len);
        if carries {
            self.tap.encrypted(buf);
        }
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        self.inner.decrypt(packet, header, payload)?;
        match PacketType::of(header) {
            Some(PacketType::OneRtt) => self.tap.opened(packet, self.established.load(Ordering::Relaxed)),
            Some(PacketType::ZeroRtt) => self.tap.opened(packet, true),
            None => {}
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
