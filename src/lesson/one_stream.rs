//! What QUIC does not do by itself.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};
use crate::report::Figure;

pub(super) const LESSON: Lesson = Lesson {
    title: "What QUIC does not solve for you",
    minutes: 6,
    intro: &[
        "\"QUIC solves head-of-line blocking\" is what many texts say. Let us measure it.",
        "An application moves from TCP to QUIC and keeps its design: one stream for everything. The link loses {loss} on \
         the way to the server, the round trip is {rtt}. In virtual time there is no kernel, so `arq-selective` stands for \
         TCP: it has the same order over all messages.",
    ],
    question: "What becomes of the blocking?",
    choices: &[
        claim("it is gone", |r| Some(blocked(r, "quic-one")? == 0.0)),
        claim("it is about half as much", |r| {
            Some(is_near(blocked(r, "quic-one")?, blocked(r, TCP_LIKE)? / 2.0, 0.2))
        }),
        claim("it is about the same as before", |r| {
            Some(is_near(blocked(r, "quic-one")?, blocked(r, TCP_LIKE)?, 0.2))
        }),
    ],
    trial: Trial {
        commands: &[
            "hol -t arq-selective,quic-one,quic-flow,quic-message --rtt 100ms --to-client loss=0% -d 20s --seeds 10",
        ],
        figures: &[
            ("tcp", |r| r.get(0, TCP_LIKE, "blocked")),
            ("one", |r| r.get(0, "quic-one", "blocked")),
            ("flow", |r| r.get(0, "quic-flow", "blocked")),
            ("message", |r| r.get(0, "quic-message", "blocked")),
            ("other", |r| r.get(0, "quic-one", "other flow")),
            ("theory", |r| theory(r)?.blocked_ratio.map(Figure::Share)),
        ],
        claims: &[
            claim(
                "One QUIC stream: {one} of the messages were blocked. The other ordered transport: {tcp}.",
                |r| Some(is_near(blocked(r, "quic-one")?, blocked(r, TCP_LIKE)?, 0.2)),
            ),
            claim(
                "A closed formula for one stream on this link gives {theory}. It knows the loss, the round trip and the rate \
                 of messages, and does not ask which protocol it is.",
                |r| Some(is_near(theory(r)?.blocked_ratio?.get(), blocked(r, "quic-one")?, 0.2)),
            ),
            claim("{other} of the blocked ones waited for another player's message.", |r| {
                Some(r.number(0, "quic-one", "other flow")? > 0.5)
            }),
            claim(
                "With a stream for each player {flow} were blocked, with a stream for each message {message}.",
                |r| {
                    Some(
                        blocked(r, "quic-flow")? < blocked(r, "quic-one")? / 5.0
                            && blocked(r, "quic-message")? == 0.0,
                    )
                },
            ),
        ],
    },
    columns: &["delivered", "delayed", "blocked", "p50", "p99"],
    rule: "QUIC does not remove blocking. It gives you streams, and you remove it.",
    further: &[
        (
            "hol --path netns -t tcp,quic-one,quic-message -d 5s --seeds 2",
            "The kernel's real TCP on the same link, in real time. It needs Linux with user namespaces, and half a minute.",
        ),
        ("hol --rtt 100ms --to-client loss=0%", "Everything that was measured here, beside the formula."),
    ],
    notes: &[
        "The formula: with a message every d, a loss is noticed after a round trip and a little, and all that come in \
         between wait. `wirelab hol --explain` has it.",
        "HTTP/2 has streams too, but puts them into one TCP stream. The kernel restores the order of all bytes before HTTP/2 \
         can tell them apart.",
    ],
    exercises: &[Exercise {
        task: "A stream for each player, but fewer players: `--flows 2`. Is more or less blocked?",
        solution: Trial {
            commands: &["hol -t quic-flow --flows 2 --rtt 100ms --to-client loss=0% -d 20s --seeds 10"],
            figures: &[("flow", |r| r.get(0, "quic-flow", "blocked"))],
            claims: &[
                claim(
                    "More: {flow}. Each of the {flows} streams now carries many messages, so more of them are behind a lost \
                     one.",
                    |r| Some(blocked(r, "quic-flow")? > 0.03),
                ),
                known("What counts is how much one stream carries while a loss is repaired."),
            ],
        },
    }],
};

/// A transport that keeps one order for all flows, as TCP does.
const TCP_LIKE: &str = "arq-selective";

fn blocked(results: &super::Results, row: &str) -> Option<f64> {
    results.number(0, row, "blocked")
}

fn theory(results: &super::Results) -> Option<&crate::report::Theory> {
    results.cell(0, "quic-one")?.theory.as_ref()
}
