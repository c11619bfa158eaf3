//! Cuts a byte stream into messages: at newlines, and where the caller ends one because the stream has ended or paused.

/// A message, and the newline that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The message, without its line ending.
    pub bytes: &'a [u8],
    /// `\n` or `\r\n`; empty if something else ended the message. A reply ends like its request.
    pub line_end: &'static [u8],
}

/// A message exceeds the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is longer than {0} bytes")]
pub struct TooLong(pub usize);

/// Cuts a byte stream into messages. It buffers at most one message and one read.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// Where in `buffer` the next message begins.
    start: usize,
    /// How far `buffer` has been searched for a newline.
    searched: usize,
    max: usize,
}

impl Splitter {
    /// A splitter of messages of up to `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, searched: 0, max }
    }

    /// Adds bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that ends with a newline.
    ///
    /// Returns [`TooLong`] if a message, complete or not, exceeds the limit. The stream cannot be used any more,
    /// because the next message cannot be told from the rest of this one.
    pub fn line(&mut self) -> Result<Option<Message<'_>>, TooLong> {
        let newline = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(newline) = newline.map(|at| at + self.searched) else {
            self.searched = self.buffer.len();
            let begun = &self.buffer[self.start..];
            return self.check(begun.strip_suffix(b"\r").unwrap_or(begun).len()).map(|()| None);
        };
        let line = self.start..newline;
        (self.start, self.searched) = (newline + 1, newline + 1);
        let returns = self.buffer[line.clone()].ends_with(b"\r");
        let (length, line_end): (_, &[u8]) =
            if returns { (line.len() - 1, b"\r\n") } else { (line.len(), b"\n") };
        self.check(length)?;
        Ok(Some(Message { bytes: &self.buffer[line.start..line.start + length], line_end }))
    }

    /// The bytes after the last newline, as a message that the end of the stream or a pause has ended.
    pub fn rest(&mut self) -> Option<Message<'_>> {
        let rest = self.start..self.buffer.len();
        (self.start, self.searched) = (rest.end, rest.end);
        (!rest.is_empty()).then(|| Message { bytes: &self.buffer[rest], line_end: b"" })
    }

    /// Whether a message has begun and not ended. Valid once [`Splitter::line`] returns `None`.
    pub fn is_pending(&self) -> bool {
        self.start < self.buffer.len()
    }

    fn check(&self, length: usize) -> Result<(), TooLong> {
        if length > self.max { Err(TooLong(self.max)) } else { Ok(()) }
    }
}
