//! Long runs of datagrams, two of which leave with one system call.
//!
//! quinn sends at most ten datagrams at a time, and then mostly ten more at once. For the kernel, one call for twenty is
//! cheaper than two for ten, by more than the copy costs that joins them.

use std::net::{IpAddr, SocketAddr};

use quinn::udp::{EcnCodepoint, Transmit};

/// How many datagrams a run must have to wait for another. quinn sends fewer only if it has no more to send.
const LONG: usize = 10;

/// The most bytes that one call may send: 65,535 less the headers of IPv4 and UDP.
const MOST_BYTES: usize = 65_507;

/// A run of datagrams that waits for the next one. It is empty if none waits.
#[derive(Debug, Default)]
pub(super) struct Run {
    bytes: Vec<u8>,
    kind: Option<Kind>,
}

/// What is the same for all datagrams of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    destination: SocketAddr,
    source: Option<IpAddr>,
    ecn: Option<EcnCodepoint>,
    segment_size: usize,
}

impl Run {
    /// Whether no datagram waits.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds datagrams to those that wait, if one call can send all of them. If none wait, it adds them only if there are
    /// at least `LONG`. One call can send at most `most` datagrams.
    ///
    /// Returns the length before, for [`Self::truncate`], or `None` if nothing was added.
    pub(super) fn add(&mut self, datagrams: &Transmit<'_>, most: usize) -> Option<usize> {
        let &Transmit { destination, ecn, contents, segment_size, src_ip: source } = datagrams;
        let segment_size = segment_size?;
        let kind = Some(Kind { destination, source, ecn, segment_size });
        let joins = match self.is_empty() {
            // Only the last datagram of a call may be shorter.
            true => contents.len() >= LONG * segment_size && contents.len().is_multiple_of(segment_size),
            false => self.kind == kind,
        };
        let (before, bytes) = (self.bytes.len(), self.bytes.len() + contents.len());
        (joins && bytes <= MOST_BYTES && bytes.div_ceil(segment_size) <= most).then(|| {
            self.kind = kind;
            self.bytes.extend_from_slice(contents);
            before
        })
    }

    /// Takes back what was added after it had this length.
    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// The datagrams that wait, for one call.
    pub(super) fn transmit(&self) -> Option<Transmit<'_>> {
        let Kind { destination, source, ecn, segment_size } = self.kind.filter(|_| !self.is_empty())?;
        let segment_size = Some(segment_size);
        Some(Transmit { destination, ecn, contents: &self.bytes, segment_size, src_ip: source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: usize = 1200;

    fn datagrams(contents: &[u8], port: u16) -> Transmit<'_> {
        let destination = SocketAddr::from(([127, 0, 0, 1], port));
        Transmit { destination, ecn: None, contents, segment_size: Some(SEGMENT), src_ip: None }
    }

    #[test]
    fn a_long_run_waits_for_the_next_and_a_shorter_one_does_not() {
        let (long, short) = (vec![1; LONG * SEGMENT], vec![2; 3 * SEGMENT - 7]);
        let mut run = Run::default();
        assert_eq!(run.add(&datagrams(&short, 1), 64), None);
        assert_eq!(run.add(&datagrams(&long, 1), 64), Some(0));
        assert_eq!(run.add(&datagrams(&short, 1), 64), Some(long.len()));
        let all = [&long[..], &short].concat();
        assert_eq!(run.transmit().unwrap().contents, all);
        run.truncate(long.len());
        assert_eq!(run.transmit().unwrap().contents, long);
        run.truncate(0);
        assert!(run.is_empty() && run.transmit().is_none());
    }

    #[test]
    fn what_one_call_cannot_send_is_not_joined() {
        let long = vec![1; LONG * SEGMENT];
        let mut run = Run::default();
        assert_eq!(run.add(&datagrams(&long, 1), LONG - 1), None, "without segmentation in the kernel");
        assert_eq!(run.add(&datagrams(&long[..long.len() - 1], 1), 64), None, "a shorter one ends a run");
        assert_eq!(run.add(&datagrams(&long, 1), 64), Some(0));
        assert_eq!(run.add(&datagrams(&long, 2), 64), None, "another destination");
        assert_eq!(run.add(&Transmit { segment_size: None, ..datagrams(&long[..9], 1) }, 64), None);
        assert_eq!(run.add(&datagrams(&long, 1), 2 * LONG - 1), None, "more than the kernel takes");
        while run.add(&datagrams(&long, 1), 64).is_some() {}
        assert!(run.transmit().unwrap().contents.len() <= MOST_BYTES);
    }
}
