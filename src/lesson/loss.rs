//! Loss, and what a percentile hides.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};

pub(super) const LESSON: Lesson = Lesson {
    title: "Loss, and what a fast percentile hides",
    minutes: 5,
    intro: &[
        "A packet is lost when a queue is full, when radio is disturbed, when somebody digs up a cable. The sender is \
         not told.",
        "This link loses {loss} of the packets in each direction, one here and one there. A client sends a message \
         every {interval} and the server answers each.",
    ],
    question: "What share of the messages gets no reply?",
    choices: &[
        claim("about {loss}", |r| Some(is_near(lost(r)?, link(r)?, 0.2))),
        claim("about twice {loss}", |r| Some(is_near(lost(r)?, 2.0 * link(r)?, 0.2))),
        claim("half of {loss}", |r| Some(is_near(lost(r)?, link(r)? / 2.0, 0.2))),
        claim("none", |r| Some(lost(r)? == 0.0)),
    ],
    trial: Trial {
        commands: &["bench -t udp --loss 1% -d 60s --seeds 10"],
        figures: &[
            ("lost", |r| r.get(0, "udp", "lost")),
            ("p50", |r| r.get(0, "udp", "p50")),
            ("p99", |r| r.get(0, "udp", "p99")),
            ("on_time", |r| r.get(0, "udp", "on time")),
        ],
        claims: &[
            claim(
                "{lost} got no reply. There and back are two chances to be lost, so the loss of a question with its \
                 answer is nearly the sum of both.",
                |r| Some(lost(r)? < 2.0 * link(r)? * 1.1 && lost(r)? > 1.5 * link(r)?),
            ),
            claim(
                "Now look at the percentiles. The median is {p50}, and p99 is {p99}: it looks as if nothing had gone \
                 wrong.",
                |r| Some(r.number(0, "udp", "p50")? == r.number(0, "udp", "p99")?),
            ),
            claim(
                "That is so because a lost message has no latency. It is not slow, it is absent, and a percentile \
                 counts only those that came. The column \"on time\" counts all that were sent: {on_time} got a reply \
                 within {deadline}.",
                |r| Some(is_near(r.number(0, "udp", "on time")?, 1.0 - lost(r)?, 1e-5)),
            ),
        ],
    },
    columns: &["delivered", "on time", "lost", "p50", "p99"],
    rule: "never read a percentile without the loss beside it.",
    further: &[
        (
            "bench -t udp,quic-one --loss 0%,1%,2%,5%",
            "How the share that is lost or late grows, for UDP and for QUIC.",
        ),
        ("verify --only 1", "How wirelab proves that its link loses what it says."),
    ],
    notes: &[
        "The sum is slightly too much, because a message that is lost on the way there cannot be lost on the way back. \
         With p each way the loss is p + p - p·p.",
        "Ask: a dashboard shows a beautiful p99 during an outage. How can that be?",
    ],
    exercises: &[Exercise {
        task: "Lose packets on the way to the server only. What do you expect?",
        solution: Trial {
            commands: &["bench -t udp --loss 0% --to-server loss=1% -d 60s --seeds 10"],
            figures: &[("lost", |r| r.get(0, "udp", "lost"))],
            claims: &[
                claim("{lost}: with one chance to be lost it is the loss of one direction.", |r| {
                    Some(is_near(lost(r)?, link(r)?, 0.2))
                }),
                known("Real links are often lopsided: the way up is not the way down."),
            ],
        },
    }],
};

fn lost(results: &super::Results) -> Option<f64> {
    results.number(0, "udp", "lost")
}

/// The loss of the link to the server.
fn link(results: &super::Results) -> Option<f64> {
    results.cell(0, "udp")?.link.as_ref()?.to_server.ratio("loss_ratio")
}
