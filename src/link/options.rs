//! The options that describe a link on a command line.

use thiserror::Error;

use super::{LinkSpec, PROPERTIES, Preset, Property, QueueLimit, SpecError, resolve_queues};
use crate::unit::{Direction, PerDirection, UnitError, format_duration, parse_duration};

/// The loss without an option or a preset.
const DEFAULT_LOSS: &str = "1%";
/// The round trip without an option or a preset.
const DEFAULT_RTT: &str = "50ms";

/// The options that describe a link, as text. Lists make a matrix.
#[derive(Debug, Clone, Default)]
pub struct LinkOptions {
    /// The values of `--rtt`.
    pub rtt: Vec<String>,
    /// The values of each property that was given.
    pub given: Vec<(&'static Property, Vec<String>)>,
    /// The pairs of `--to-server`.
    pub to_server: Option<String>,
    /// The pairs of `--to-client`.
    pub to_client: Option<String>,
    /// The value of `--preset`.
    pub preset: Option<Preset>,
}

/// Options that do not describe a valid link. The message names the option.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkOptionsError {
    /// The round trip is not a time.
    #[error("--rtt: {0}")]
    Rtt(#[from] UnitError),
    /// The value of a property is invalid, or the properties do not fit together.
    #[error("{}{}", dashes(.0), .0)]
    Spec(#[from] SpecError),
    /// The same, because of the values for one direction.
    #[error("{option}: {source}")]
    OneWay {
        /// The option of this direction.
        option: &'static str,
        /// What is wrong.
        source: SpecError,
    },
    /// A list where only one link is possible.
    #[error("give each link option one value: there is one link")]
    List,
}

/// A property is an option here. The errors about several properties name their options in full.
fn dashes(error: &SpecError) -> &'static str {
    if matches!(error, SpecError::Value { .. }) { "--" } else { "" }
}

impl LinkOptions {
    /// Every link that the options describe, each as its two directions.
    ///
    /// Returns an error if a value is invalid, or if the values do not fit together.
    pub fn links(&self) -> Result<Vec<PerDirection<LinkSpec>>, LinkOptionsError> {
        let base = |direction| self.preset.map_or_else(LinkSpec::default, |preset| preset.spec(direction));
        let mut links = vec![PerDirection::from_fn(base)];
        for property in PROPERTIES {
            links = product(&links, property.key(), &self.values(property.key())?)?;
        }
        let ways = [
            (Direction::ToServer, "--to-server", self.to_server.as_deref()),
            (Direction::ToClient, "--to-client", self.to_client.as_deref()),
        ];
        let keeps_queue = self.given.iter().any(|(property, _)| property.key() == "queue");
        for link in &mut links {
            // The queue of a preset goes with its rate.
            for direction in link.iter_mut().filter(|direction| direction.rate.is_none() && !keeps_queue) {
                direction.queue = QueueLimit::Unlimited;
            }
            for (way, option, pairs) in ways {
                let changed = pairs.map_or(Ok(()), |pairs| link[way].apply_pairs(pairs));
                changed.map_err(|source| LinkOptionsError::OneWay { option, source })?;
            }
            resolve_queues(link);
            for (way, option, pairs) in ways {
                link[way].validate().map_err(|source| match pairs {
                    Some(_) => LinkOptionsError::OneWay { option, source },
                    None => source.into(),
                })?;
            }
        }
        Ok(links)
    }

    /// The link that the options describe, as its two directions.
    ///
    /// Returns an error if the options are invalid, or if one of them is a list.
    pub fn only_link(&self) -> Result<PerDirection<LinkSpec>, LinkOptionsError> {
        let [link] = <[_; 1]>::try_from(self.links()?).map_err(|_| LinkOptionsError::List)?;
        Ok(link)
    }

    /// The values of one property: those that were given, or the default unless there is a preset.
    fn values(&self, key: &str) -> Result<Vec<String>, LinkOptionsError> {
        if let Some((_, values)) = self.given.iter().find(|(property, _)| property.key() == key) {
            return Ok(values.clone());
        }
        match key {
            "delay" if !self.rtt.is_empty() => self.rtt.iter().map(|rtt| half(rtt)).collect(),
            "delay" if self.preset.is_none() => Ok(vec![half(DEFAULT_RTT)?]),
            "loss" if self.preset.is_none() => Ok(vec![DEFAULT_LOSS.to_owned()]),
            _ => Ok(Vec::new()),
        }
    }
}

/// Every link of `links` with every value of one property; without values, `links` unchanged.
fn product(
    links: &[PerDirection<LinkSpec>],
    key: &str,
    values: &[String],
) -> Result<Vec<PerDirection<LinkSpec>>, SpecError> {
    if values.is_empty() {
        return Ok(links.to_vec());
    }
    let mut all = Vec::with_capacity(links.len() * values.len());
    for link in links {
        for value in values {
            let mut link = link.clone();
            for direction in &mut link {
                direction.set(key, value)?;
            }
            all.push(link);
        }
    }
    Ok(all)
}

/// Half of a round trip, in the form of `--delay`.
fn half(rtt: &str) -> Result<String, LinkOptionsError> {
    let rtt = parse_duration(rtt)?;
    let longest = LinkSpec::LONGEST * 2;
    if rtt > longest {
        return Err(SpecError::TooLong { option: "rtt", longest }.into());
    }
    Ok(format_duration(rtt / 2))
}
