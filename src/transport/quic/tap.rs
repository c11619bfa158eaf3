//! A tap at QUIC's packet protection (RFC 9001 section 5): it reads the plaintext of each packet just before it is sealed
//! and just after it was opened.
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

/// A configuration of either end whose sessions are tapped.
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
        Box::new(TappedSession {
            inner,
            tap: self.tap.clone(),
            recorder: self.recorders.as_ref().map(|recorders| recorders.start(params)),
            established: Arc::default(),
        })
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
            keys.packet.remote = Box::new(FirstKey { inner: keys.packet.remote, recorders });
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
    tap: Option<Tap>,
    recorder: Option<Recorder>,
    /// The handshake is complete. quinn drops 1-RTT packets that come before.
    established: Arc<AtomicBool>,
}

impl TappedSession {
    fn tap(&self, inner: Box<dyn PacketKey>) -> Box<dyn PacketKey> {
        let (tap, recorder) = (self.tap.clone(), self.recorder.clone());
        Box::new(TappedKey { inner, tap, recorder, established: self.established.clone() })
    }

    fn tap_pair(&self, keys: KeyPair<Box<dyn PacketKey>>) -> KeyPair<Box<dyn PacketKey>> {
        KeyPair { local: self.tap(keys.local), remote: self.tap(keys.remote) }
    }
}

impl Session for TappedSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        let Keys { header, packet } = self.inner.initial_keys(dst_cid, side);
        let Some(recorder) = &self.recorder else {
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
        if let Some(recorder) = self.recorder.as_ref().filter(|_| accepted == Some(false)) {
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
        if !self.established.swap(established, Ordering::Relaxed)
            && established
            && let Some(recorder) = &self.recorder
        {
            recorder.establish();
        }
        read
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let parameters = self.inner.transport_parameters();
        if let (Some(recorder), Ok(Some(parameters))) = (&self.recorder, &parameters) {
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
        if let Some(recorder) = self.recorder.as_ref().filter(|_| is_valid) {
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

struct TappedKey {
    inner: Box<dyn PacketKey>,
    tap: Option<Tap>,
    recorder: Option<Recorder>,
    established: Arc<AtomicBool>,
}

impl TappedKey {
    fn sealed(&self, packet_type: PacketType, number: u64, packet: &[u8], header_len: usize) {
        let end = packet.len().saturating_sub(self.inner.tag_len());
        let Some((header, payload)) = packet.get(..header_len).zip(packet.get(header_len..end)) else {
            return;
        };
        if let Some(tap) = self.tap.as_ref().filter(|_| packet_type.space() == Space::Data) {
            tap.sealed(number, payload);
        }
        if let Some(recorder) = &self.recorder {
            let bytes = packet.len() as u64;
            recorder.sealed(&QuicPacket { packet_type, number, bytes, header, payload });
        }
    }

    fn encrypted(&self, packet_type: PacketType, ciphertext: &[u8]) {
        if let Some(tap) = self.tap.as_ref().filter(|_| packet_type.space() == Space::Data) {
            tap.encrypted(ciphertext);
        }
        if let Some(recorder) = &self.recorder {
            recorder.encrypted(ciphertext);
        }
    }

    fn opened(&self, packet: &QuicPacket<'_>) {
        let accepted = packet.packet_type != PacketType::OneRtt || self.established.load(Ordering::Relaxed);
        if let Some(tap) = self.tap.as_ref().filter(|_| packet.packet_type.space() == Space::Data) {
            tap.opened(packet.number, accepted);
        }
        if let Some(recorder) = &self.recorder {
            recorder.opened(packet, accepted);
        }
    }
}

impl PacketKey for TappedKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        let packet_type = PacketType::of(buf);
        packet_type.iter().for_each(|packet_type| self.sealed(*packet_type, packet, buf, header_len));
        self.inner.encrypt(packet, buf, header_len);
        packet_type.iter().for_each(|packet_type| self.encrypted(*packet_type, buf));
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        let bytes = (header.len() + payload.len()) as u64;
        self.inner.decrypt(packet, header, payload)?;
        if let Some(packet_type) = PacketType::of(header) {
            self.opened(&QuicPacket { packet_type, number: packet, bytes, header, payload });
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

/// Opens a server's first packet of a connection, before there is a session.
struct FirstKey {
    inner: Box<dyn PacketKey>,
    recorders: Arc<Recorders>,
}

impl PacketKey for FirstKey {
    fn encrypt(&self, packet: u64, buf: &mut [u8], header_len: usize) {
        self.inner.encrypt(packet, buf, header_len);
    }

    fn decrypt(&self, packet: u64, header: &[u8], payload: &mut BytesMut) -> Result<(), CryptoError> {
        let bytes = (header.len() + payload.len()) as u64;
        self.inner.decrypt(packet, header, payload)?;
        self.recorders.opened_first(packet, header, payload, bytes);
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
