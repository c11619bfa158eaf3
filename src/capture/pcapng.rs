//! Blocks of the pcapng file format (draft-ietf-opsawg-pcapng), in little-endian byte order.

/// The link type of both interfaces: packets begin with an IPv4 or IPv6 header.
const LINKTYPE_RAW: u16 = 101;
/// The byte-order magic. A reader detects the byte order of the file from it.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// The resolution of time stamps, as a negative power of ten.
const NANOSECONDS: u8 = 9;

/// Block types.
pub(super) mod block_type {
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const INTERFACE_STATISTICS: u32 = 5;
    pub(in crate::capture) const ENHANCED_PACKET: u32 = 6;
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
    pub(super) const PACKETS_RECEIVED: u16 = 4;
    pub(super) const PACKETS_DROPPED: u16 = 5;
}

/// Appends the first block of a file. `application` is the program that writes the file, `comment` describes the
/// capture.
pub(super) fn section_header(out: &mut Vec<u8>, application: &str, comment: &str) {
    let mut block = Block::begin(out, block_type::SECTION_HEADER);
    block.u32(BYTE_ORDER);
    // Version 1.0, of unknown length.
    block.u16(1);
    block.u16(0);
    block.bytes(&(-1_i64).to_le_bytes());
    block.option(option::APPLICATION, application.as_bytes());
    block.option(option::COMMENT, comment.as_bytes());
    block.finish();
}

/// Appends the description of the next interface. At most `snap_bytes` of each packet are captured.
pub(super) fn interface(out: &mut Vec<u8>, name: &str, snap_bytes: u32) {
    let mut block = Block::begin(out, block_type::INTERFACE);
    block.u16(LINKTYPE_RAW);
    block.u16(0);
    block.u32(snap_bytes);
    block.option(option::INTERFACE_NAME, name.as_bytes());
    block.option(option::INTERFACE_TIME_RESOLUTION, &[NANOSECONDS]);
    block.finish();
}

/// The length of a block of [`interface_statistics`].
pub(super) const STATISTICS_BYTES: usize = 52;

/// Appends the statistics of an interface at the end of the file: the number of packets that it has seen, and the
/// number of those that are missing in the file.
pub(super) fn interface_statistics(
    out: &mut Vec<u8>,
    interface: u32,
    unix_nanos: u64,
    seen: u64,
    missing: u64,
) {
    let mut block = Block::begin(out, block_type::INTERFACE_STATISTICS);
    block.u32(interface);
    block.time(unix_nanos);
    block.option(option::PACKETS_RECEIVED, &seen.to_le_bytes());
    block.option(option::PACKETS_DROPPED, &missing.to_le_bytes());
    block.finish();
}

/// Appends a block of secrets, as lines of a TLS key log. They decrypt the packets in later blocks.
pub(super) fn decryption_secrets(out: &mut Vec<u8>, key_log: &str) {
    let mut block = Block::begin(out, block_type::DECRYPTION_SECRETS);
    block.u32(TLS_KEY_LOG);
    block.length(key_log.len());
    block.padded(key_log.as_bytes());
    block.finish();
}

/// Replaces `block` by the beginning of a packet's block. `append` appends the packet, which is cut at `snap_bytes`.
pub(super) fn begin_packet(
    block: &mut Vec<u8>,
    interface: u32,
    unix_nanos: u64,
    snap_bytes: u32,
    append: impl FnOnce(&mut Vec<u8>),
) {
    const LENGTHS: usize = 20;
    const HEADER: usize = LENGTHS + 8;
    block.clear();
    let mut begun = Block::begin(block, block_type::ENHANCED_PACKET);
    begun.u32(interface);
    begun.time(unix_nanos);
    begun.bytes(&[0; HEADER - LENGTHS]);
    append(block);
    let whole = block.len() - HEADER;
    block.truncate(HEADER + whole.min(snap_bytes as usize));
    let lengths = [block.len() - HEADER, whole].map(saturate);
    block[LENGTHS..][..4].copy_from_slice(&lengths[0].to_le_bytes());
    block[LENGTHS + 4..][..4].copy_from_slice(&lengths[1].to_le_bytes());
    block.resize(block.len().next_multiple_of(4), 0);
}

