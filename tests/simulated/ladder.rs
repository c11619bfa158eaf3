//! The ladder of an episode as text.

use proptest::prelude::*;
use wirelab::report::{
    TextOptions,
    episode::{
        Carries, DetectedLoss, End, Episode, Fate, LossCause, Numbered, Packet, Resent, Subject, Wait,
    },
    to_ladders,
};

const MS: u64 = 1_000_000;

fn numbered(number: u64) -> Numbered {
    Numbered { number, flow: (number % 8) as u32 }
}

fn options(ascii: bool) -> TextOptions {
    TextOptions { ascii, ..TextOptions::default() }
}

fn to_ladder(episode: &Episode, options: TextOptions) -> String {
    to_ladders(std::slice::from_ref(episode), options)
}

/// A packet to the server every 10 ms, with a delay of 50 ms. The third is lost and retransmitted.
fn episode(messages: u64) -> Episode {
    let sent = |number: u64, at: u64, again: bool| Packet {
        from: End::Client,
        entered_ns: at * MS,
        arrives_ns: (at + 50) * MS,
        lost: number == 2 && !again,
        carries: vec![Carries { message: numbered(number), again }],
        resent: again.then_some(Resent::Needed),
        loss: (number == 2 && !again).then_some(DetectedLoss {
            at_ns: 105 * MS,
            by: LossCause::PacketThreshold,
            arrived: false,
        }),
        frames: String::new(),
    };
    let again = (messages - 1) * 10 + 5;
    let mut packets: Vec<Packet> = (0..messages).map(|number| sent(number, number * 10, false)).collect();
    packets.push(sent(2, again, true));
    let wait = |number| Wait {
        message: numbered(number),
        arrived_ns: (number * 10 + 50) * MS,
        released_ns: (again + 50) * MS,
    };
    Episode {
        transport: "quic-one".to_owned(),
        seed: 1,
        at: End::Server,
        subject: Subject {
            message: numbered(2),
            entered_ns: 20 * MS,
            arrived_ns: Some((again + 50) * MS),
            fate: Fate::Lost,
        },
        waits: (3..messages).map(wait).collect(),
        packets,
    }
}

#[test]
fn waiting_begins_and_ends() {
    insta::assert_snapshot!(to_ladder(&episode(8), options(false)));
}

#[test]
fn messages_that_wait_at_the_client_stand_at_its_side() {
    let mut mirrored = episode(6);
    mirrored.at = End::Client;
    mirrored.packets.iter_mut().for_each(|packet| packet.from = End::Server);
    insta::assert_snapshot!(to_ladder(&mirrored, options(false)));
}

#[test]
fn the_middle_of_a_long_episode_is_left_out_and_counted() {
    let text = to_ladder(&episode(200), options(true));
    assert!(text.contains("158 packets left out"), "{text}");
    assert!(text.contains("#2 again"), "{text}");
    assert!(text.lines().count() <= 60, "{text}");
}

#[test]
fn acknowledgements_are_left_out_first() {
    let mut long = episode(30);
    let acks = (0..30).map(|number| Packet {
        from: End::Server,
        entered_ns: (number * 10 + 50) * MS,
        arrives_ns: (number * 10 + 100) * MS,
        lost: false,
        carries: Vec::new(),
        resent: None,
        loss: None,
        frames: String::new(),
    });
    long.packets.extend(acks);
    long.packets.sort_by_key(|packet| packet.at(End::Server));
    let text = to_ladder(&long, options(true)).replace('\n', " ");
    assert!(text.contains("Left out: 30 packets with acknowledgements only."), "{text}");
    assert!(!text.contains("packets left out"), "{text}");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = to_ladder(&episode(8), options(false));
    let coloured = to_ladder(&episode(8), TextOptions { colour: true, ..options(false) });
    let escapes = coloured.split('\x1b');
    let stripped: String = escapes
        .map(|part| {
            part.split_once('m').filter(|(code, _)| code.starts_with('[')).map_or(part, |(_, text)| text)
        })
        .collect();
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_ne!(coloured, plain);
    assert_eq!(trimmed(&stripped), trimmed(&plain));
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let carries = prop::collection::vec((any::<u64>(), any::<u32>(), any::<bool>()), 0..5);
    let judged = (any::<Option<bool>>(), any::<Option<(u64, bool)>>());
    (any::<bool>(), any::<u64>(), any::<u32>(), any::<bool>(), carries, judged).prop_map(
        |(client, entered, transit, lost, carries, (needless, found))| Packet {
            from: if client { End::Client } else { End::Server },
            entered_ns: entered,
            arrives_ns: entered.saturating_add(transit.into()),
            lost,
            carries: carries
                .into_iter()
                .map(|(number, flow, again)| Carries { message: Numbered { number, flow }, again })
                .collect(),
            resent: needless.map(|needless| if needless { Resent::Needless } else { Resent::Needed }),
            loss: found.map(|(at_ns, arrived)| DetectedLoss { at_ns, by: LossCause::Timeout, arrived }),
            frames: String::new(),
        },
    )
}

fn any_episode() -> impl Strategy<Value = Episode> {
    let fate =
        prop::sample::select(vec![Fate::Lost, Fate::Overtaken, Fate::SentLate, Fate::Gone, Fate::Unharmed]);
    let wait = (any::<u64>(), any::<u32>(), any::<u64>(), any::<u64>());
    (
        prop::collection::vec(any_packet(), 0..120),
        prop::collection::vec(wait, 0..60),
        (any::<bool>(), any::<u64>(), fate, any::<u64>(), any::<Option<u64>>()),
    )
        .prop_map(|(mut packets, waits, (client, seed, fate, entered_ns, arrived_ns))| {
            let at = if client { End::Client } else { End::Server };
            packets.sort_by_key(|packet| packet.at(at));
            let message = Numbered { number: seed, flow: seed as u32 };
            let waits = waits.into_iter().map(|(number, flow, a, b)| Wait {
                message: Numbered { number, flow },
                arrived_ns: a.min(b),
                released_ns: a.max(b),
            });
            Episode {
                transport: "quic-one".to_owned(),
                seed,
                at,
                subject: Subject { message, entered_ns, arrived_ns, fate },
                waits: waits.collect(),
                packets,
            }
        })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(episode in any_episode(), width in 60usize..=200, ascii: bool) {
        let text = to_ladder(&episode, TextOptions { width, ..options(ascii) });
        for line in text.lines() {
            prop_assert!(line.chars().count() <= width, "{line:?}");
        }
        // The drawing fits on a screen; lists of what was sent again and declared lost may follow it.
        let mut drawn = episode;
        drawn.packets.iter_mut().for_each(|packet| (packet.resent, packet.loss) = (None, None));
        let drawn = to_ladder(&drawn, TextOptions { width, ..options(ascii) });
        prop_assert!(drawn.lines().count() <= 60, "{drawn}");
        prop_assert!(!ascii || text.is_ascii());
    }
}
