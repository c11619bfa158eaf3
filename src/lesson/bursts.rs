//! Losses in bursts.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};

pub(super) const LESSON: Lesson = Lesson {
    title: "Bursts: the same loss, another trouble",
    minutes: 7,
    intro: &[
        "Losses seldom come one by one. A queue overflows, a phone moves behind a wall, and several packets in a row are gone.",
        "Two links, with the same share of packets lost in the long run. The first loses here one and there one. The second \
         loses them in bursts of a few, with long quiet times between. It is a Gilbert model: a good state, a bad state, and \
         chances to change.",
    ],
    question: "On one ordered stream, which link blocks more messages?",
    choices: &[
        claim("the one with bursts", |r| Some(blocked(r, 1)? > 1.2 * blocked(r, 0)?)),
        claim("the one with single losses", |r| Some(blocked(r, 0)? > 1.2 * blocked(r, 1)?)),
        claim("both the same, as the share of losses is the same", |r| {
            Some(is_near(blocked(r, 0)?, blocked(r, 1)?, 0.2))
        }),
    ],
    trial: Trial {
        commands: &[
            "hol -t quic-one,quic-message --loss 1% -d 40s --seeds 5",
            "hol -t quic-one,quic-message --loss gilbert:0.25%:25% -d 40s --seeds 5",
        ],
        figures: &[
            ("single", |r| r.get(0, "quic-one", "blocked")),
            ("burst", |r| r.get(1, "quic-one", "blocked")),
            ("single_late", |r| r.get(0, "quic-message", "delayed")),
            ("burst_late", |r| r.get(1, "quic-message", "delayed")),
            ("single_extra", |r| extra(r, 0).map(crate::report::Figure::Time)),
            ("burst_extra", |r| extra(r, 1).map(crate::report::Figure::Time)),
            ("single_max", |r| r.get(0, "quic-message", "max")),
            ("burst_max", |r| r.get(1, "quic-message", "max")),
        ],
        claims: &[
            claim(
                "Single losses block {single} of the messages, bursts {burst}. A burst is one hole, and one hole stops the \
                 stream once. The same number of losses, spread out, stops it many times.",
                |r| Some(blocked(r, 0)? > 2.0 * blocked(r, 1)?),
            ),
            claim("About as many messages were lost and repaired: {single_late} and {burst_late}.", |r| {
                let late = |run| r.number(run, "quic-message", "delayed");
                Some(is_near(late(0)?, late(1)?, 0.35))
            }),
            claim(
                "But a repair takes longer in a burst: {burst_extra} on average, where a single loss takes {single_extra}. The \
                 packets behind a loss tell the sender of it, and in a burst they are lost as well. The slowest message took \
                 {burst_max}, and {single_max} with single losses.",
                |r| Some(extra(r, 1)? > extra(r, 0)? * 12 / 10),
            ),
            known(
                "For sound and pictures bursts are worse: one missing piece can be guessed from its neighbours, five cannot.",
            ),
        ],
    },
    columns: &["delayed", "blocked", "p50", "p99", "max"],
    rule: "a loss rate alone says little. Ask how the losses come.",
    further: &[
        ("hol --loss gilbert:0.25%:25% --ladder -t quic-one,quic-message", "A burst, packet by packet."),
        (
            "bench --loss-by time:5ms --loss 1%",
            "Bad moments that are the same for all transports, whatever each sends.",
        ),
    ],
    notes: &[
        "In `gilbert:P:R`, P is the chance to enter the bad state and R the chance to leave it: the smaller R, the \
         longer the bursts. P/(P+R) of all packets are lost.",
        "Fewer bursts also means that runs differ more: this is why wirelab pools many seeds, and flags such rows as bursty.",
    ],
    exercises: &[Exercise {
        task: "Make the bursts one packet long: `--loss gilbert:1%:100%`. Which of the two links does it resemble?",
        solution: Trial {
            commands: &["hol -t quic-one,quic-message --loss gilbert:1%:100% -d 40s --seeds 5"],
            figures: &[("blocked", |r| r.get(0, "quic-one", "blocked"))],
            claims: &[claim(
                "The first: {blocked} are blocked, because a burst of one is a single loss.",
                |r| Some(blocked(r, 0)? > 0.07),
            )],
        },
    }],
};

fn blocked(results: &super::Results, run: usize) -> Option<f64> {
    results.number(run, "quic-one", "blocked")
}

/// How much later a repaired message is, on average.
fn extra(results: &super::Results, run: usize) -> Option<u64> {
    results.cell(run, "quic-message")?.delayed.as_ref()?.extra_ns.mean
}
