//! Duplication: a packet arrives twice.

use super::{
    Column, Obstacle, Property, Setting, Takes,
    effects::{Draw, Draws, Effect},
    property::{SHARE, set, share_words, unless_zero},
    random::Coin,
};

pub(super) const PROPERTY: Property = Property {
    option: "--duplicate",
    takes: Takes::List("SHARE,.."),
    help: "Share of packets that arrive twice",
    parse: |link, text| set(&mut link.duplicate, text.parse()),
    columns: &[Column::optional("duplicate_ratio", SHARE, |link| Setting::share(link.duplicate.ratio()))],
    words: |settings| share_words(settings, "duplicate_ratio", " duplicated"),
    obstacle: |link| unless_zero(link.duplicate, Obstacle::Damage),
    effect: |link, generators| {
        Some(Box::new(Duplicate(Coin::new(link.duplicate, || generators.take(Draw::Duplicate))?)))
    },
    ..Property::PLAIN
};

#[derive(Debug)]
struct Duplicate(Coin);

impl Effect for Duplicate {
    fn draw(&mut self, draws: &mut Draws) {
        draws.duplicated |= self.0.toss();
    }
}