/// Appends the block of a packet that [`begin_packet`] has begun, with the packet's direction and comments.
pub(super) fn packet(out: &mut Vec<u8>, begun: &[u8], is_outbound: bool, comments: &[&str]) {
    const INBOUND: u32 = 1;
    const OUTBOUND: u32 = 2;
    let mut block = Block { start: out.len(), out, has_options: false };
    block.bytes(begun);
    match comments {
        [] => {}
        [comment] => block.option(option::COMMENT, comment.as_bytes()),
        several => block.option(option::COMMENT, several.join("; ").as_bytes()),
    }
    let flags = if is_outbound { OUTBOUND } else { INBOUND };
    block.option(option::PACKET_FLAGS, &flags.to_le_bytes());
    block.finish();
}

/// The complete blocks at the beginning of `bytes`: the type of each, and the offset of its end.
pub(super) fn whole_blocks(bytes: &[u8]) -> impl Iterator<Item = (u32, usize)> {
    let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word));
    let mut at = 0;
    std::iter::from_fn(move || {
        let (block_type, length) = (word(at)?, word(at + 4)?);
        at += length as usize;
        (length > 0 && at <= bytes.len()).then_some((block_type, at))
    })
}

fn saturate(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A block under construction, at the end of `out`.
struct Block<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    has_options: bool,
}

impl<'a> Block<'a> {
    /// The position of the first of the block's two length fields.
    const LENGTH: std::ops::Range<usize> = 4..8;

    fn begin(out: &'a mut Vec<u8>, block_type: u32) -> Self {
        let mut block = Self { start: out.len(), out, has_options: false };
        block.u32(block_type);
        block.u32(0);
        block
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u32(saturate(length));
    }

    fn time(&mut self, unix_nanos: u64) {
        self.u32((unix_nanos >> 32) as u32);
        self.u32(unix_nanos as u32);
    }

    /// Appends bytes and pads them to 32 bits, as everything in a block.
    fn padded(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        let length = (self.out.len() - self.start).next_multiple_of(4);
        self.out.resize(self.start + length, 0);
    }

    /// Appends an option. Its value is cut at 65,535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.has_options = true;
        self.u16(code);
        self.u16(length);
        self.padded(&value[..usize::from(length)]);
    }

    fn finish(mut self) {
        if self.has_options {
            self.u16(option::END);
            self.u16(0);
        }
        let length = saturate(self.out.len() - self.start + 4).to_le_bytes();
        self.bytes(&length);
        self.out[self.start..][Self::LENGTH].copy_from_slice(&length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_padded_and_its_block_has_its_length_at_both_ends() {
        let mut expected = Vec::new();
        let words = [6_u32, 60, 1, 1, 2, 5, 9];
        words.iter().for_each(|word| expected.extend(word.to_le_bytes()));
        expected.extend(b"abcde\0\0\0");
        expected.extend(*b"\x01\0\x01\0x\0\0\0");
        expected.extend(*b"\x02\0\x04\0\x02\0\0\0");
        expected.extend([0; 4]);
        expected.extend(60_u32.to_le_bytes());
        let (mut begun, mut out) = (b"of another packet".to_vec(), b"before".to_vec());
        begin_packet(&mut begun, 1, 0x1_0000_0002, 5, |out| out.extend(b"abcdefghi"));
        packet(&mut out, &begun, true, &["x"]);
        assert_eq!(out[6..], expected);
    }

    #[test]
    fn every_block_is_a_multiple_of_four_bytes() {
        for text in ["", "a", "ab", "abc", "abcd"] {
            let mut out = Vec::new();
            section_header(&mut out, text, text);
            interface(&mut out, text, 9);
            decryption_secrets(&mut out, text);
            let statistics = out.len();
            interface_statistics(&mut out, 1, 2, 3, 4);
            assert_eq!(out.len() - statistics, STATISTICS_BYTES);
            let blocks: Vec<(u32, usize)> = whole_blocks(&out).collect();
            assert_eq!(blocks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [0x0a0d_0d0a, 1, 10, 5]);
            let mut start = 0;
            for (_, end) in blocks {
                assert_eq!(end % 4, 0);
                assert_eq!(out[start + 4..start + 8], out[end - 4..end]);
                start = end;
            }
            assert_eq!(start, out.len());
            assert_eq!(whole_blocks(&out[..out.len() - 1]).count(), 3);
        }
    }
}
