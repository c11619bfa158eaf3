//! Setting the properties of a link from text.

use std::{str::FromStr, time::Duration};

use super::{LinkSpec, PROPERTIES, Property, RateProfile, SpecError, Takes, properties};
use crate::unit::{UnitError, shown};

impl LinkSpec {
    /// The MTU of Ethernet, in bytes.
    pub const DEFAULT_MTU: u16 = 1500;
    /// The size that every IPv4 host accepts (RFC 791, section 3.1), in bytes.
    pub(crate) const SMALLEST_MTU: u16 = 576;
    /// The longest delay, jitter and slot.
    pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

    /// Checks that the properties are valid together.
    ///
    /// Jitter may exceed the delay, see [`Jitter`](super::Jitter).
    ///
    /// Returns [`SpecError`], which names the option and how to correct it.
    pub fn validate(&self) -> Result<(), SpecError> {
        PROPERTIES.iter().try_for_each(|property| (property.check)(self))
    }

    /// Makes the rate follow `profile`. Fails if the mean of the profile is not a valid rate.
    pub fn follow(&mut self, profile: RateProfile) -> Result<(), UnitError> {
        self.rate = Some(profile.mean()?);
        self.rate_profile = Some(profile);
        Ok(())
    }

    /// Sets one property from text, by its key in [`PROPERTIES`]. `none` removes the jitter, the rate or the queue's
    /// limit, and `unlimited` the latter two. The result is not validated.
    ///
    /// Returns [`SpecError`] for an unknown key, with a list of all keys, and for an invalid value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SpecError> {
        let property = known(key)?;
        let option = property.key();
        (property.parse)(self, value.trim()).map_err(|source| SpecError::Value { option, source })
    }

    /// Applies pairs such as `loss=2%,delay=10ms`: all of them, or none if one is invalid. A bare
    /// `keep-order` or `ecn` stands for `keep-order=true`. The result is not validated.
    ///
    /// Returns the errors of [`LinkSpec::set`], and [`SpecError`] for text that is not a pair and for a key given
    /// twice.
    pub fn apply_pairs(&mut self, pairs: &str) -> Result<(), SpecError> {
        let mut changed = self.clone();
        let mut seen = Vec::new();
        for pair in Self::pairs(pairs) {
            let (key, value) = pair?;
            if seen.contains(&key) {
                return Err(SpecError::Twice { key });
            }
            seen.push(key);
            changed.set(key, value)?;
        }
        *self = changed;
        Ok(())
    }

    /// The key and the value of each of the pairs that [`LinkSpec::apply_pairs`] applies. No value is read.
    pub fn pairs(pairs: &str) -> impl Iterator<Item = Result<(&'static str, &str), SpecError>> {
        pairs.split(',').map(str::trim).map(|pair| {
            let (key, value) = match pair.split_once('=') {
                Some((key, value)) => (key.trim(), value),
                None if is_flag(pair) => (pair, "true"),
                None => return Err(SpecError::NotAPair { text: shown(pair) }),
            };
            Ok((known(key)?.key(), value))
        })
    }
}

/// The default link with pairs such as `loss=2%,delay=10ms`; see [`LinkSpec::apply_pairs`].
impl FromStr for LinkSpec {
    type Err = SpecError;

    fn from_str(pairs: &str) -> Result<Self, SpecError> {
        let mut spec = Self::default();
        spec.apply_pairs(pairs)?;
        Ok(spec)
    }
}

fn is_flag(key: &str) -> bool {
    properties::find(key).is_some_and(|property| property.takes == Takes::Nothing)
}

fn known(key: &str) -> Result<&'static Property, SpecError> {
    let keys = || PROPERTIES.iter().map(Property::key).collect::<Vec<_>>().join(", ");
    properties::find(key).ok_or_else(|| SpecError::UnknownKey { key: shown(key), known: keys() })
}
