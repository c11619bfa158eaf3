//! The properties of a link, one row each. Options, `--to-server` keys, result fields, CSV columns and the words of a
//! result all come from these rows.

use super::{
    GilbertElliott, LinkSettings, LinkSpec, Loss, LossBy, QueueLimit, ValueError, settings::Setting,
};
use crate::unit::{Rate, Share, nanos, parse_duration, shown};

/// A property of one direction of a link.
#[derive(Debug)]
pub struct Property {
    /// The option of the command line, dashes included.
    pub option: &'static str,
    /// What the option takes.
    pub takes: Takes,
    /// The option's help.
    pub help: &'static str,
    /// Reads a value into a link.
    pub(super) parse: fn(&mut LinkSpec, &str) -> Result<(), ValueError>,
    columns: &'static [Column],
    /// What a page says of it; nothing where the effect is off.
    words: fn(&LinkSettings) -> Vec<Word>,
    /// Why closed forms for isolated losses do not hold with it.
    obstacle: fn(&LinkSpec) -> Option<Obstacle>,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A list of values, one link each; the name stands in the help text.
    List(&'static str),
    /// One value.
    One(&'static str),
    /// Nothing: the option is the value `true`.
    Nothing,
}

/// A field of a result file.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// A value of its type.
    pub(super) kind: Setting,
    pub(super) value: fn(&LinkSpec) -> Setting,
    optional: bool,
}

impl Column {
    const fn new(name: &'static str, kind: Setting, value: fn(&LinkSpec) -> Setting) -> Self {
        Self { name, kind, value, optional: false }
    }

    /// One that is null where the effect is off.
    const fn optional(name: &'static str, kind: Setting, value: fn(&LinkSpec) -> Setting) -> Self {
        Self { name, kind, value, optional: true }
    }

    /// Whether it may be null.
    pub(super) fn is_optional(&self) -> bool {
        self.optional
    }
}

/// A part of a phrase. How figures are written is the page's business.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// Literal text.
    Text(&'static str),
    /// Text from a result file.
    Quoted(String),
    /// Nanoseconds.
    Time(u64),
    /// Bits per second.
    Rate(u64),
    /// A share of packets.
    Share(f64),
    /// A whole number.
    Count(u64),
    /// A number of packets.
    Packets(u64),
}

/// What keeps the closed forms for isolated losses from holding, the first to be told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// Packets wait at a bottleneck.
    Queueing,
    /// Packets overtake each other.
    Overtaking,
    /// Packets are corrupted or duplicated.
    Damage,
}

impl Obstacle {
    /// The reason in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Queueing => "a bottleneck's queue delays messages too",
            Self::Overtaking => "packets overtake each other",
            Self::Damage => "packets are corrupted or doubled",
        }
    }
}

impl Property {
    /// The key of [`LinkSpec::set`]: the option without its dashes.
    pub fn key(&self) -> &'static str {
        self.option.trim_start_matches('-')
    }

    /// The fields of a result file, which are the columns of CSV too.
    pub fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// The phrase for a page, of this property alone.
    pub fn words(&self, settings: &LinkSettings) -> Vec<Word> {
        (self.words)(settings)
    }
}

/// Whatever keeps closed forms from holding on `link`.
pub fn obstacle(link: &LinkSpec) -> Option<Obstacle> {
    PROPERTIES.iter().filter_map(|property| (property.obstacle)(link)).min()
}

/// The columns of all properties.
pub(super) fn columns() -> impl Iterator<Item = &'static Column> {
    PROPERTIES.iter().flat_map(Property::columns)
}

/// The property with this key.
pub(super) fn find(key: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.key() == key)
}

const COUNT: Setting = Setting::Count(0);
const SHARE: Setting = Setting::Share(0.0);
const TEXT: Setting = Setting::Text(String::new());

