//! Congestion control looks like blocking.

use super::{Exercise, Lesson, Trial, claim, known};

pub(super) const LESSON: Lesson = Lesson {
    title: "Congestion looks like blocking",
    minutes: 8,
    intro: &[
        "A sender must not flood the network. So it keeps a congestion window: at most so many bytes may be under way. When \
         packets are lost, it takes that as a sign of a full queue, and makes the window smaller. CUBIC is the usual way to \
         do it.",
        "Here each message has its own stream, so no message waits for another's order. But the link loses {loss} by chance, \
         and it is not full at all. A message is due every {interval}, the round trip is {rtt}.",
    ],
    question: "We run it with CUBIC, and with a window that never changes. What do you expect of CUBIC?",
    choices: &[
        claim("no difference: nothing is blocked, and the link is not full", |r| {
            Some(r.number(0, CUBIC, "p99")? < 1.2 * r.number(0, FIXED, "p99")?)
        }),
        claim("messages wait, and most of the waiting is for order", |r| {
            Some(r.number(0, CUBIC, "order wait")? > r.number(0, CUBIC, "send wait")?)
        }),
        claim("messages wait at the sender, before they are on the wire", |r| {
            Some(r.number(0, CUBIC, "send wait")? > 10.0 * r.number(0, CUBIC, "recovery")?)
        }),
    ],
    trial: Trial {
        commands: &["hol -t quic-message -C cubic,fixed --loss 1% -i 5ms -d 20s --seeds 5"],
        figures: &[
            ("cubic", |r| r.get(0, CUBIC, "p99")),
            ("fixed", |r| r.get(0, FIXED, "p99")),
            ("blocked", |r| r.get(0, CUBIC, "blocked")),
            ("send", |r| r.get(0, CUBIC, "send wait")),
            ("order", |r| r.get(0, CUBIC, "order wait")),
            ("recovery", |r| r.get(0, CUBIC, "recovery")),
            ("on_time", |r| r.get(0, CUBIC, "on time")),
            ("on_time_fixed", |r| r.get(0, FIXED, "on time")),
        ],
        claims: &[
            claim("p99 is {cubic} with CUBIC, and {fixed} with the fixed window.", |r| {
                Some(r.number(0, CUBIC, "p99")? > 2.0 * r.number(0, FIXED, "p99")?)
            }),
            claim(
                "Yet {blocked} of the messages were blocked by order. The mean message spent {send} at the sender, waiting \
                 for room in the window, {recovery} being repaired, and {order} waiting for order.",
                |r| Some(r.number(0, CUBIC, "blocked")? == 0.0 && r.number(0, CUBIC, "order wait")? == 0.0),
            ),
            claim(
                "From outside this looks like blocking: after a loss, everything is late. Only {on_time} were on time, and \
                 {on_time_fixed} with the fixed window. Whoever sees this and adds streams has cured the wrong illness.",
                |r| Some(r.number(0, CUBIC, "on time")? < r.number(0, FIXED, "on time")? - 0.05),
            ),
            known(
                "wirelab tells the two apart: it knows when each byte first entered the wire, when it arrived, and when it \
                   was released.",
            ),
        ],
    },
    columns: &["on time", "blocked", "p50", "p99", "send wait", "recovery", "order wait"],
    rule: "before you blame the order, look whether the message was on the wire at all.",
    further: &[
        (
            "bench -t quic-message -C cubic,newreno,bbr,fixed --loss 1% -i 5ms -d 20s --seeds 5",
            "Other controllers at the same load.",
        ),
        (
            "bench -t quic-message --loss 0% --rate 2mbit --queue 100KB -i 5ms -d 20s --seeds 5",
            "And a link that really is full: now slowing down is right.",
        ),
    ],
    notes: &[
        "A fixed window is not for the Internet. It is an instrument: it takes one cause away, so that the other is seen.",
        "CUBIC is not wrong. Most losses in cables are full queues. On radio they often are not, and there it sends too \
         little.",
        "Ask: how could a sender tell the two kinds of loss apart? By the delay, which grows when a queue fills (BBR), or by a \
         mark that routers set (ECN).",
    ],
    exercises: &[Exercise {
        task: "Shorten the round trip to `10ms`. Does the window still matter?",
        solution: Trial {
            commands: &["hol -t quic-message -C cubic,fixed --loss 1% -i 5ms --rtt 10ms -d 20s --seeds 5"],
            figures: &[("cubic", |r| r.get(0, CUBIC, "p99")), ("fixed", |r| r.get(0, FIXED, "p99"))],
            claims: &[claim(
                "Hardly: p99 is {cubic} with CUBIC, and {fixed} without. In a short round trip few bytes are under way, so even \
                 a small window has room for them; and it grows again sooner.",
                |r| Some(r.number(0, CUBIC, "p99")? < 1.3 * r.number(0, FIXED, "p99")?),
            )],
        },
    }],
};

const CUBIC: &str = "quic-message cubic";
const FIXED: &str = "quic-message fixed";
