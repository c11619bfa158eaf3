//! Writing to disk, directly or in another thread.

use std::{
    io::{self, Seek, Write},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::epoch::Epoch;
use crate::{path::StopSignal, unit::Time};

/// Where a capture or a trace is written.
pub trait Output: Write + Seek + Send {
    /// Truncates the file to `bytes`.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

impl Output for std::fs::File {
    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// The files that a [`Disk`] writes.
pub(super) trait Files: Send + 'static {
    /// A part of a file.
    type Piece: Piece;

    /// Writes a piece. Returns whether this and all writes before have succeeded. After an error it writes nothing
    /// more.
    fn write(&mut self, piece: &Self::Piece) -> bool;
}

/// A part of a file.
pub(super) trait Piece: Default + Send + 'static {
    /// Empties it, and keeps its memory.
    fn clear(&mut self);
}

/// In real time, a piece of any size is written at this age, so that the file can be read during the run.
const PIECE_AGE: Duration = Duration::from_secs(1);

/// The age of a piece.
#[derive(Debug, Default)]
pub(super) struct PieceAge {
    begun: Option<Time>,
}

impl PieceAge {
    /// Whether the piece is to be written at `now`. Its age counts from the first call.
    pub(super) fn is_due(&mut self, now: Time) -> bool {
        now.since(*self.begun.get_or_insert(now)) >= PIECE_AGE
    }
}

/// How many pieces may wait for the writing thread: at most 16 MB.
const WAITING: usize = 64;

/// Writes pieces, directly or in another thread.
pub(super) enum Disk<F: Files> {
    /// Directly, in virtual time, where a slow disk delays no packet.
    Direct(F),
    /// In another thread, in real time.
    Thread {
        /// `None` at the end.
        full: Option<SyncSender<F::Piece>>,
        empty: Receiver<F::Piece>,
        thread: Option<JoinHandle<F>>,
    },
}

/// The outcome of writing a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<P> {
    /// It was written, or will be.
    Taken,
    /// It was left out, because too many pieces are waiting.
    LeftOut(P),
    /// Writing has failed, now or before.
    Failed,
}

impl<F: Files> Disk<F> {
    /// Writes `files` of a run with this epoch. In real time, the thread that writes has this name. Sets `stop` if the
    /// thread cannot be started, or fails to write.
    pub(super) fn new(files: F, epoch: &Epoch, name: &str, stop: &StopSignal) -> io::Result<Self> {
        if epoch.is_real_time() {
            Self::in_thread(files, name, stop.clone()).inspect_err(|_| {
                stop.set();
            })
        } else {
            Ok(Self::Direct(files))
        }
    }

    fn in_thread(mut files: F, name: &str, stop: StopSignal) -> io::Result<Self> {
        let (full, to_write) = sync_channel::<F::Piece>(WAITING);
        let (written, empty) = sync_channel(WAITING);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            for mut piece in to_write {
                if !files.write(&piece) {
                    stop.set();
                }
                piece.clear();
                // Freed if the channel is full.
                let _ = written.try_send(piece);
            }
            files
        })?;
        Ok(Self::Thread { full: Some(full), empty, thread: Some(thread) })
    }

    /// Writes `piece`, and leaves an empty one in its place.
    pub(super) fn write(&mut self, piece: &mut F::Piece) -> Outcome<F::Piece> {
        match self {
            Self::Direct(files) => {
                let written = files.write(piece);
                piece.clear();
                if written { Outcome::Taken } else { Outcome::Failed }
            }
            Self::Thread { full, empty, .. } => {
                let next = empty.try_recv().unwrap_or_default();
                let Some(full) = full else { return Outcome::Failed };
                match full.try_send(std::mem::replace(piece, next)) {
                    Ok(()) => Outcome::Taken,
                    Err(TrySendError::Full(left_out)) => Outcome::LeftOut(left_out),
                    Err(TrySendError::Disconnected(_)) => Outcome::Failed,
                }
            }
        }
    }

    /// Writes the last pieces, and returns the files. Returns an error if the other thread has panicked.
    pub(super) fn finish(self, pieces: impl IntoIterator<Item = F::Piece>) -> io::Result<F> {
        match self {
            Self::Direct(mut files) => {
                for piece in pieces {
                    files.write(&piece);
                }
                Ok(files)
            }
            Self::Thread { full, thread, .. } => {
                for piece in pieces {
                    // Fails only if the thread is gone.
                    let _ = full.as_ref().map(|full| full.send(piece));
                }
                drop(full);
                let gone = || io::Error::other("the thread that writes to disk has ended");
                thread.and_then(|thread| thread.join().ok()).ok_or_else(gone)
            }
        }
    }
}
