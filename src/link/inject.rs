//! Injection: an attacker sends a forged copy of a packet, which arrives just before the packet itself.

use super::{
    Column, Obstacle, Property, Setting, Takes,
    effects::{Draw, Draws, Effect},
    property::{SHARE, set, share_words, unless_zero},
    random::Coin,
};

pub(super) const PROPERTY: Property = Property {
    option: "--inject",
    takes: Takes::List("SHARE,.."),
    help: "Share of UDP datagrams whose forgery by an attacker arrives just before them: other bytes at the end, and \
           right checksums",
    parse: |link, text| set(&mut link.inject, text.parse()),
    columns: &[Column::optional("inject_ratio", SHARE, |link| Setting::share(link.inject.ratio()))],
    words: |settings| share_words(settings, "inject_ratio", " forged"),
    obstacle: |link| unless_zero(link.inject, Obstacle::Damage),
    effect: |link, generators| {
        Some(Box::new(Inject(Coin::new(link.inject, || generators.take(Draw::Inject))?)))
    },
    ..Property::PLAIN
};

#[derive(Debug)]
struct Inject(Coin);

impl Effect for Inject {
    fn draw(&mut self, draws: &mut Draws) {
        draws.injected = self.0.toss_with_value();
    }
}
