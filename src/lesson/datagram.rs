//! What a datagram is, and what it is not.

use super::{Exercise, Lesson, Trial, claim, known};
use crate::report::Figure;

pub(super) const LESSON: Lesson = Lesson {
    title: "What a datagram is",
    minutes: 6,
    intro: &[
        "UDP sends datagrams. A datagram is like a postcard: it holds one message, it carries an address, and you \
         drop it into the box. You do not call first, and nobody tells you whether it arrived.",
        "Here a client sends {messages} datagrams to a server over a bad road. The road loses {loss} of the packets \
         each way. It delivers {duplicate} of them twice. It is slower for some packets than for others. The server \
         answers each datagram that it gets.",
    ],
    question: "What does the client see of its {messages} messages?",
    choices: &[
        claim("a reply to each, in order", |r| {
            Some(r.number(0, "udp", "delivered")? == 1.0 && reordered(r)? == 0)
        }),
        claim("a reply to each, but some late and out of order", |r| {
            Some(r.number(0, "udp", "delivered")? == 1.0 && reordered(r)? > 0)
        }),
        claim("some get no reply, some get two, and some replies overtake others", |r| {
            Some(r.number(0, "udp", "lost")? > 0.0 && reordered(r)? > 0 && twice(r)? > 0)
        }),
        claim("some replies arrive with a part missing", |r| Some(messages(r)?.corrupted? > 0)),
    ],
    trial: Trial {
        commands: &["bench -t udp --loss 2% --duplicate 1% --jitter 10ms -d 20s --seeds 5"],
        figures: &[
            ("lost", |r| Some(Figure::Count(messages(r)?.lost))),
            ("twice", |r| twice(r).map(Figure::Count)),
            ("overtaken", |r| reordered(r).map(Figure::Count)),
            ("p50", |r| r.get(0, "udp", "p50")),
            ("max", |r| r.get(0, "udp", "max")),
        ],
        claims: &[
            claim("{lost} messages got no reply. UDP did not notice, and did not try again.", |r| {
                Some(messages(r)?.lost > 0)
            }),
            claim(
                "{twice} replies came more than once, and {overtaken} came after the reply to a later message. UDP \
                 does not sort, and does not count.",
                |r| Some(twice(r)? > 0 && reordered(r)? > 0),
            ),
            claim(
                "But every reply that came was whole. A datagram arrives as one piece or not at all: messages are \
                 never cut, and never glued to each other, as they are in a TCP stream.",
                |r| Some(messages(r)?.corrupted? == 0),
            ),
            claim(
                "And nobody waited. Half of the replies took at most {p50}, which is one round trip, and the slowest \
                 took {max}. Setting up took no time, because there is nothing to set up.",
                |r| Some(r.cell(0, "udp")?.connect_ns?.max? == 0 && r.number(0, "udp", "max")? < 100e6),
            ),
        ],
    },
    columns: &["delivered", "lost", "p50", "p99", "max"],
    rule: "UDP keeps the borders of messages, and nothing else.",
    further: &[
        (
            "properties -t udp,tcp,quic-one",
            "The textbook's table, each cell measured: what UDP, TCP and QUIC do with loss, order and damage.",
        ),
        (
            "bench -t udp --reorder 10%",
            "Another road: one packet in some skips the delay, and overtakes all that are under way.",
        ),
    ],
    notes: &[
        "A common mistake: \"UDP is faster\". The packets travel at the same speed. UDP saves the handshake and never \
         waits; it is not quicker on the road.",
        "Ask: how would the client tell a lost request from a lost reply? It cannot.",
        "The largest message matters too: one that does not fit into a packet has to be cut by IP, and then one lost \
         piece loses all of it. Try `wirelab bench -t udp -l 2000`.",
    ],
    exercises: &[Exercise {
        task: "Add `--keep-order`, so that the road is still uneven, but no packet overtakes another. What is left of the \
               disorder?",
        solution: Trial {
            commands: &["bench -t udp --loss 2% --duplicate 1% --jitter 10ms --keep-order -d 20s --seeds 5"],
            figures: &[
                ("twice", |r| twice(r).map(Figure::Count)),
                ("overtaken", |r| reordered(r).map(Figure::Count)),
                ("lost", |r| Some(Figure::Count(messages(r)?.lost))),
            ],
            claims: &[
                claim(
                    "{overtaken} replies were overtaken now. {twice} still came twice, and {lost} messages are still \
                     lost: order, duplicates and loss are three different things.",
                    |r| Some(reordered(r)? == 0 && twice(r)? > 0 && messages(r)?.lost > 0),
                ),
                known(
                    "A transport that promises order has to deal with the first. One that promises \"exactly once\" has \
                       to deal with all of them.",
                ),
            ],
        },
    }],
};

fn messages(results: &super::Results) -> Option<&crate::report::Messages> {
    results.cell(0, "udp")?.messages.as_ref()
}

fn twice(results: &super::Results) -> Option<u64> {
    messages(results)?.duplicated
}

fn reordered(results: &super::Results) -> Option<u64> {
    messages(results)?.reordered
}
