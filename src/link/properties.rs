//! The properties of a link, one row each. The fields of [`LinkSpec`], options, `--to-server` keys, result fields, CSV
//! columns and the words of a result all come from these rows.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::{
    Aqm, Column, EcnFault, Jitter, Loss, LossBy, Obstacle, Property, QueueLimit, RateProfile, corrupt,
    duplicate, ecn, inject, jitter, loss, mtu, propagation, queue, reorder, replay, shaper,
};
use crate::unit::{Rate, Share, serialize_nanos};

/// Defines [`LinkSpec`] and [`PROPERTIES`] from rows. A row is a field with its type and default, and its property. A
/// field without a property is set by the property of the previous row.
macro_rules! properties {
    ($($(#[$attribute:meta])* $field:ident: $type:ty = $default:expr $(=> $property:expr)?;)*) => {
        /// The properties of one direction of a link.
        ///
        /// The default has no effect except that packets above 1500 bytes are refused. Serialized as in the
        /// configuration of a result file: integer nanoseconds, bits per second, ratios, and models as on the command
        /// line.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        pub struct LinkSpec {
            $($(#[$attribute])* pub $field: $type,)*
        }

        impl Default for LinkSpec {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// Every property, in the order of help texts, result files and pages.
        pub static PROPERTIES: &[Property] = &[$($($property,)?)*];
    };
}

properties! {
    /// Propagation delay.
    #[serde(rename = "delay_ns", serialize_with = "serialize_nanos")]
    delay: Duration = Duration::ZERO => propagation::DELAY;
    /// Variation of the propagation delay.
    jitter: Option<Jitter> = None => jitter::PROPERTY;
    /// Whether packets stay in order despite jitter.
    keep_order: bool = false => propagation::KEEP_ORDER;
    /// Loss after the bottleneck.
    #[serde(serialize_with = "as_text")]
    loss: Loss = Loss::NONE => loss::LOSS;
    /// What each loss draw applies to.
    #[serde(serialize_with = "as_text")]
    loss_by: LossBy = LossBy::Packet => loss::LOSS_BY;
    /// Rate of the bottleneck in IP bits per second; `None` is unlimited.
    #[serde(rename = "rate_bps")]
    rate: Option<Rate> = None => shaper::RATE;
    /// How the rate changes, if it does. `rate` is then the mean.
    #[serde(serialize_with = "as_text_or_null")]
    rate_profile: Option<RateProfile> = None;
    /// Queue of the bottleneck.
    #[serde(serialize_with = "as_text")]
    queue: QueueLimit = QueueLimit::Unlimited => queue::PROPERTY;
    /// The queue before [`resolve_queues`](super::resolve_queues), if that changed it.
    #[serde(skip)]
    queue_as_given: Option<QueueLimit> = None;
    /// How the queue of the bottleneck is managed.
    #[serde(serialize_with = "as_text")]
    aqm: Aqm = Aqm::DropTail => queue::AQM;
    /// Whether the queue marks packets that can be marked instead of dropping them.
    ecn: bool = false => ecn::ECN;
    /// How the link breaks ECN.
    ecn_fault: Option<EcnFault> = None => ecn::FAULT;
    /// Chance that a packet skips the propagation delay, as in netem.
    #[serde(rename = "reorder_ratio")]
    reorder: Share = Share::ZERO => reorder::PROPERTY;
    /// Chance that a packet arrives twice.
    #[serde(rename = "duplicate_ratio")]
    duplicate: Share = Share::ZERO => duplicate::PROPERTY;
    /// Chance that one bit of a packet is flipped.
    #[serde(rename = "corrupt_ratio")]
    corrupt: Share = Share::ZERO => corrupt::PROPERTY;
    /// Chance that a packet is recorded and arrives again a second later.
    #[serde(rename = "replay_ratio")]
    replay: Share = Share::ZERO => replay::PROPERTY;
    /// Chance that a forged copy of a UDP datagram arrives just before it.
    #[serde(rename = "inject_ratio")]
    inject: Share = Share::ZERO => inject::PROPERTY;
    /// Largest packet in IP bytes; a larger one is refused, not fragmented.
    #[serde(rename = "mtu_bytes")]
    mtu: u16 = Self::DEFAULT_MTU => mtu::PROPERTY;
}

impl LinkSpec {
    /// Whether packets take time to serialise, and may wait for each other.
    pub(crate) fn has_bottleneck(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether what it does depends on the time since its start, and not on its packets alone.
    pub(crate) fn follows_time(&self) -> bool {
        let is_timed = matches!(self.loss, Loss::Outage { .. });
        let has_slots = self.loss != Loss::NONE && self.loss_by != LossBy::Packet;
        is_timed || has_slots || self.rate_profile.is_some()
    }
}

/// Why closed forms do not hold on `link`, if they do not.
pub(crate) fn obstacle(link: &LinkSpec) -> Option<Obstacle> {
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

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_text_or_null<S: Serializer>(
    value: &Option<impl fmt::Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
