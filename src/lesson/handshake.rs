//! Handshakes and 0-RTT.

use super::{Exercise, Lesson, Trial, claim, known};

pub(super) const LESSON: Lesson = Lesson {
    title: "Handshakes, and how to save them",
    minutes: 6,
    intro: &[
        "Before the first message, most transports shake hands: is the other end there, is it who it says it is, which keys \
         do we use? Each question and its answer is a round trip, {rtt} here.",
        "UDP asks nothing. DTLS encrypts datagrams. QUIC opens a connection and agrees on keys in one go. Nothing is lost in \
         this run.",
    ],
    question: "After how many round trips does a new QUIC connection have the first reply, encryption included?",
    choices: &[
        claim("one", |r| Some(trips(r, "quic-one cold")? == 1.0)),
        claim("two", |r| Some(trips(r, "quic-one cold")? == 2.0)),
        claim("three", |r| Some(trips(r, "quic-one cold")? == 3.0)),
        claim("four", |r| Some(trips(r, "quic-one cold")? == 4.0)),
    ],
    trial: Trial {
        commands: &["handshake -t udp,dtls,quic-one --loss 0% -n 5 --seeds 1"],
        figures: &[
            ("udp", |r| r.get(0, "udp cold", "first reply")),
            ("cold", |r| r.get(0, "quic-one cold", "first reply")),
            ("cold_trips", |r| r.get(0, "quic-one cold", "round trips")),
            ("zero", |r| r.get(0, "quic-one 0rtt", "first reply")),
            ("zero_trips", |r| r.get(0, "quic-one 0rtt", "round trips")),
            ("dtls_trips", |r| r.get(0, "dtls cold", "round trips")),
        ],
        claims: &[
            claim(
                "{cold_trips}: one to shake hands, one for the request. That makes {cold}, where UDP has its reply after \
                 {udp}.",
                |r| Some(trips(r, "quic-one cold")? == trips(r, "udp cold")? + 1.0),
            ),
            claim(
                "DTLS takes {dtls_trips}: before it does any work, the server has the client prove its address with a \
                 cookie.",
                |r| Some(trips(r, "dtls cold")? > trips(r, "quic-one cold")?),
            ),
            claim(
                "The row `0rtt` is a client that has been here before. It kept a ticket, and sends its request together with \
                 the first packet: {zero_trips} round trip, {zero}, as fast as UDP, and encrypted.",
                |r| Some(trips(r, "quic-one 0rtt")? == trips(r, "udp cold")?),
            ),
            known(
                "There is a price. Somebody who records these first packets can send them again, and the server may take them \
                   for new. So 0-RTT is for requests that do no harm twice: reading a page, not paying a bill.",
            ),
            known(
                "TCP with TLS 1.3 needs a round trip for TCP and one for TLS before the request. The command below measures \
                   it.",
            ),
        ],
    },
    columns: &["set-up", "first reply", "second reply", "round trips", "packets up/down"],
    rule: "on a long road, round trips cost more than bytes.",
    further: &[
        (
            "handshake -t tcp,tls,quic-one --loss 0% -n 10 --seeds 1",
            "The kernel's TCP and TLS beside QUIC, in real time. It needs Linux with user namespaces.",
        ),
        (
            "handshake -t quic-one --loss 0%,1%,2%,5% --seeds 5",
            "What loss does to a handshake: look at the slowest.",
        ),
    ],
    notes: &[
        "\"Resumed\" is no faster than cold in QUIC: it saves the certificate, that is bytes and computing, not a round trip.",
        "Ask: why does a video call not care, and a page with ten small requests to ten servers does?",
    ],
    exercises: &[Exercise {
        task: "Lose packets: `--loss 5%`. What share of the new connections now takes a second or more until the first reply?",
        solution: Trial {
            commands: &["handshake -t udp,quic-one --loss 5% -n 100 --seeds 5"],
            figures: &[
                ("slow", |r| r.get(0, "quic-one cold", "1 s or more")),
                ("median", |r| r.get(0, "quic-one cold", "first reply")),
                ("failed", |r| r.get(0, "udp cold", "failed")),
            ],
            claims: &[
                claim(
                    "{slow} of the QUIC connections, though the median is still {median}. Early in a connection the sender does \
                     not know the round trip yet, and waits for long before it sends again.",
                    |r| {
                        Some(
                            r.number(0, "quic-one cold", "1 s or more")? > 0.02
                                && trips(r, "quic-one cold")? == 2.0,
                        )
                    },
                ),
                claim(
                    "Of the UDP clients {failed} never got both of their replies: nobody repeats for them.",
                    |r| Some(r.number(0, "udp cold", "failed")? > 0.0),
                ),
            ],
        },
    }],
};

fn trips(results: &super::Results, row: &str) -> Option<f64> {
    results.number(0, row, "round trips")
}
