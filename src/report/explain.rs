//! What the columns of `hol` mean, for someone who sees them for the first time.

/// The meaning of each column and how it was measured.
pub fn explain_hol() -> &'static str {
    TEXT
}

const TEXT: &str = "\
What is measured
  Every message is watched in both directions, in one and the same run. Of each direction five instants are known:
  when it was handed over; when its last-arriving byte first entered the wire; when the copy of that byte that arrived
  entered the wire; when it arrived; and when order released it. QUIC streams are read out of order by the instrument,
  so that it sees bytes arrive that the application must still wait for; what is sent on the wire is the same.

The first table
  delivered    messages whose reply came back
  on time      of all messages, those whose reply came within the deadline (lost ones are not on time)
  lost         of all messages, those that a datagram transport did not bring back
  delayed      of delivered messages, those that were sent again, or waited for order, in either direction
  blocked      of delivered messages, those that lay complete at a receiver because an earlier byte of their ordered
               unit was missing: head-of-line blocking. The unit is the message (udp, quic-datagram, quic-message), the
               flow (quic-flow) or all messages (quic-one). In real time less than 100 us of waiting is none: what
               arrives at one instant is read one by one; where a link is emulated, less than a tenth of its delay,
               but for 500 us at most, since packets leave it late
  p50 .. max   latency, from the instant at which a message was due to the release of its reply

Who waited for whom
  by other flow   of blocked messages, those that waited for a message of another flow
  for loss        of blocked messages, those that waited for bytes of which the wire had dropped a copy
  for overtaking  those that waited for bytes that were overtaken on the wire
  for sender      those that waited for bytes that were sent later than they were
  mean wait       how long a blocked message lay complete, both directions added
  longest stall   the longest time that one gap held messages back, and how many it held

Where the time went (means over delivered messages; the parts of each message add up to its latency exactly)
  send wait    from due to the first byte's way onto the wire: congestion window, pacing, credit
  path         queueing, serialisation and propagation of the copy that arrived
  recovery     from the first copy's way onto the wire to that of the copy that arrived
  order wait   from arrived to released
  host         in the programs at both ends; nothing in virtual time

Theory
  For isolated, independent losses on the way to the server, a window that limits nothing and equal intervals there is a
  closed form. With a packet every d, a loss is found out after D = RTT + min(3 d, max(d, RTT/8)) (RFC 9002 section
  6.1), and over N streams holds back k = ceil(D / (N d)) - 1 messages. Where it does not apply, the reason is given.
";
