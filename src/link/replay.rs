//! Replay: an attacker who has recorded a packet sends it again, long after the packet itself.

use std::time::Duration;

use super::{
    Column, Obstacle, Property, Setting, Takes,
    effects::{Draw, Draws, Effect},
    property::{SHARE, set, share_words, unless_zero},
    random::Coin,
};

/// How long after its packet a replay arrives: too late to be mistaken for reordering.
pub(super) const REPLAY_AFTER: Duration = Duration::from_secs(1);

pub(super) const PROPERTY: Property = Property {
    option: "--replay",
    takes: Takes::List("SHARE,.."),
    help: "Share of packets that an attacker records and sends again a second later",
    parse: |link, text| set(&mut link.replay, text.parse()),
    columns: &[Column::optional("replay_ratio", SHARE, |link| Setting::share(link.replay.ratio()))],
    words: |settings| share_words(settings, "replay_ratio", " replayed"),
    obstacle: |link| unless_zero(link.replay, Obstacle::Damage),
    effect: |link, generators| {
        Some(Box::new(Replay(Coin::new(link.replay, || generators.take(Draw::Replay))?)))
    },
    ..Property::PLAIN
};

#[derive(Debug)]
struct Replay(Coin);

impl Effect for Replay {
    fn draw(&mut self, draws: &mut Draws) {
        draws.replayed = self.0.toss();
    }
}
