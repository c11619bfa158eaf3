//! Blocks of the pcapng file format (draft-ietf-opsawg-pcapng), in little-endian byte order.

/// The link type of both interfaces: packets begin with an IPv4 or IPv6 header.
const LINKTYPE_RAW: u16 = 101;
/// The byte-order magic. A reader detects the byte order of the file from it.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// The resolution of time stamps, as a negative power of ten.
const NANOSECONDS: u8 = 9;

/// Block types.
mod block_type {
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    pub(super) const DECRYPTION_SECRETS: u32 = 10;
}

/// Option codes. The same code can mean different things in different blocks.
mod option {
    pub(super) const END: u16 = 0;
    pub(super) const COMMENT: u16 = 1;
    pub(super) const APPLICATION: u16 = 4;
    pub(super) const INTERFACE_NAME: u16 = 2;
    pub(super) const INTERFACE_TIME_RESOLUTION: u16 = 9;
    pub(super) const PACKET_FLAGS: u16 = 2;
}

/// A packet that was seen at an interface.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    /// The interface's index in the order of the interface descriptions, from 0.
    pub(super) interface: u32,
    /// Nanoseconds since 1970-01-01 UTC.
    pub(super) unix_nanos: u64,
    /// The captured bytes.
    pub(super) bytes: &'a [u8],
    /// The length of the whole packet.
    pub(super) original_bytes: usize,
    /// Whether the interface sent the packet, rather than received it.
    pub(super) outbound: bool,
    pub(super) comment: &'a str,
}

/// The first block of a file. `application` is the program that writes the file, `comment` describes the capture.
pub(super) fn section_header(application: &str, comment: &str) -> Vec<u8> {
    let mut block = Block::new(block_type::SECTION_HEADER);
    block.u32(BYTE_ORDER);
    // Version 1.0, of unknown length.
    block.u16(1);
    block.u16(0);
    block.bytes(&(-1_i64).to_le_bytes());
    block.option(option::APPLICATION, application.as_bytes());
    block.option(option::COMMENT, comment.as_bytes());
    block.finish()
}

/// Describes the next interface. At most `snap_bytes` of each packet are captured.
pub(super) fn interface(name: &str, snap_bytes: u32) -> Vec<u8> {
    let mut block = Block::new(block_type::INTERFACE);
    block.u16(LINKTYPE_RAW);
    block.u16(0);
    block.u32(snap_bytes);
    block.option(option::INTERFACE_NAME, name.as_bytes());
    block.option(option::INTERFACE_TIME_RESOLUTION, &[NANOSECONDS]);
    block.finish()
}

pub(super) fn enhanced_packet(packet: &Packet<'_>) -> Vec<u8> {
    const INBOUND: u32 = 1;
    const OUTBOUND: u32 = 2;
    let mut block = Block::new(block_type::ENHANCED_PACKET);
    block.u32(packet.interface);
    block.u32((packet.unix_nanos >> 32) as u32);
    block.u32(packet.unix_nanos as u32);
    block.length(packet.bytes.len());
    block.length(packet.original_bytes);
    block.padded(packet.bytes);
    if !packet.comment.is_empty() {
        block.option(option::COMMENT, packet.comment.as_bytes());
    }
    let flags = if packet.outbound { OUTBOUND } else { INBOUND };
    block.option(option::PACKET_FLAGS, &flags.to_le_bytes());
    block.finish()
}

/// A block of secrets, as lines of a TLS key log. They decrypt the packets in later blocks.
pub(super) fn decryption_secrets(key_log: &str) -> Vec<u8> {
    let mut block = Block::new(block_type::DECRYPTION_SECRETS);
    block.u32(TLS_KEY_LOG);
    block.length(key_log.len());
    block.padded(key_log.as_bytes());
    block.finish()
}

/// A block under construction.
struct Block {
    bytes: Vec<u8>,
    has_options: bool,
}

impl Block {
    /// Where the first of the block's two length fields is.
    const LENGTH: std::ops::Range<usize> = 4..8;

    fn new(block_type: u32) -> Self {
        let mut block = Self { bytes: Vec::new(), has_options: false };
        block.u32(block_type);
        block.u32(0);
        block
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u32(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// Appends bytes and pads them to 32 bits, as everything in a block.
    fn padded(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Appends an option. Its value is cut at 65,535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.has_options = true;
        self.u16(code);
        self.u16(length);
        self.padded(&value[..usize::from(length)]);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.has_options {
            self.u16(option::END);
            self.u16(0);
        }
        let length = u32::try_from(self.bytes.len() + 4).unwrap_or(u32::MAX).to_le_bytes();
        self.bytes(&length);
        self.bytes[Self::LENGTH].copy_from_slice(&length);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_padded_and_its_block_has_its_length_at_both_ends() {
        let packet = Packet {
            interface: 1,
            unix_nanos: 0x1_0000_0002,
            bytes: b"abcde",
            original_bytes: 9,
            outbound: true,
            comment: "x",
        };
        let mut expected = Vec::new();
        let words = [6_u32, 60, 1, 1, 2, 5, 9];
        words.iter().for_each(|word| expected.extend(word.to_le_bytes()));
        expected.extend(b"abcde\0\0\0");
        expected.extend(*b"\x01\0\x01\0x\0\0\0");
        expected.extend(*b"\x02\0\x04\0\x02\0\0\0");
        expected.extend([0; 4]);
        expected.extend(60_u32.to_le_bytes());
        assert_eq!(enhanced_packet(&packet), expected);
    }

    #[test]
    fn every_block_is_a_multiple_of_four_bytes() {
        for text in ["", "a", "ab", "abc", "abcd"] {
            for block in [section_header(text, text), interface(text, 9), decryption_secrets(text)] {
                assert_eq!(block.len() % 4, 0);
                assert_eq!(block[4..8], block[block.len() - 4..]);
            }
        }
    }
}
