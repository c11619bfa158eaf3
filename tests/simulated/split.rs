//! Cuts a byte stream into messages: at newlines, and where the caller ends one because the stream has ended or paused.

use proptest::prelude::*;
use wirelab::service::split::{Message, Splitter, TooLong};

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
