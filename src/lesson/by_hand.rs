//! Reliability by hand: stop-and-wait, go-back-N, selective repeat.

use super::{Exercise, Lesson, Trial, claim, known};

pub(super) const LESSON: Lesson = Lesson {
    title: "Making UDP reliable by hand",
    minutes: 8,
    intro: &[
        "To make UDP reliable, number the messages, have the receiver acknowledge them, and send again what is not \
         acknowledged in time. This is called ARQ, automatic repeat request.",
        "The simplest form is stop-and-wait: send one message, wait for its acknowledgement, send the next. Go-back-N \
         keeps many under way; after a loss it sends the lost one and everything behind it again. Selective repeat \
         sends only the lost one again.",
        "A message is due every {interval}, and a round trip takes {rtt}.",
    ],
    question: "How does stop-and-wait do?",
    choices: &[
        claim("well: nothing is lost, and a loss costs a little time", |r| {
            Some(r.number(0, STOP, "p50")? < 60e6)
        }),
        claim("it falls further and further behind, even without a loss", |r| {
            Some(r.number(0, STOP, "p50")? > 1e9 && r.number(0, STOP, "lost")? == 0.0)
        }),
        claim("it loses messages when it is too slow", |r| Some(r.number(0, STOP, "lost")? > 0.0)),
    ],
    trial: Trial {
        commands: &["bench -t arq-stop-and-wait,arq-go-back-n,arq-selective -C fixed -d 10s --seeds 5"],
        figures: &[
            ("stop", |r| r.get(0, STOP, "p50")),
            ("stop_unfinished", |r| r.get(0, STOP, "unfinished")),
            ("back", |r| r.get(0, BACK, "p99")),
            ("back_packets", |r| r.get(0, BACK, "packets/message")),
            ("back_bytes", |r| r.get(0, BACK, "bytes/message")),
            ("selective", |r| r.get(0, SELECTIVE, "p99")),
            ("selective_packets", |r| r.get(0, SELECTIVE, "packets/message")),
            ("selective_bytes", |r| r.get(0, SELECTIVE, "bytes/message")),
        ],
        claims: &[
            claim(
                "In one round trip {due_per_rtt} messages become due, and stop-and-wait sends one. So the others queue \
                 up. The median message took {stop}, and {stop_unfinished} had not come back when the run ended. It \
                 lost nothing, and yet it is useless here.",
                |r| {
                    let is_behind = r.number(0, STOP, "unfinished")? > 0.5;
                    Some(is_behind && r.number(0, STOP, "lost")? == 0.0)
                },
            ),
            claim(
                "The other two keep up, and lose nothing. Go-back-N pays with traffic: {back_bytes} bytes for each \
                 message, where selective repeat needs {selective_bytes}.",
                |r| {
                    let more = r.number(0, BACK, "bytes/message")?
                        > 1.05 * r.number(0, SELECTIVE, "bytes/message")?;
                    let both = [BACK, SELECTIVE].map(|row| r.number(0, row, "delivered"));
                    Some(more && both == [Some(1.0); 2])
                },
            ),
            claim("It is slower too: its p99 is {back}, that of selective repeat {selective}.", |r| {
                Some(r.number(0, BACK, "p99")? > r.number(0, SELECTIVE, "p99")?)
            }),
            known(
                "TCP and QUIC are selective repeat, with a good clock for what counts as \"in time\", and with a \
                   window that adapts to the network. That is a later lesson.",
            ),
        ],
    },
    columns: &["delivered", "on time", "unfinished", "p50", "p99", "packets/message", "bytes/message"],
    rule: "to be reliable and fast, keep many messages under way, and repeat only what was lost.",
    further: &[
        ("bench -t arq,quic-one --loss 5% -C fixed -d 10s", "The four variants beside QUIC on a bad link."),
        (
            "transfer -t arq,quic-one --bytes 200KB",
            "The same for a file: how fast, and what had to be sent again.",
        ),
    ],
    notes: &[
        "Stop-and-wait is no straw man: TFTP works so, and it is fine where round trips are short and messages few.",
        "\"Unfinished\" is not \"lost\": the sender was still trying when the run ended.",
        "Acknowledgements are packets too, which is why even selective repeat needs more than two packets for a message \
         and its reply.",
    ],
    exercises: &[Exercise {
        task: "How slow must messages come for stop-and-wait to keep up? Try `-i 100ms`.",
        solution: Trial {
            commands: &[
                "bench -t arq-stop-and-wait,arq-go-back-n,arq-selective -C fixed -d 10s --seeds 5 -i 100ms",
            ],
            figures: &[("stop", |r| r.get(0, STOP, "p50")), ("late", |r| r.get(0, STOP, "p99"))],
            claims: &[
                claim(
                    "With a message every {interval}, which is longer than the round trip of {rtt}, the median is {stop}: it \
                     keeps up.",
                    |r| Some(r.number(0, STOP, "p50")? < 60e6 && r.number(0, STOP, "delivered")? == 1.0),
                ),
                claim(
                    "But p99 is {late}. One loss takes a timeout to repair, and then the messages that waited go out one \
                     round trip after the other.",
                    |r| Some(r.number(0, STOP, "p99")? > 3.0 * r.number(0, STOP, "p50")?),
                ),
            ],
        },
    }],
};

const STOP: &str = "arq-stop-and-wait";
const BACK: &str = "arq-go-back-n";
const SELECTIVE: &str = "arq-selective";
