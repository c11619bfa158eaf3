//! Corruption: one bit of a packet is flipped.

use super::{
    Column, Obstacle, Property, Setting, Takes,
    effects::{Draw, Draws, Effect},
    property::{SHARE, set, share_words, unless_zero},
    random::Coin,
};

pub(super) const PROPERTY: Property = Property {
    option: "--corrupt",
    takes: Takes::List("SHARE,.."),
    help: "Share of packets with one bit flipped",
    parse: |link, text| set(&mut link.corrupt, text.parse()),
    columns: &[Column::optional("corrupt_ratio", SHARE, |link| Setting::share(link.corrupt.ratio()))],
    words: |settings| share_words(settings, "corrupt_ratio", " corrupted"),
    obstacle: |link| unless_zero(link.corrupt, Obstacle::Damage),
    effect: |link, generators| {
        Some(Box::new(Corrupt(Coin::new(link.corrupt, || generators.take(Draw::Corrupt))?)))
    },
    ..Property::PLAIN
};

#[derive(Debug)]
struct Corrupt(Coin);

impl Effect for Corrupt {
    fn draw(&mut self, draws: &mut Draws) {
        draws.corrupt = self.0.toss_with_value();
    }
}
