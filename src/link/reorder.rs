//! Reordering: a packet skips the propagation delay, as in netem.

use super::{
    Column, Obstacle, Property, Setting, Takes,
    effects::{Draw, Draws, Effect},
    property::{SHARE, set, share_words, unless_zero},
    random::Coin,
};

pub(super) const PROPERTY: Property = Property {
    option: "--reorder",
    takes: Takes::List("SHARE,.."),
    help: "Share of packets that skip the propagation delay",
    parse: |link, text| set(&mut link.reorder, text.parse()),
    columns: &[Column::optional("reorder_ratio", SHARE, |link| Setting::share(link.reorder.ratio()))],
    words: |settings| share_words(settings, "reorder_ratio", " reordered"),
    obstacle: |link| unless_zero(link.reorder, Obstacle::Overtaking),
    effect: |link, generators| {
        Some(Box::new(Reorder(Coin::new(link.reorder, || generators.take(Draw::Reorder))?)))
    },
    ..Property::PLAIN
};

#[derive(Debug)]
struct Reorder(Coin);

impl Effect for Reorder {
    fn draw(&mut self, draws: &mut Draws) {
        draws.reordered |= self.0.toss();
    }
}
