//! Loss among the properties of a link.

use super::{GilbertElliott, Loss, LossBy, stage::LossStage};
use crate::{
    link::{
        Column, LinkSpec, Property, Setting, SpecError, Takes, Word,
        effects::Draw,
        property::{COUNT, SHARE, TEXT, set},
    },
    unit::nanos,
};

/// Loss is the variable of the closed forms, so no loss rules them out. Each form states the losses for which it holds.
pub(in crate::link) const LOSS: Property = Property {
    option: "--loss",
    takes: Takes::List("LOSS,.."),
    help: "Loss each way: 1%, gilbert:P:R, gemodel:P:R:H:K (H and K: chance to survive in the bad and in the good \
           state), drop:3:17:40 (packets by number, from 1), outage:2s:300ms (start, length) [default: 1%]",
    parse: |link, text| set(&mut link.loss, text.parse()),
    check: |link| match &link.loss {
        Loss::GilbertElliott(chain) if chain.p.is_zero() && chain.r.is_zero() => Err(SpecError::StuckChain),
        Loss::Drop(numbers) if numbers.contains(&0) => Err(SpecError::DropZero),
        Loss::Drop(_) if link.loss_by != LossBy::Packet => Err(SpecError::DropByTime),
        Loss::Outage { length, .. } if length.is_zero() => Err(SpecError::NoOutage),
        _ => Ok(()),
    },
    columns: &[
        Column::optional("loss", TEXT, |link| {
            let spelled = (link.loss != Loss::NONE).then(|| link.loss.to_string());
            spelled.map_or(Setting::Off, Setting::Text)
        }),
        Column::optional("loss_ratio", SHARE, |link| ratio(&link.loss)),
    ],
    words: |settings| {
        let Some(loss) = settings.text("loss") else { return vec![Word::Text("no loss")] };
        let mut words = vec![Word::Text("loss "), Word::Quoted(loss.to_owned())];
        if settings.text("loss_by") == Some("time") {
            words.push(Word::Text(" by time in slots of "));
            words.extend(settings.count("loss_slot_ns").map(Word::Time));
        }
        words
    },
    effect: |link, generators| LossStage::of(&link.loss, link.loss_by, || generators.take(Draw::Loss)),
    ..Property::PLAIN
};

pub(in crate::link) const LOSS_BY: Property = Property {
    option: "--loss-by",
    takes: Takes::One("packet|time"),
    help: "What a draw of the loss is for: packet, or time[:1ms], which gives every transport the same bad moments",
    parse: |link, text| set(&mut link.loss_by, text.parse()),
    check: |link| match link.loss_by {
        LossBy::Time(slot) if !(LossBy::SHORTEST_SLOT..=LinkSpec::LONGEST).contains(&slot) => {
            Err(SpecError::Slot { slot })
        }
        _ => Ok(()),
    },
    columns: &[
        Column::new("loss_by", TEXT, |link| match link.loss_by {
            LossBy::Packet => "packet".into(),
            LossBy::Time(_) => "time".into(),
        }),
        Column::optional("loss_slot_ns", COUNT, |link| match link.loss_by {
            LossBy::Packet => Setting::Off,
            LossBy::Time(slot) => nanos(slot).into(),
        }),
    ],
    ..Property::PLAIN
};

/// The share of packets that a model loses in the long run; off where that depends on the traffic.
fn ratio(loss: &Loss) -> Setting {
    match loss {
        Loss::Independent(share) => Setting::share(share.ratio()),
        Loss::GilbertElliott(GilbertElliott { p, r, h, k }) => {
            let (p, r) = (p.ratio(), r.ratio());
            let lost = p * h.complement().ratio() + r * k.complement().ratio();
            Setting::rounded(lost / (p + r))
        }
        Loss::Drop(_) | Loss::Outage { .. } => Setting::Off,
    }
}
