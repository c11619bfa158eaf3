//! Streams: what QUIC adds.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};
use crate::report::Figure;

pub(super) const LESSON: Lesson = Lesson {
    title: "Streams: order only where it is wanted",
    minutes: 7,
    intro: &[
        "QUIC runs on UDP, and repeats what is lost, as TCP does. But one connection carries many streams, and each stream \
         has an order of its own. Between streams there is none.",
        "The same players again. On the left all messages share one QUIC stream, `quic-one`. On the right each message has a \
         stream of its own, `quic-message`. The same packet is lost in both.",
    ],
    question: "How many messages wait for the lost one on the right?",
    choices: &[
        claim("as many as on the left", |r| Some(waited(r, 1)? == waited(r, 0)?)),
        claim("fewer, but some", |r| Some(waited(r, 1)? > 0 && waited(r, 1)? < waited(r, 0)?)),
        claim("none", |r| Some(waited(r, 1)? == 0 && waited(r, 0)? > 0)),
    ],
    trial: Trial {
        commands: &[
            "hol -t quic-one,quic-message --loss 0% --to-server loss=drop:300 --seeds 1 -d 5s --ladder",
        ],
        figures: &[
            ("left", |r| waited(r, 0).map(Figure::Count)),
            ("right", |r| waited(r, 1).map(Figure::Count)),
            ("recovery", |r| r.recovery(1).map(Figure::Time)),
        ],
        claims: &[
            claim(
                "On the left {left} messages wait, on the right {right}. The packets are the same, and so is the loss. What \
                 differs is what the receiver may hand out.",
                |r| Some(waited(r, 0)? > 0 && waited(r, 1)? == 0),
            ),
            claim(
                "The lost message itself is not faster: it takes {recovery} in both. Streams save the others, not the one \
                 that was lost.",
                |r| Some(r.recovery(0)? == r.recovery(1)?),
            ),
            known(
                "Between these two there is `quic-flow`: a stream for each player. A loss then stops one player, and \
                   nobody else.",
            ),
        ],
    },
    columns: &["delayed", "blocked", "p50", "p99", "max"],
    rule: "give each thing that is independent a stream of its own.",
    further: &[
        (
            "hol -t quic-one,quic-message --loss 1% --ladder",
            "Losses by chance: a moment that was bad for both.",
        ),
        (
            "hol -t quic-one,quic-flow,quic-message --loss 1%",
            "All three, with how many messages were blocked and for how long.",
        ),
    ],
    notes: &[
        "This is the promise of HTTP/3: with HTTP over one TCP connection, a lost packet of one picture stops all others.",
        "A stream is cheap: no handshake, a few bytes. Opening one for each message is normal.",
        "Ask: what does an application lose when every message has its own stream? Order, which it may have to restore with \
         numbers of its own.",
    ],
    exercises: &[Exercise {
        task: "Give `quic-flow` a single flow, and lose packets by chance. Which of the other two does it equal?",
        solution: Trial {
            commands: &["hol -t quic-one,quic-flow --flows 1 --loss 1% -d 20s --seeds 5"],
            figures: &[
                ("one", |r| r.get(0, "quic-one", "blocked")),
                ("flow", |r| r.get(0, "quic-flow", "blocked")),
            ],
            claims: &[claim(
                "It equals one stream: {flow} of the messages are blocked, and {one} with one stream for all. With a single \
                 flow there is nothing to separate.",
                |r| {
                    let (one, flow) =
                        (r.number(0, "quic-one", "blocked")?, r.number(0, "quic-flow", "blocked")?);
                    Some(one > 0.0 && is_near(one, flow, 0.05))
                },
            )],
        },
    }],
};

fn waited(results: &super::Results, index: usize) -> Option<u64> {
    Some(results.episode(index)?.waits.len() as u64)
}
