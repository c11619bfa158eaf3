//! The properties of a link as plain data.

use std::time::Duration;

use serde::Serialize;

use super::{Jitter, Loss, LossBy, PROPERTIES, Property, QueueLimit, SpecError, properties};
use crate::unit::{Rate, Share, serialize_nanos, shown};

/// The properties of one direction of a link.
///
/// The default has no effect except that packets above 1500 bytes are refused. Serialized as in a result
/// file: integer nanoseconds, bits per second, ratios, and models as on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkSpec {
    /// Propagation delay.
    #[serde(rename = "delay_ns", serialize_with = "serialize_nanos")]
    pub delay: Duration,
    /// Variation of the propagation delay.
    pub jitter: Option<Jitter>,
    /// Whether packets stay in order despite jitter.
    pub keep_order: bool,
    /// Loss after the bottleneck.
    pub loss: Loss,
    /// What each loss draw applies to.
    pub loss_by: LossBy,
    /// Rate of the bottleneck in IP bits per second; `None` is unlimited.
    #[serde(rename = "rate_bps")]
    pub rate: Option<Rate>,
    /// Drop-tail queue of the bottleneck.
    pub queue: QueueLimit,
    /// Chance that a packet skips the propagation delay, as in netem.
    #[serde(rename = "reorder_ratio")]
    pub reorder: Share,
    /// Chance that a packet arrives twice.
    #[serde(rename = "duplicate_ratio")]
    pub duplicate: Share,
    /// Chance that one bit of a packet is flipped.
    #[serde(rename = "corrupt_ratio")]
    pub corrupt: Share,
    /// Largest packet in IP bytes; a larger one is refused, not fragmented.
    #[serde(rename = "mtu_bytes")]
    pub mtu: u16,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: None,
            keep_order: false,
            loss: Loss::NONE,
            loss_by: LossBy::Packet,
            rate: None,
            queue: QueueLimit::Unlimited,
            reorder: Share::ZERO,
            duplicate: Share::ZERO,
            corrupt: Share::ZERO,
            mtu: Self::DEFAULT_MTU,
        }
    }
}

impl LinkSpec {
    /// The MTU of Ethernet, in bytes.
    pub const DEFAULT_MTU: u16 = 1500;
    /// The size that every IPv4 host accepts (RFC 791, section 3.1), in bytes.
    pub const SMALLEST_MTU: u16 = 576;
    /// The longest delay, jitter and slot.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// Checks that the properties are valid together.
    ///
    /// Jitter may exceed the delay, see [`Jitter`].
    ///
    /// # Errors
    ///
    /// [`SpecError`], which names the option and how to correct it.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.mtu < Self::SMALLEST_MTU {
            return Err(SpecError::Mtu { mtu: self.mtu });
        }
        let jitter = self.jitter.map_or(Duration::ZERO, |jitter| jitter.amount);
        for (option, time) in [("delay", self.delay), ("jitter", jitter)] {
            if time > Self::LONGEST {
                return Err(SpecError::TooLong { option, longest: Self::LONGEST });
            }
        }
        self.validate_queue()?;
        self.validate_loss()
    }

    fn validate_queue(&self) -> Result<(), SpecError> {
        match self.queue {
            QueueLimit::Unlimited => return Ok(()),
            QueueLimit::Packets(0) => return Err(SpecError::NoQueue),
            QueueLimit::Bytes(queue) if queue.bytes() < u64::from(self.mtu) => {
                return Err(SpecError::QueueBelowPacket { queue, mtu: self.mtu });
            }
            QueueLimit::Bytes(_) | QueueLimit::Packets(_) => {}
        }
        if self.rate.is_none() { Err(SpecError::QueueWithoutRate) } else { Ok(()) }
    }

    fn validate_loss(&self) -> Result<(), SpecError> {
        if let LossBy::Time(slot) = self.loss_by {
            if !(LossBy::SHORTEST_SLOT..=Self::LONGEST).contains(&slot) {
                return Err(SpecError::Slot { slot });
            }
            if matches!(self.loss, Loss::Drop(_)) {
                return Err(SpecError::DropByTime);
            }
        }
        match &self.loss {
            Loss::GilbertElliott(chain) if chain.p.is_zero() && chain.r.is_zero() => {
                Err(SpecError::StuckChain)
            }
            Loss::Drop(numbers) if numbers.contains(&0) => Err(SpecError::DropZero),
            Loss::Outage { length: Duration::ZERO, .. } => Err(SpecError::NoOutage),
            _ => Ok(()),
        }
    }

    /// Sets one property from text, by its key in [`PROPERTIES`]. `none` removes the jitter, the rate or the queue's
    /// limit. The result is not validated.
    ///
    /// # Errors
    ///
    /// [`SpecError`] for an unknown key, with a list of all keys, and for an invalid value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SpecError> {
        let property = known(key)?;
        let option = property.key();
        (property.parse)(self, value.trim()).map_err(|source| SpecError::Value { option, source })
    }

    /// Applies pairs such as `loss=2%,delay=10ms`: all of them, or none if one is invalid. A bare
    /// `keep-order` stands for `keep-order=true`. The result is not validated.
    ///
    /// # Errors
    ///
    /// Those of [`LinkSpec::set`], and [`SpecError`] for text that is not a pair and for a key given twice.
    pub fn apply_pairs(&mut self, pairs: &str) -> Result<(), SpecError> {
        let mut changed = self.clone();
        let mut seen = Vec::new();
        for pair in pairs.split(',').map(str::trim) {
            let (key, value) = match pair.split_once('=') {
                Some((key, value)) => (key.trim(), value),
                None if pair == "keep-order" => (pair, "true"),
                None => return Err(SpecError::NotAPair { text: shown(pair) }),
            };
            let key = known(key)?.key();
            if seen.contains(&key) {
                return Err(SpecError::Twice { key });
            }
            seen.push(key);
            changed.set(key, value)?;
        }
        *self = changed;
        Ok(())
    }
}

fn known(key: &str) -> Result<&'static Property, SpecError> {
    let keys = || PROPERTIES.iter().map(Property::key).collect::<Vec<_>>().join(", ");
    properties::find(key).ok_or_else(|| SpecError::UnknownKey { key: shown(key), known: keys() })
}
