//! The file of a capture, written in large pieces.

use std::io::{self, SeekFrom};

use super::{
    disk::{self, Output},
    pcapng::{self, STATISTICS_BYTES, block_type},
};

/// A piece of the file: whole blocks.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Blocks of secrets, which are written before `blocks`, because the secrets decrypt packets of the same piece.
    pub(super) secrets: Vec<u8>,
    pub(super) blocks: Vec<u8>,
    /// Number of packets of each interface in it.
    pub(super) packets: [u64; 2],
}

impl disk::Piece for Piece {
    fn clear(&mut self) {
        self.blocks.clear();
        self.secrets.clear();
        self.packets = [0; 2];
    }
}

/// The file itself.
pub(super) struct CaptureFile {
    out: Box<dyn Output>,
    /// Where its last whole block ends.
    end: u64,
    /// Number of packets of each interface that were written.
    pub(super) packets: [u64; 2],
    pub(super) failed: Option<io::Error>,
}

impl CaptureFile {
    pub(super) fn new(out: Box<dyn Output>) -> Self {
        Self { out, end: 0, packets: [0; 2], failed: None }
    }

    /// After an error, truncates the file after the last whole block of `piece` that leaves room for the statistics.
    fn cut(&mut self, piece: &Piece) -> io::Result<()> {
        let out = &mut self.out;
        let written = out.stream_position()?.saturating_sub(self.end);
        let room = (written as usize).min(piece.blocks.len()).saturating_sub(2 * STATISTICS_BYTES);
        let mut kept = 0;
        for (kind, end) in pcapng::whole_blocks(&piece.blocks[..room]) {
            if kind == block_type::ENHANCED_PACKET {
                self.packets[usize::from(piece.blocks[kept + 8]).min(1)] += 1;
            }
            kept = end;
        }
        self.end += kept as u64;
        out.cut(self.end)?;
        out.seek(SeekFrom::Start(self.end)).map(drop)
    }

    /// Appends `last`, and overwrites the header of the file with `header`, which has the same length.
    pub(super) fn complete(&mut self, header: &[u8], last: &[u8]) -> io::Result<()> {
        let out = &mut self.out;
        out.write_all(last)?;
        // Seeking fails on a pipe, which then keeps the first header.
        if out.seek(SeekFrom::Start(0)).is_ok() {
            out.write_all(header)?;
        }
        out.flush()
    }
}

impl disk::Files for CaptureFile {
    type Piece = Piece;

    fn write(&mut self, piece: &Piece) -> bool {
        if self.failed.is_some() {
            return false;
        }
        let mut written = self.out.write_all(&piece.secrets);
        if written.is_ok() {
            self.end += piece.secrets.len() as u64;
            written = self.out.write_all(&piece.blocks).and_then(|()| self.out.flush());
        }
        if let Err(error) = written {
            self.failed = Some(error);
            // If truncation fails too, the file ends in a partial block.
            let _ = self.cut(piece);
            return false;
        }
        self.end += piece.blocks.len() as u64;
        (0..2).for_each(|interface| self.packets[interface] += piece.packets[interface]);
        true
    }
}
