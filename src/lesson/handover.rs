//! A phone that changes its network: what survives a new address.

use super::{Exercise, Lesson, Trial, claim, known};

pub(super) const LESSON: Lesson = Lesson {
    title: "When a phone changes its network",
    minutes: 8,
    intro: &[
        "A phone leaves the house in the middle of a conversation. The wireless network is gone, and a moment later the phone \
         has another network, with another address and another delay.",
        "A socket of UDP or TCP is found by addresses and ports. QUIC gives each connection an ID of its own, which is in every \
         packet. So a server of QUIC can recognise a client that comes from an address that it has never seen.",
        "Here the phone has no network for {outage}. The round trip is {rtt} before, and longer on the other network.",
    ],
    question: "For how long is the client without a reply over QUIC?",
    choices: &[
        claim("for little more than the outage", |r| Some(gap(r, "quic-message")? < 0.45e9)),
        claim("for about twice the outage: it needs a new handshake", |r| {
            Some((0.45e9..1e9).contains(&gap(r, "quic-message")?))
        }),
        claim("for more than a second: the connection is dead", |r| Some(gap(r, "quic-message")? >= 1e9)),
    ],
    trial: Trial {
        commands: &[
            "bench --handover 2s:300ms --after delay=40ms -t udp,dtls,quic-message --loss 0% -C fixed -d 8s --seeds 1",
            "bench --rebind 2s:port -i 500us -t quic-message --loss 0% -d 6s --seeds 1",
            "bench --rebind 2s:ip -i 500us -t quic-message --loss 0% -d 6s --seeds 1",
            "bench --workload video --handover 2s:300ms --after delay=40ms -t udp,dtls,quic-message --loss 0% -C fixed -d 8s \
             --seeds 1",
        ],
        figures: &[
            ("udp", |r| r.get(0, "udp", "gap")),
            ("udp_lost", |r| r.get(0, "udp", "lost in it")),
            ("quic", |r| r.get(0, "quic-message", "gap")),
            ("dtls", |r| r.get(0, "dtls", "gap")),
            ("port", |r| r.get(1, "quic-message", "in round trips")),
            ("ip", |r| r.get(2, "quic-message", "in round trips")),
            ("udp_freeze", |r| r.get(3, "udp", "longest freeze")),
            ("dtls_freeze", |r| r.get(3, "dtls", "longest freeze")),
            ("quic_freeze", |r| r.get(3, "quic-message", "longest freeze")),
        ],
        claims: &[
            claim(
                "Over QUIC there was no reply for {quic}: the outage, and a round trip of the other network. The server knew the \
                 connection by its ID, and sent again what had been lost. Nothing is missing.",
                |r| {
                    Some(
                        gap(r, "quic-message")? < 0.45e9 && r.number(0, "quic-message", "lost in it")? == 0.0,
                    )
                },
            ),
            claim(
                "Raw UDP was back after {udp}, because this server answers the address that a datagram comes from. It lost \
                 {udp_lost} messages.",
                |r| Some(gap(r, "udp")? < 0.45e9 && r.number(0, "udp", "lost in it")? > 30.0),
            ),
            claim(
                "DTLS took {dtls}. Its server finds a session by the address, so the connection was dead, and no packet said so. This \
                 client waits for a second of silence before it connects again, and the handshake comes on top.",
                |r| Some(gap(r, "dtls")? > 1e9 && r.number(0, "dtls", "new connections")? == 1.0),
            ),
            claim(
                "The congestion window was learned on the old network. At a new port, QUIC keeps it and is as fast as before after \
                 {port} round trips. At a new IP address, it begins anew, and that takes {ip}.",
                |r| {
                    let trips = |run| r.number(run, "quic-message", "in round trips");
                    Some(trips(1)? < 2.0 && trips(2)? > trips(1)? + 1.0)
                },
            ),
            claim(
                "In a video call, the picture froze for {quic_freeze} over QUIC. Raw UDP repeats nothing, and froze for {udp_freeze}: \
                 until the next key frame. Over DTLS it was {dtls_freeze}.",
                |r| {
                    let freeze = |row| r.number(3, row, "longest freeze");
                    Some(freeze("quic-message")? < freeze("udp")? && freeze("udp")? <= freeze("dtls")?)
                },
            ),
            known(
                "DTLS has connection IDs too, as an extension, and there is a TCP that moves between addresses. Few servers have \
                 them.",
            ),
        ],
    },
    columns: &["gap", "lost in it", "in round trips", "new connections", "shown", "longest freeze"],
    rule: "a connection that has an ID survives a new address. One that is known by its address is dead, and most of the gap is \
           the time until somebody notices.",
    further: &[
        (
            "bench --path netns --rebind 1s:ip -t udp,quic-message,tcp -d 5s --seeds 1",
            "The kernel takes the address away, in real time: its TCP breaks.",
        ),
        (
            "bench --workload game --handover 2s:300ms --after delay=40ms -t udp,quic-message,dtls --loss 0% -d 8s --seeds 1",
            "A game: how old the state is when the phone is back.",
        ),
    ],
    notes: &[
        "The second of silence is the choice of the client, not a property of DTLS. A shorter one would take a lost packet for a \
         dead connection.",
        "Ask what an attacker could do with a forged address. The server sends little to a new address until that has answered a \
         challenge.",
    ],
    exercises: &[Exercise {
        task: "Do the same over `arq-selective`, which binds a connection to the address that returned its cookie. Is anything lost?",
        solution: Trial {
            commands: &[
                "bench --handover 2s:300ms --after delay=40ms -t arq-selective --loss 0% -C fixed -d 8s --seeds 1",
            ],
            figures: &[
                ("gap", |r| r.get(0, "arq-selective", "gap")),
                ("again", |r| r.get(0, "arq-selective", "bytes again")),
            ],
            claims: &[claim(
                "Nothing is lost, but it takes {gap}. The client repeats all requests without a reply on a new connection, which makes \
                 {again} bytes.",
                |r| {
                    let lost = r.number(0, "arq-selective", "lost in it")?;
                    Some(lost == 0.0 && gap(r, "arq-selective")? > 1e9)
                },
            )],
        },
    }],
};

fn gap(results: &super::Results, row: &str) -> Option<f64> {
    results.number(0, row, "gap")
}
