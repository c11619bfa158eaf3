//! Order, and head-of-line blocking.

use super::{Exercise, Lesson, Trial, claim, known};
use crate::report::Figure;

pub(super) const LESSON: Lesson = Lesson {
    title: "Order: when one loss stops the others",
    minutes: 8,
    intro: &[
        "A stream promises order: the application reads the bytes in the order in which they were written. TCP does so, and \
         so does selective repeat here.",
        "{flows} players share one such stream. Each sends its own messages, and none cares about the messages of the others. \
         A message is due every {interval}, and the round trip is {rtt}.",
        "Then a single packet is lost on its way to the server. Nothing else goes wrong.",
    ],
    question: "How many messages are late because of it?",
    choices: &[
        claim("one: the lost one, until it is sent again", |r| Some(waited(r)? == 0)),
        claim("the lost one, and several that were sent after it", |r| {
            Some(waited(r)? > 1 && waited(r)? < 50)
        }),
        claim("all that follow", |r| Some(waited(r)? >= 50)),
    ],
    trial: Trial {
        commands: &["hol -t arq-selective --loss 0% --to-server loss=drop:305 --seeds 1 -d 5s --ladder"],
        figures: &[
            ("waited", |r| waited(r).map(Figure::Count)),
            ("others", |r| others(r).map(Figure::Count)),
            ("recovery", |r| r.recovery(0).map(Figure::Time)),
            ("longest", |r| r.longest_wait(0).map(Figure::Time)),
            ("path", |r| r.get(0, "arq-selective", "path")),
        ],
        claims: &[
            claim(
                "The lost message reached the server {recovery} after it was first sent: the sender had to find out, and to \
                 send again.",
                |r| Some(r.recovery(0)? > 50_000_000),
            ),
            claim(
                "Meanwhile {waited} later messages arrived there, complete. The server's application did not get them. Look \
                 at the bars on the right: each stands for a message that lies there and waits, the first of them for \
                 {longest}.",
                |r| Some(waited(r)? > 1 && r.longest_wait(0)? > 0),
            ),
            claim(
                "{others} of the {waited} belong to other players. They lost nothing, and waited all the same.",
                |r| Some(others(r)? > 0),
            ),
            known(
                "This is head-of-line blocking: the first in the queue is missing, so nobody behind it may go. The network \
                   is not to blame. The promise of order is.",
            ),
        ],
    },
    columns: &[],
    rule: "in an ordered stream, a loss delays everything that is behind it until it is repaired.",
    further: &[
        ("hol -t arq-selective --loss 1% --ladder", "Losses by chance: the longest stall of many runs."),
        ("hol --explain", "How wirelab knows when a message had arrived, and when it was released."),
    ],
    notes: &[
        "Let the class find in the ladder: the lost packet, its repetition, and why the sender repeats just then (three later \
         packets were acknowledged, and then a little patience).",
        "A common mistake: to think that the later messages were delayed on the road. Their arrows are as fast as all others.",
        "Ask: for which applications is this waiting right? For a file it is: half of it is of no use in the wrong order.",
    ],
    exercises: &[Exercise {
        task: "The same with a round trip of `200ms`. How many messages wait now, and why?",
        solution: Trial {
            commands: &[
                "hol -t arq-selective --rtt 200ms --loss 0% --to-server loss=drop:310 --seeds 1 -d 5s --ladder",
            ],
            figures: &[
                ("waited", |r| waited(r).map(Figure::Count)),
                ("recovery", |r| r.recovery(0).map(Figure::Time)),
            ],
            claims: &[claim(
                "{waited} messages wait. The repair takes {recovery}, because the sender hears of the loss a round trip of \
                 {rtt} later, and all that arrives in that time has to wait. Blocking grows with the round trip and with the \
                 rate of messages.",
                |r| Some(waited(r)? > 10 && r.recovery(0)? > 200_000_000),
            )],
        },
    }],
};

fn waited(results: &super::Results) -> Option<u64> {
    Some(results.episode(0)?.waits.len() as u64)
}

/// The number of waiting messages of flows other than the lost message's.
fn others(results: &super::Results) -> Option<u64> {
    let episode = results.episode(0)?;
    let flow = episode.subject.message.flow;
    Some(episode.waits.iter().filter(|wait| wait.message.flow != flow).count() as u64)
}
