//! The file of a capture, written in large pieces.

use std::{
    io::{self, Seek, SeekFrom, Write},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use super::pcapng::{self, STATISTICS_BYTES, block_type};
use crate::path::StopSignal;

/// Where a capture is written.
pub trait Output: Write + Seek + Send {
    /// Truncates the file to `bytes`.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

impl Output for std::fs::File {
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// A piece of the file: whole blocks.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Blocks of secrets, which are written before `blocks`, because the secrets decrypt packets of the same piece.
    pub(super) secrets: Vec<u8>,
    pub(super) blocks: Vec<u8>,
    /// Number of packets of each interface in it.
    pub(super) packets: [u64; 2],
}

impl Piece {
    fn clear(&mut self) {
        self.blocks.clear();
        self.secrets.clear();
        self.packets = [0; 2];
    }
}

/// Upper bound on pieces that wait for the other thread, about 16 MB.
const WAITING: usize = 64;

/// Writes pieces, directly or in another thread.
pub(super) enum Disk {
    /// Directly, in virtual time, where a slow disk delays no packet.
    Direct(File),
    /// In another thread, in real time.
    Thread {
        /// `None` at the end.
        full: Option<SyncSender<Piece>>,
        empty: Receiver<Piece>,
        thread: Option<JoinHandle<File>>,
    },
}

/// The outcome of writing a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was written, or will be.
    Taken,
    /// It was left out, because too many pieces are waiting.
    LeftOut,
    /// Writing has failed, now or before.
    Failed,
}

impl Disk {
    /// Writes directly.
    pub(super) fn direct(out: Box<dyn Output>) -> Self {
        Self::Direct(File::new(out))
    }

    /// Writes in another thread. Sets `stop` if that fails.
    pub(super) fn in_thread(out: Box<dyn Output>, stop: StopSignal) -> io::Result<Self> {
        let (full, to_write) = sync_channel::<Piece>(WAITING);
        let (written, empty) = sync_channel(WAITING);
        let mut file = File::new(out);
        let thread = thread::Builder::new().name("capture".to_owned()).spawn(move || {
            for mut piece in to_write {
                if file.failed.is_none() && !file.write(&piece) {
                    stop.set();
                }
                piece.clear();
                // Freed if the channel is full.
                let _ = written.try_send(piece);
            }
            file
        })?;
        Ok(Self::Thread { full: Some(full), empty, thread: Some(thread) })
    }

    /// Writes `piece`, and leaves an empty one in its place.
    pub(super) fn write(&mut self, piece: &mut Piece) -> Outcome {
        match self {
            Self::Direct(file) => {
                let written = file.failed.is_none() && file.write(piece);
                piece.clear();
                if written { Outcome::Taken } else { Outcome::Failed }
            }
            Self::Thread { full, empty, .. } => {
                let next = empty.try_recv().unwrap_or_default();
                let Some(full) = full else { return Outcome::Failed };
                match full.try_send(std::mem::replace(piece, next)) {
                    Ok(()) => Outcome::Taken,
                    Err(TrySendError::Full(left_out)) => {
                        piece.secrets = left_out.secrets;
                        Outcome::LeftOut
                    }
                    Err(TrySendError::Disconnected(_)) => Outcome::Failed,
                }
            }
        }
    }

    /// Writes the last piece, and returns the file.
    pub(super) fn finish(self, piece: Piece) -> File {
        match self {
            Self::Direct(mut file) => {
                if file.failed.is_none() {
                    file.write(&piece);
                }
                file
            }
            Self::Thread { full, thread, .. } => {
                if let Some(full) = full {
                    // Fails only if the thread is gone.
                    let _ = full.send(piece);
                }
                let gone = || File::failed(io::Error::other("the thread that writes the capture has ended"));
                thread.and_then(|thread| thread.join().ok()).unwrap_or_else(gone)
            }
        }
    }
}

/// The file itself.
pub(super) struct File {
    /// `None` if the thread that owned it has panicked.
    out: Option<Box<dyn Output>>,
    /// Where its last whole block ends.
    end: u64,
    /// Number of packets of each interface that were written.
    pub(super) packets: [u64; 2],
    pub(super) failed: Option<io::Error>,
}

impl File {
    fn new(out: Box<dyn Output>) -> Self {
        Self { out: Some(out), end: 0, packets: [0; 2], failed: None }
    }

    fn failed(error: io::Error) -> Self {
        Self { out: None, end: 0, packets: [0; 2], failed: Some(error) }
    }

    fn write(&mut self, piece: &Piece) -> bool {
        let Some(out) = &mut self.out else { return false };
        let mut written = out.write_all(&piece.secrets);
        if written.is_ok() {
            self.end += piece.secrets.len() as u64;
            written = out.write_all(&piece.blocks).and_then(|()| out.flush());
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

    /// After an error, truncates the file after the last whole block of `piece` that leaves room for the statistics.
    fn cut(&mut self, piece: &Piece) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
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
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(last)?;
        // Seeking fails on a pipe, which then keeps the first header.
        if out.seek(SeekFrom::Start(0)).is_ok() {
            out.write_all(header)?;
        }
        out.flush()
    }
}
