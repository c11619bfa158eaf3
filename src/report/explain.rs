//! What the columns of `hol` mean and how they are measured.

use super::{terminal::wrapped, words};

/// The names of transports by their ordered unit: a message of the unit waits for all earlier bytes of the unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderedUnits {
    /// The unit is the message: no message waits for another.
    pub message: Vec<String>,
    /// The unit is the flow.
    pub flow: Vec<String>,
    /// All messages of a connection are one unit.
    pub all: Vec<String>,
}

/// The meaning of each column and how it is measured.
pub fn explain_hol(units: &OrderedUnits) -> String {
    let names = |names: &[String]| words::list(names);
    let units = [
        format!("{UNITS_HEAD}\n"),
        entry("the message", &names(&units.message)),
        entry("the flow", &names(&units.flow)),
        entry("all messages", &names(&units.all)),
    ];
    [INSTANTS, &units.concat(), COLUMNS].join("\n")
}

/// A line with a term, wrapped.
fn entry(term: &str, text: &str) -> String {
    let indent = " ".repeat(16);
    wrapped(text, 80 - indent.len(), "")
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let left = if index == 0 { format!("  {term:14}") } else { indent.clone() };
            format!("{left}{line}\n")
        })
        .collect()
}

const INSTANTS: &str = "\
What is measured
  Every message is observed in both directions, in the same run. The byte of a
  message that arrives last decides. Five instants are known per direction:
    handed over   the request is due, or the reply is given to the transport
    first sent    that byte first enters the wire
    sent          the copy of it that arrives enters the wire
    arrived       the message is complete at the receiver
    released      the transport's order lets the application have it

How arrival, release and blocking are known
  Datagrams
      A datagram is released when it arrives. Nothing is blocked.
  QUIC streams
      Streams are read out of order, so bytes are seen when they arrive. A
      message is released once all earlier bytes of its stream have arrived.
      What is sent on the wire is the same as with ordered reading.
  ARQ
      Our own receiver sees each segment arrive, and releases messages as its
      variant demands. Stop-and-wait and go-back-N keep nothing that arrives out
      of order, so they block no message: what they discard arrives only when it
      is retransmitted.
  TCP and TLS
      Measured with --path netns only. The forwarder between the two hosts sees
      which bytes of the stream each segment delivers: a message has arrived
      when all its bytes have, and is released when all earlier bytes have
      arrived too. For TLS the bytes are those of the message's ciphertext. On
      other paths the kernel hides arrivals, and the columns are empty.
";

const UNITS_HEAD: &str = "\
Ordered unit: a message waits for the earlier bytes of its unit";

const COLUMNS: &str = "\
The first table
  delivered     messages that got their reply
  on time       messages that got it within the deadline, of all messages
  lost          messages that an unreliable transport lost, of all messages
  delayed       delivered messages that were retransmitted or waited for order
  blocked       delivered messages that arrived complete but waited for earlier
                bytes of their ordered unit, in either direction: head-of-line
                blocking. In real time, very short waits do not count, because
                bytes that arrive together are read one after the other: less
                than 100 us, or, on an emulated link, less than a tenth of its
                delay, but at most 500 us
  p50 .. max    latency: from the instant at which a message is due until its
                reply is released

What blocked messages waited for
  other flow    blocked messages that waited for a message of another flow
  loss          blocked messages that waited for bytes of which a copy was lost
  reordering    blocked messages that waited for bytes overtaken on the wire
  sender        blocked messages that waited for bytes that were sent later
  mean wait     mean wait of a blocked message, both directions added
  longest stall the longest time that one gap held messages back, and how many

Where the time went
  Means over delivered messages. Each message's parts add up to its latency.
  send wait     handed over to first sent: congestion window, pacing, credit
  recovery      first sent to sent: detecting the loss and retransmitting
  path          sent to arrived: queueing, serialisation and propagation
  order wait    arrived to released
  host          processing at both ends; zero in virtual time

Losses, and what was sent again for them
  The link knows which packets it lost, so it can tell where a sender was wrong.
  Packets with data of both directions; links that wirelab emulates only.
  losses found  lost packets that their sender declared lost, or found by a
                probe
  found after   mean time from when a lost packet entered the link until then
  never found   lost packets that their sender never declared lost: later
                packets carried their data, or the run ended
  false losses  packets that were declared lost and arrived
  sent again    packets with data that had been sent before
  needless      of these, packets whose data all arrived with earlier packets
  Only losses, and none false: the link is lossy. Many false losses: the link
  reorders packets, or its delay varies, by more than --packet-threshold or
  --time-threshold allow. The ladder of an episode (--ladder) calls each packet
  that was sent again needed or needless, and each declared loss true or false,
  with its cause. TCP does not report its declarations: each retransmission
  counts as one.

Expected by theory
  A closed form applies to isolated, independent losses on the way to the
  server, with a window that limits nothing and equal intervals. With a packet
  every d, a lost one is replaced D = RTT + min(3 d, max(d, RTT/8)) later (RFC
  9002 section 6.1), or later still if more is lost: R. Over N streams, a
  message is late by the largest of R - j N d over the messages j before it.
  The form is given for at most 10% loss p, and p d of at most 1% of D. Where it
  does not apply, the reason is given.
";
