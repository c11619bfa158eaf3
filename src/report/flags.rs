//! What the flags of a cell mean.

use super::model::Flag;

/// What each flag means, for someone who reads it for the first time, in the order of the flags.
const MEANINGS: [(Flag, &str); 23] = [
    (
        Flag::WindowLimited,
        "messages waited for the congestion window, so part of the delay is due to congestion control",
    ),
    (
        Flag::CreditLimited,
        "the receiver's window, not congestion control, kept data from being sent: a limit of the receiver, \
         which `--max-window` raises for a `wirelab serve`",
    ),
    (
        Flag::BufferLimited,
        "the sender's buffer, not congestion control, was too small to keep the connection busy",
    ),
    (
        Flag::StreamLimited,
        "messages waited because the server allows no more streams at a time: `--max-streams` raises the \
         limit of a `wirelab serve`",
    ),
    (
        Flag::Congested,
        "the congestion controller took random losses for congestion and slowed down; with `-C fixed` it \
         does not",
    ),
    (
        Flag::QueueDropped,
        "the bottleneck's queue dropped packets, so the load caused some of the losses, not the link",
    ),
    (Flag::Incomplete, "some runs are missing or were cut short: the figures cover only what was measured"),
    (Flag::NoReply, "no reply came back, so there is no latency to show"),
    (
        Flag::SendLate,
        "messages were sent later than scheduled; latency counts from the schedule, so it includes this \
         delay",
    ),
    (
        Flag::Bursty,
        "losses came in bursts, so formulas for isolated losses do not apply, and seeds differ more",
    ),
    (
        Flag::LateStart,
        "connecting took more than a second, so the messages of some runs began a second or more later than usual; \
         this link changes with time, so they met other moments of it than those of other rows",
    ),
    (
        Flag::LateWire,
        "this machine delivered packets later than the link should, by more than 1 ms or a tenth of the \
         one-way delay at the 99th percentile: run it again on a quieter machine",
    ),
    (
        Flag::MachineDropped,
        "this machine dropped packets because a socket's buffer was full; they count as lost, although \
         the link did not lose them",
    ),
    (
        Flag::MachineLimited,
        "one of wirelab's threads ran, or waited for a core, nearly all the time: the goodput is what this \
         machine can do, not what the transport can",
    ),
    (
        Flag::SendErrors,
        "this machine could not send some packets; they count as lost, although the link did not lose them",
    ),
    (
        Flag::NoFixedWindow,
        "the kernel's TCP has no controller with a fixed window: it ran with cubic, whose window also \
         delays messages",
    ),
    (
        Flag::Refused,
        "the server refused to answer some messages, for example because of its rate limit; they count as \
         lost",
    ),
    (
        Flag::PlainEcho,
        "the server echoed the bytes without its own timestamps: it is not a wirelab server, or messages \
         are shorter than 104 bytes; only round trips are known",
    ),
    (
        Flag::Unfinished,
        "some messages had no reply when the wait ended: whether they would still have arrived is not known, so \
         they are neither delivered nor lost",
    ),
    (
        Flag::ServerGone,
        "the server went away: ratios leave out what it had not answered by then, which is unknown",
    ),
    (
        Flag::ConnectionLost,
        "the transport gave up its connection: messages that were due later count as unfinished",
    ),
    (Flag::KernelCongested, "the kernel's TCP took random losses for congestion and slowed down"),
    (Flag::SenderStopped, "the transport of a sender gave up its connection: it sends nothing after that"),
];

/// What `flag` means.
pub(super) const fn meaning(flag: Flag) -> &'static str {
    MEANINGS[flag as usize].1
}

#[cfg(test)]
mod tests {
    #[test]
    fn meanings_are_listed_in_the_order_of_the_flags() {
        assert!(super::MEANINGS.iter().enumerate().all(|(index, (flag, _))| *flag as usize == index));
        assert_eq!(super::MEANINGS.len(), 1 + crate::report::Flag::SenderStopped as usize);
    }
}
