//! Variation of the propagation delay.

use std::{fmt, str::FromStr, time::Duration};

use rand::Rng;
use serde::{Serialize, Serializer};

use super::{
    Column, Obstacle, Property, SpecError, Takes, ValueError, Word,
    effects::{Draw, Draws, Effect},
    property::{COUNT, TEXT, set, unless_none},
};
use crate::unit::{
    format_duration, nanos, parse_duration,
    random::{self, ChaCha8Rng},
    shown,
};

pub(super) const PROPERTY: Property = Property {
    option: "--jitter",
    takes: Takes::List("JITTER,.."),
    help: "Variation of the one-way delay: 5ms, 5ms:uniform, 5ms:normal, 5ms:pareto; where it would make the delay \
           negative, the delay is 0",
    parse: |link, text| set(&mut link.jitter, unless_none(text, str::parse)),
    check: |link| link.jitter.map_or(Ok(()), |jitter| SpecError::unless_too_long("jitter", jitter.amount)),
    columns: &[
        Column::optional("jitter_ns", COUNT, |link| link.jitter.map(|jitter| nanos(jitter.amount)).into()),
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
    effect: |link, generators| {
        let jitter = link.jitter.filter(|jitter| !jitter.amount.is_zero())?;
        let mut source = |purpose| JitterSource::new(jitter, generators.take(purpose));
        let copies = !link.duplicate.is_zero();
        Some(Box::new(JitterDraws {
            own: source(Draw::Jitter),
            copy: copies.then(|| source(Draw::CopyJitter)),
        }))
    },
};

/// The random addition to the one-way delay of each packet, written `5ms[:uniform|normal|pareto]`.
///
/// The sum is clipped at 0, which raises the mean if `amount` is not small against the delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter {
    /// The scale of the distribution.
    pub amount: Duration,
    /// Its shape.
    pub shape: JitterShape,
}

/// How jitter is distributed; J stands for [`Jitter::amount`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum JitterShape {
    /// Uniform on [-J, J], as netem's: mean 0, standard deviation J/sqrt(3).
    #[default]
    Uniform,
    /// Normal: mean 0, standard deviation J. Not cut at 4 deviations, as netem's table is.
    Normal,
    /// netem's Pareto (iproute2 `netem/pareto.c`): J * min(4/3 (X - 3/2), 4) with X of shape 3 and
    /// minimum 1. From -0.667 J to 4 J, mean -0.0329 J, standard deviation 0.8209 J.
    Pareto,
}

impl JitterShape {
    const ALL: [Self; 3] = [Self::Uniform, Self::Normal, Self::Pareto];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Normal => "normal",
            Self::Pareto => "pareto",
        }
    }
}

impl FromStr for Jitter {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let Some((amount, shape)) = text.split_once(':') else {
            return Ok(Self { amount: parse_duration(text)?, shape: JitterShape::default() });
        };
        let known = JitterShape::ALL.into_iter().find(|known| known.name() == shape.trim());
        let shape = known.ok_or_else(|| ValueError::Form {
            text: shown(shape),
            forms: "uniform, normal or pareto, as in 5ms:normal",
        })?;
        Ok(Self { amount: parse_duration(amount)?, shape })
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", format_duration(self.amount), self.shape.name())
    }
}

impl Serialize for Jitter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The draws for a packet and, if packets are duplicated, for its copy.
#[derive(Debug)]
struct JitterDraws {
    own: JitterSource,
    copy: Option<JitterSource>,
}

impl Effect for JitterDraws {
    fn draw(&mut self, draws: &mut Draws) {
        draws.jitter = draws.jitter.saturating_add(self.own.draw());
        draws.copy_jitter = self.copy.as_mut().map_or(0, JitterSource::draw);
    }
}

/// Jitter and its generator.
#[derive(Debug)]
struct JitterSource {
    amount: u64,
    shape: JitterShape,
    rng: ChaCha8Rng,
}

impl JitterSource {
    fn new(jitter: Jitter, rng: ChaCha8Rng) -> Self {
        Self { amount: nanos(jitter.amount), shape: jitter.shape, rng }
    }

    /// Nanoseconds to add to the delay. Takes two draws if normal, else one.
    fn draw(&mut self) -> i64 {
        let amount = self.amount as f64;
        match self.shape {
            JitterShape::Uniform => {
                let values = 2 * u128::from(self.amount) + 1;
                let value = (u128::from(self.rng.next_u64()) * values) >> 64;
                (value as i64).saturating_sub_unsigned(self.amount)
            }
            JitterShape::Normal => libm::rint(random::normal(&mut self.rng, amount)) as i64,
            JitterShape::Pareto => {
                let x = 1.0 / libm::cbrt(random::above_zero(&mut self.rng));
                libm::rint(amount * ((x - 1.5) * 4.0 / 3.0).min(4.0)) as i64
            }
        }
    }
}
