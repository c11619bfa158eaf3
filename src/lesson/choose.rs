//! When to choose what.

use super::{Exercise, Lesson, Trial, claim, known, results::is_near};

pub(super) const LESSON: Lesson = Lesson {
    title: "When to choose what",
    minutes: 8,
    intro: &[
        "A game sends the state of its world every {interval}. A state that is older than {deadline} is of no use: a newer one \
         is there. The round trip is {rtt}, and {loss} of the packets are lost each way.",
        "Four candidates: UDP; QUIC datagrams, which are encrypted and not repeated; QUIC with one stream; QUIC with a stream \
         for each message.",
    ],
    question: "Which brings the most messages in time?",
    choices: &[
        claim("one stream: it loses nothing", |r| {
            Some(on_time(r, 0, "quic-one")? > on_time(r, 0, "udp")? + 0.005)
        }),
        claim("a stream for each message, clearly: it repeats, and does not block", |r| {
            Some(on_time(r, 0, "quic-message")? > on_time(r, 0, "udp")? + 0.005)
        }),
        claim("all but the single stream, which is behind", |r| {
            let even = ["quic-datagram", "quic-message"].map(|row| on_time(r, 0, row));
            let udp = on_time(r, 0, "udp")?;
            let is_even = even.iter().all(|other| other.is_some_and(|other| is_near(udp, other, 0.005)));
            Some(is_even && on_time(r, 0, "quic-one")? < udp - 0.05)
        }),
    ],
    trial: Trial {
        commands: &[
            "bench -t udp,quic-datagram,quic-one,quic-message -C fixed --loss 2% --deadline 60ms -d 20s --seeds 5",
            "bench -t udp,quic-datagram,quic-one,quic-message -C fixed --loss 2% --deadline 200ms -d 20s --seeds 5",
        ],
        figures: &[
            ("udp", |r| r.get(0, "udp", "on time")),
            ("datagram", |r| r.get(0, "quic-datagram", "on time")),
            ("one", |r| r.get(0, "quic-one", "on time")),
            ("message", |r| r.get(0, "quic-message", "on time")),
            ("udp_later", |r| r.get(1, "udp", "on time")),
            ("one_later", |r| r.get(1, "quic-one", "on time")),
            ("message_later", |r| r.get(1, "quic-message", "on time")),
        ],
        claims: &[
            claim(
                "UDP {udp}, datagrams {datagram}, a stream for each message {message}: the same. A repair takes more than a \
                 round trip, so within {deadline} it always comes too late. Repeating did not help, and did not hurt.",
                |r| Some(is_near(on_time(r, 0, "udp")?, on_time(r, 0, "quic-message")?, 0.005)),
            ),
            claim("The single stream has {one}. It spoils good messages because others were lost.", |r| {
                Some(on_time(r, 0, "quic-one")? < on_time(r, 0, "udp")? - 0.05)
            }),
            claim(
                "The second run gives each message {deadline:1}. Now a repair is in time: a stream for each message reaches \
                 {message_later}, one stream {one_later}, and UDP stays at {udp_later}.",
                |r| {
                    let udp = on_time(r, 1, "udp")?;
                    Some(
                        on_time(r, 1, "quic-message")? > udp + 0.02
                            && on_time(r, 1, "quic-one")? > udp + 0.02,
                    )
                },
            ),
            known(
                "So ask two questions. Is a message still of use when it has been repeated? If not, send datagrams. Must it \
                   come after an earlier one? If not, do not put both into one stream.",
            ),
            known(
                "A file: one stream. Many independent requests: a stream for each. Entities of a game that each have a \
                   history: a stream for each. Positions, sound, sensor values: datagrams. A question of one packet to a server \
                   nearby: plain UDP, if nobody else may read or forge it anyway.",
            ),
        ],
    },
    columns: &["delivered", "on time", "lost", "blocked", "p50", "p99"],
    rule: "the deadline decides between repeating and not. The application's order decides the streams.",
    further: &[
        (
            "bench -C fixed --loss 0%,1%,2%,5% --deadline 150ms",
            "Every transport over the loss, for a deadline of your own.",
        ),
        ("bench --preset lte --loss 1%", "Then a link like yours: see `wirelab bench --help` for others."),
    ],
    notes: &[
        "Let groups choose an application and defend a transport for it with a run.",
        "The deadline in the first run is shorter than a round trip and its repair. Let the class compute from which deadline \
         on repeating pays: a round trip, the time to notice, and half a round trip more.",
        "Security is a question of its own: plain UDP can be read and forged. QUIC datagrams and DTLS cannot.",
    ],
    exercises: &[Exercise {
        task: "The same game on a short road: `--rtt 10ms`, with the short deadline. What changes?",
        solution: Trial {
            commands: &[
                "bench -t udp,quic-datagram,quic-one,quic-message -C fixed --rtt 10ms --loss 2% --deadline 60ms -d 20s --seeds 5",
            ],
            figures: &[
                ("udp", |r| r.get(0, "udp", "on time")),
                ("one", |r| r.get(0, "quic-one", "on time")),
                ("message", |r| r.get(0, "quic-message", "on time")),
            ],
            claims: &[claim(
                "Now {deadline} are several round trips of {rtt}, so repairs are in time: {message} with a stream for each \
                 message, {one} even with a single stream, and {udp} with UDP. The same deadline, another answer: what counts is \
                 the deadline in round trips.",
                |r| {
                    let udp = on_time(r, 0, "udp")?;
                    Some(
                        on_time(r, 0, "quic-message")? > udp + 0.02
                            && on_time(r, 0, "quic-one")? > udp + 0.02,
                    )
                },
            )],
        },
    }],
};

fn on_time(results: &super::Results, run: usize, row: &str) -> Option<f64> {
    results.number(run, row, "on time")
}
