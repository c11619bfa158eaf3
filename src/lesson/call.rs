//! A video call: why it freezes, and then jumps.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};

pub(super) const LESSON: Lesson = Lesson {
    title: "Why the video call freezes, and then jumps",
    minutes: 8,
    intro: &[
        "A camera makes a picture many times a second. Most frames hold only what changed since the frame before, so they need \
         it. Now and then a key frame comes, which needs no other and is much larger. A frame is sent in several packets.",
        "The receiver shows each frame at a fixed time after its capture, the playout delay. A frame can be shown if it is \
         complete by then, and every frame back to its key frame as well.",
        "The link loses {loss} of the packets, and the round trip is {rtt}. Raw UDP repairs nothing.",
    ],
    question: "How many of the frames are shown over raw UDP?",
    choices: &[
        claim("nearly all: those whose packets were not lost", |r| Some(shown(r, 0, "udp")? > 0.9)),
        claim("about half", |r| Some((0.3..0.9).contains(&shown(r, 0, "udp")?))),
        claim("fewer than a third", |r| Some(shown(r, 0, "udp")? < 0.3)),
    ],
    trial: Trial {
        commands: &[
            "bench --workload video --playout 300ms --rtt 100ms -t udp,quic-one,quic-message -C fixed -d 20s --seeds 5",
            "bench --workload video:60:2mbit:0s --playout 80ms --rtt 100ms -t quic-one,quic-message -C fixed -d 20s --seeds 5",
            "bench --workload video:60:2mbit:2s --playout 80ms --rtt 100ms -t quic-one,quic-message -C fixed -d 20s --seeds 5",
        ],
        figures: &[
            ("udp", |r| r.get(0, "udp", "shown")),
            ("broken", |r| r.get(0, "udp", "incomplete")),
            ("useless", |r| r.get(0, "udp", "useless")),
            ("freeze", |r| r.get(0, "udp", "longest freeze")),
            ("jump", |r| r.get(0, "udp", "longest jump")),
            ("patient", |r| r.get(0, "quic-one", "shown")),
            ("ready", |r| r.get(0, "quic-one", "ready p99")),
            ("one", |r| r.get(1, "quic-one", "shown")),
            ("each", |r| r.get(1, "quic-message", "shown")),
            ("one_freezes", |r| r.get(1, "quic-one", "freezes")),
            ("each_freezes", |r| r.get(1, "quic-message", "freezes")),
            ("one_group", |r| r.get(2, "quic-one", "shown")),
            ("each_group", |r| r.get(2, "quic-message", "shown")),
        ],
        claims: &[
            claim(
                "{udp} were shown. Only {broken} of the frames missed a packet, but {useless} were useless: they came in time, \
                 and a frame that they need was missing.",
                |r| Some(r.number(0, "udp", "useless")? > 5.0 * r.number(0, "udp", "incomplete")?),
            ),
            claim(
                "That is the freeze and the jump: a hole in a key frame stops the picture until the next key frame. The longest \
                 freeze took {freeze}, and then the picture jumped over {jump} frames.",
                |r| Some(r.number(0, "udp", "longest freeze")? > 1.5e9),
            ),
            claim(
                "With repair and a playout delay that leaves time for it, {patient} were shown, on one stream as on a stream for \
                 each frame. Nearly all frames were ready after {ready}.",
                |r| Some(shown(r, 0, "quic-one")? > 0.999 && shown(r, 0, "quic-message")? > 0.999),
            ),
            claim(
                "With too little time for a repair, and frames that need no other, order decides: one stream shows {one} of them \
                 and freezes {one_freezes} times; a stream for each frame shows {each} and freezes {each_freezes} times.",
                |r| {
                    let freezes = |row| r.number(1, row, "freezes");
                    Some(
                        shown(r, 1, "quic-message")? > shown(r, 1, "quic-one")? + 0.05
                            && freezes("quic-one")? > 0.0
                            && freezes("quic-message")? == 0.0,
                    )
                },
            ),
            claim(
                "But where each frame needs the one before, a stream for each frame gains nothing: {one_group} and {each_group} \
                 were shown. A frame that overtook the lost one still has to wait for it.",
                |r| Some(is_near(shown(r, 2, "quic-one")?, shown(r, 2, "quic-message")?, 0.05)),
            ),
            known(
                "Real calls also ask for a new key frame, add redundancy, or lower their rate. All of these shorten the freeze.",
            ),
        ],
    },
    columns: &[
        "shown",
        "late",
        "incomplete",
        "useless",
        "freezes",
        "longest freeze",
        "longest jump",
        "ready p99",
    ],
    rule: "judge a call by its frames. A lost packet costs all frames that need it, and a playout delay shorter than a repair \
           makes a repair useless.",
    further: &[
        (
            "bench --workload video --rtt 100ms -t udp,quic-one,quic-message",
            "The same with CUBIC: its window no longer carries the call, and the delay grows without end.",
        ),
        (
            "bench --path netns --workload video --rtt 20ms -t udp,tcp,quic-one -d 10s --seeds 2",
            "The kernel's TCP, in real time.",
        ),
    ],
    notes: &[
        "Streams remove the order that the transport adds. They cannot remove the order that the application needs.",
        "Ask what a smaller key frame interval would do to raw UDP. It makes freezes shorter and costs bandwidth: key frames \
         are large.",
    ],
    exercises: &[Exercise {
        task: "Over raw UDP, with a key frame every `500ms` instead: how many frames are shown?",
        solution: Trial {
            commands: &[
                "bench --workload video:30:2mbit:500ms --playout 300ms --rtt 100ms -t udp -d 20s --seeds 5",
            ],
            figures: &[
                ("often", |r| r.get(0, "udp", "shown")),
                ("freeze", |r| r.get(0, "udp", "longest freeze")),
            ],
            claims: &[claim("{often}. The longest freeze took {freeze}.", |r| {
                Some(shown(r, 0, "udp")? > 0.25)
            })],
        },
    }],
};

fn shown(results: &super::Results, run: usize, row: &str) -> Option<f64> {
    results.number(run, row, "shown")
}
