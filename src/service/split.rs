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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(splitter: &mut Splitter) -> Vec<(Vec<u8>, &'static [u8])> {
        let mut lines = Vec::new();
        while let Some(message) = splitter.line().unwrap() {
            lines.push((message.bytes.to_vec(), message.line_end));
        }
        lines
    }

    #[test]
    fn newlines_end_messages_and_are_returned() {
        let mut splitter = Splitter::new(100);
        splitter.push(b"a\nbc\r\n\nd");
        let expected: [(Vec<u8>, &[u8]); 3] =
            [(b"a".to_vec(), b"\n"), (b"bc".to_vec(), b"\r\n"), (Vec::new(), b"\n")];
        assert_eq!(lines(&mut splitter), expected);
        assert!(splitter.is_pending());
    }

    #[test]
    fn a_pause_ends_a_message_once() {
        let mut splitter = Splitter::new(100);
        splitter.push(b"Mich");
        assert_eq!(splitter.line(), Ok(None));
        assert_eq!(splitter.rest(), Some(Message { bytes: b"Mich", line_end: b"" }));
        assert_eq!(splitter.rest(), None);
        assert!(!splitter.is_pending());
        splitter.push(b"ael\n");
        assert_eq!(lines(&mut splitter), [(b"ael".to_vec(), b"\n".as_slice())]);
    }

    #[test]
    fn the_limit_excludes_the_line_ending() {
        let mut splitter = Splitter::new(3);
        splitter.push(b"abc\r");
        assert_eq!(splitter.line(), Ok(None));
        splitter.push(b"\n");
        assert_eq!(lines(&mut splitter).len(), 1);
        splitter.push(b"abcd");
        assert_eq!(splitter.line(), Err(TooLong(3)));
        let mut splitter = Splitter::new(3);
        splitter.push(b"abcd\n");
        assert_eq!(splitter.line(), Err(TooLong(3)));
    }

    proptest! {
        #[test]
        fn the_sizes_of_reads_do_not_matter(
            text in "[a\\r\\n]{0,60}",
            cuts in prop::collection::vec(1usize..10, 60),
        ) {
            let mut whole = Splitter::new(100);
            whole.push(text.as_bytes());
            let expected = (lines(&mut whole), whole.rest().map(|m| m.bytes.to_vec()));

            let mut splitter = Splitter::new(100);
            let (mut rest, mut found) = (text.as_bytes(), Vec::new());
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                rest = after;
                splitter.push(part);
                found.extend(lines(&mut splitter));
            }
            prop_assert_eq!((found, splitter.rest().map(|m| m.bytes.to_vec())), expected);
        }
    }
}
