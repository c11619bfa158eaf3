//! The sending half of a QUIC channel: messages on streams.

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    pin::{Pin, pin},
    slice,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::FutureExt;
use quinn::{Connection, SendStream, WriteError};

use crate::{
    path::Host,
    transport::quic::Meter,
    unit::Lock,
    wire::{EXTENDED_HEADER_BYTES, Probe, probe::padding},
};

/// A message and its length.
pub(super) type Message = (Probe, usize);

/// Messages of these lengths are written in one piece. Longer ones share their padding instead of copying it.
const IN_ONE_PIECE: RangeInclusive<usize> = EXTENDED_HEADER_BYTES..=4096;

fn pieces((probe, length): Message) -> impl Iterator<Item = Bytes> {
    let whole = IN_ONE_PIECE.contains(&length);
    let parts = (!whole).then(|| {
        let head = probe.header(length);
        std::iter::once(Bytes::copy_from_slice(&head)).chain(padding(head.len()..length))
    });
    whole.then(|| probe.message(length).into()).into_iter().chain(parts.into_iter().flatten())
}

/// What writes on a connection have in common.
#[derive(Clone)]
pub(super) struct Writing {
    pub(super) meter: Meter,
    pub(super) connection: Connection,
}

impl Writing {
    /// Runs a write, and counts the time that it waits.
    async fn wait<F: Future>(&self, write: Pin<&mut F>) -> F::Output {
        self.meter.writing(&self.connection, write).await
    }
}

/// What a stream did with messages.
pub(super) enum Written {
    /// It took them.
    All,
    /// It has no room for this part of a message, nor for those behind it.
    Until(Vec<Bytes>),
    /// It does not exist any more.
    Failed,
}

/// Writes `messages` as far as `stream` takes them at once, without a task that would have to be woken for each.
pub(super) fn write_now(stream: &mut SendStream, messages: &mut impl Iterator<Item = Message>) -> Written {
    for message in messages {
        let mut pieces = pieces(message);
        while let Some(mut piece) = pieces.next() {
            match write_piece(stream, &mut piece) {
                Ok(()) if piece.is_empty() => {}
                Ok(()) => return Written::Until(std::iter::once(piece).chain(pieces).collect()),
                Err(_) => return Written::Failed,
            }
        }
    }
    Written::All
}

/// Removes from `piece` what `stream` takes at once.
fn write_piece(stream: &mut SendStream, piece: &mut Bytes) -> Result<(), WriteError> {
    while !piece.is_empty() {
        // Nothing is lost if this does not complete: what was not written stays in `piece`.
        match stream.write_chunks(slice::from_mut(piece)).now_or_never() {
            Some(written) => written?,
            None => break,
        };
    }
    Ok(())
}

/// Writes what [`write_now`] could not.
pub(super) async fn write_rest(
    stream: &mut SendStream,
    mut rest: Vec<Bytes>,
    writing: &Writing,
) -> Result<(), WriteError> {
    writing.wait(pin!(stream.write_all_chunks(&mut rest))).await
}

/// A stream of messages in sequence.
pub(super) struct Sequence(Arc<Lock<State>>);

enum State {
    /// The stream has taken all messages so far.
    Idle(SendStream),
    /// A task has the stream, which has no room or is not open yet. These messages follow.
    Waiting(VecDeque<Message>),
    /// The stream does not exist any more.
    Over,
}

impl Sequence {
    /// Messages on the stream that `open` returns.
    pub(super) fn new(
        host: &dyn Host,
        writing: Writing,
        open: impl Future<Output = Option<SendStream>> + Send + 'static,
    ) -> Self {
        let state = Arc::new(Lock::new(host.is_one_thread(), State::Waiting(VecDeque::new())));
        let of_task = state.clone();
        let task = async move {
            match open.await {
                Some(stream) => go_on(&of_task, stream, Vec::new(), &writing).await,
                None => *of_task.lock() = State::Over,
            }
        };
        host.spawn("a stream's writer", Box::pin(task));
        Self(state)
    }

    /// Writes messages, or leaves them to a task: unless `at_once`, or if the stream does not take them at once. `None` if
    /// there is no stream any more.
    pub(super) fn add(
        &self,
        host: &dyn Host,
        writing: &Writing,
        at_once: bool,
        mut messages: impl Iterator<Item = Message>,
    ) -> Option<()> {
        let mut state = self.0.lock();
        let stream = match &mut *state {
            State::Idle(_) if !at_once => {
                self.leave_to_task(host, &mut state, messages.collect(), Vec::new(), writing);
                return Some(());
            }
            State::Idle(stream) => stream,
            State::Waiting(behind) => {
                behind.extend(messages);
                return Some(());
            }
            State::Over => return None,
        };
        match write_now(stream, &mut messages) {
            Written::All => {}
            Written::Until(rest) => self.leave_to_task(host, &mut state, messages.collect(), rest, writing),
            // The next message will not be taken.
            Written::Failed => *state = State::Over,
        }
        Some(())
    }

    /// A task writes `rest` and then `behind` to the idle stream.
    fn leave_to_task(
        &self,
        host: &dyn Host,
        state: &mut State,
        behind: VecDeque<Message>,
        rest: Vec<Bytes>,
        writing: &Writing,
    ) {
        if let State::Idle(stream) = std::mem::replace(state, State::Waiting(behind)) {
            let (state, writing) = (self.0.clone(), writing.clone());
            let task = async move { go_on(&state, stream, rest, &writing).await };
            host.spawn("a stream's writer", Box::pin(task));
        }
    }
}

/// Writes `rest` and all messages that wait, and gives the stream back.
async fn go_on(state: &Lock<State>, mut stream: SendStream, rest: Vec<Bytes>, writing: &Writing) {
    let mut written = if rest.is_empty() { Ok(()) } else { write_rest(&mut stream, rest, writing).await };
    while written.is_ok() {
        let message = match &mut *state.lock() {
            State::Waiting(messages) => messages.pop_front(),
            _ => None,
        };
        match message {
            Some(message) => written = write_messages(&mut stream, [message], writing).await,
            None => return *state.lock() = State::Idle(stream),
        }
    }
    *state.lock() = State::Over;
}

/// Writes `messages`.
pub(super) async fn write_messages(
    stream: &mut SendStream,
    messages: impl IntoIterator<Item = Message>,
    writing: &Writing,
) -> Result<(), WriteError> {
    for message in messages {
        writing.wait(pin!(write_message(stream, message))).await?;
    }
    Ok(())
}

async fn write_message(stream: &mut SendStream, message: Message) -> Result<(), WriteError> {
    for piece in pieces(message) {
        stream.write_chunk(piece).await?;
    }
    Ok(())
}