/// Every property, in the order of help texts, result files and pages.
pub static PROPERTIES: &[Property] = &[
    Property {
        option: "--delay",
        takes: Takes::List("TIME,.."),
        help: "One-way delay, in place of --rtt",
        parse: |link, text| set(&mut link.delay, parse_duration(text)),
        columns: &[Column::new("delay_ns", COUNT, |link| nanos(link.delay).into())],
        words: |_| Vec::new(),
        obstacle: |_| None,
    },
    Property {
        option: "--jitter",
        takes: Takes::List("JITTER,.."),
        help: "Variation of the one-way delay: 5ms, 5ms:uniform, 5ms:normal, 5ms:pareto; where it would make the delay \
               negative, the delay is 0",
        parse: |link, text| set(&mut link.jitter, unless_none(text, str::parse)),
        columns: &[
            Column::optional("jitter_ns", COUNT, |link| {
                link.jitter.map(|jitter| nanos(jitter.amount)).into()
            }),
            Column::optional("jitter_distribution", TEXT, |link| {
                link.jitter.map(|jitter| jitter.shape.name()).into()
            }),
        ],
        words: |settings| {
            let order = if settings.is_set("keep_order") { " in order" } else { "" };
            let amount = settings.count("jitter_ns");
            amount.map_or_else(Vec::new, |ns| vec![Word::Text("jitter "), Word::Time(ns), Word::Text(order)])
        },
        obstacle: |link| link.jitter.map(|_| Obstacle::Overtaking),
    },
    Property {
        option: "--keep-order",
        takes: Takes::Nothing,
        help: "Packets that jitter would let overtake wait instead",
        parse: |link, text| set(&mut link.keep_order, yes_or_no(text)),
        columns: &[Column::new("keep_order", Setting::Flag(false), |link| Setting::Flag(link.keep_order))],
        words: |_| Vec::new(),
        obstacle: |_| None,
    },
    Property {
        option: "--loss",
        takes: Takes::List("LOSS,.."),
        help: "Loss each way: 1%, gilbert:P:R, gemodel:P:R:H:K (H and K: chance to survive in the bad and in the good \
               state), drop:3:17:40 (packets by number, from 1), outage:2s:300ms (start, length) [default: 1%]",
        parse: |link, text| set(&mut link.loss, text.parse()),
        columns: &[
            Column::optional("loss", TEXT, |link| {
                let spelled = (link.loss != Loss::NONE).then(|| link.loss.to_string());
                spelled.map_or(Setting::Off, Setting::Text)
            }),
            Column::optional("loss_ratio", SHARE, |link| loss_ratio(&link.loss)),
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
        // The loss is the variable of the closed forms, which say themselves what they hold for.
        obstacle: |_| None,
    },
    Property {
        option: "--loss-by",
        takes: Takes::One("packet|time"),
        help: "What a draw of the loss is for: packet, or time[:1ms], which gives every transport the same bad moments",
        parse: |link, text| set(&mut link.loss_by, text.parse()),
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
        words: |_| Vec::new(),
        obstacle: |_| None,
    },
    Property {
        option: "--rate",
        takes: Takes::List("RATE,.."),
        help: "Rate of the bottleneck, such as 20mbit [default: unlimited]",
        parse: |link, text| set(&mut link.rate, unless_none(text, |rate| Ok(rate.parse::<Rate>()?))),
        columns: &[Column::optional("rate_bps", COUNT, |link| {
            link.rate.map(|rate| rate.bits_per_second()).into()
        })],
        words: |settings| {
            let Some(rate) = settings.count("rate_bps") else { return Vec::new() };
            let queue = Word::Text(" with a queue of ");
            match (settings.count("queue_bytes"), settings.count("queue_packets")) {
                (Some(bytes), _) => vec![Word::Rate(rate), queue, Word::Count(bytes), Word::Text(" bytes")],
                (None, Some(packets)) => vec![Word::Rate(rate), queue, Word::Packets(packets)],
                (None, None) => vec![Word::Rate(rate)],
            }
        },
        obstacle: |link| link.rate.map(|_| Obstacle::Queueing),
    },
    Property {
        option: "--queue",
        takes: Takes::List("SIZE,.."),
        help: "Drop-tail queue of the bottleneck: 128KB or 100p [default: unlimited]",
        parse: |link, text| {
            set(&mut link.queue, unless_none(text, str::parse).map(Option::unwrap_or_default))
        },
        columns: &[
            Column::optional("queue_bytes", COUNT, |link| match link.queue {
                QueueLimit::Bytes(size) => size.bytes().into(),
                QueueLimit::Packets(_) | QueueLimit::Unlimited => Setting::Off,
            }),
            Column::optional("queue_packets", COUNT, |link| match link.queue {
                QueueLimit::Packets(packets) => packets.into(),
                QueueLimit::Bytes(_) | QueueLimit::Unlimited => Setting::Off,
            }),
        ],
        words: |_| Vec::new(),
        obstacle: |_| None,
    },
    Property {
        option: "--reorder",
        takes: Takes::List("SHARE,.."),
        help: "Share of packets that skip the propagation delay",
        parse: |link, text| set(&mut link.reorder, text.parse()),
        columns: &[Column::optional("reorder_ratio", SHARE, |link| Setting::share(link.reorder.ratio()))],
        words: |settings| share_that_is(settings, "reorder_ratio", " reordered"),
        obstacle: |link| unless_zero(link.reorder, Obstacle::Overtaking),
    },
    Property {
        option: "--duplicate",
        takes: Takes::List("SHARE,.."),
        help: "Share of packets that arrive twice",
        parse: |link, text| set(&mut link.duplicate, text.parse()),
        columns: &[Column::optional("duplicate_ratio", SHARE, |link| Setting::share(link.duplicate.ratio()))],
        words: |settings| share_that_is(settings, "duplicate_ratio", " duplicated"),
        obstacle: |link| unless_zero(link.duplicate, Obstacle::Damage),
    },
    Property {
        option: "--corrupt",
        takes: Takes::List("SHARE,.."),
        help: "Share of packets with one bit flipped",
        parse: |link, text| set(&mut link.corrupt, text.parse()),
        columns: &[Column::optional("corrupt_ratio", SHARE, |link| Setting::share(link.corrupt.ratio()))],
        words: |settings| share_that_is(settings, "corrupt_ratio", " corrupted"),
        obstacle: |link| unless_zero(link.corrupt, Obstacle::Damage),
    },
    Property {
        option: "--mtu",
        takes: Takes::One("BYTES"),
        help: "Largest IP packet in bytes; a larger one is refused, not fragmented [default: 1500]",
        parse: |link, text| set(&mut link.mtu, mtu(text)),
        columns: &[Column::new("mtu_bytes", COUNT, |link| u64::from(link.mtu).into())],
        words: |settings| {
            let unusual = settings.count("mtu_bytes").filter(|mtu| *mtu != u64::from(LinkSpec::DEFAULT_MTU));
            unusual
                .map_or_else(Vec::new, |mtu| vec![Word::Text("MTU "), Word::Count(mtu), Word::Text(" bytes")])
        },
        obstacle: |_| None,
    },
];

fn share_that_is(settings: &LinkSettings, column: &str, what: &'static str) -> Vec<Word> {
    let share = settings.ratio(column).filter(|share| *share > 0.0);
    share.map_or_else(Vec::new, |share| vec![Word::Share(share), Word::Text(what)])
}

fn unless_zero(share: Share, obstacle: Obstacle) -> Option<Obstacle> {
    (!share.is_zero()).then_some(obstacle)
}

/// The share of packets that a model loses in the long run; off where that depends on the traffic.
fn loss_ratio(loss: &Loss) -> Setting {
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

fn set<T, E: Into<ValueError>>(field: &mut T, value: Result<T, E>) -> Result<(), ValueError> {
    *field = value.map_err(Into::into)?;
    Ok(())
}

fn unless_none<T>(
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if value == "none" { Ok(None) } else { parse(value).map(Some) }
}

fn yes_or_no(value: &str) -> Result<bool, ValueError> {
    value.parse().map_err(|_| ValueError::Form { text: shown(value), forms: "true or false" })
}

fn mtu(value: &str) -> Result<u16, ValueError> {
    value.parse().map_err(|_| ValueError::Form {
        text: shown(value),
        forms: "a whole number of bytes from 576 to 65535",
    })
}
