//! The size of a queue.

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    link::ValueError,
    unit::{Rate, Size, format_duration, nanos, parse_duration, shown},
};

/// The capacity of the bottleneck's queue, with the packet in transmission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueLimit {
    /// No limit.
    #[default]
    Unlimited,
    /// IP bytes.
    Bytes(Size),
    /// Packets.
    Packets(u64),
    /// What the bottleneck sends in this time.
    Time(Duration),
    /// Thousandths of the bandwidth-delay product: what the bottleneck sends in a round trip without queueing.
    BandwidthDelay(u64),
}

impl QueueLimit {
    /// The largest number of bandwidth-delay products.
    const MOST_PRODUCTS: u64 = 1000;

    /// The same limit in bytes, if it is a time or a number of bandwidth-delay products and there is a rate.
    pub(in crate::link) fn resolved(self, rate: Option<Rate>, round_trip: Duration) -> Self {
        let Some(rate) = rate else { return self };
        let sent_in = |nanoseconds: u128| {
            let bytes = nanoseconds * u128::from(rate.bits_per_second()) / 8_000_000_000;
            Self::Bytes(Size::from_bytes(u64::try_from(bytes).unwrap_or(u64::MAX)))
        };
        match self {
            Self::Time(time) => sent_in(nanos(time).into()),
            Self::BandwidthDelay(thousandths) => {
                sent_in(u128::from(nanos(round_trip)) * u128::from(thousandths) / 1000)
            }
            Self::Unlimited | Self::Bytes(_) | Self::Packets(_) => self,
        }
    }
}

/// A queue limit in bytes or packets, with times converted to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capacity {
    Unlimited,
    Bytes(u64),
    Packets(u64),
}

impl Capacity {
    /// Whether this many packets with this many bytes fit.
    pub(super) fn fits(self, packets: u64, bytes: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Bytes(most) => bytes <= most,
            Self::Packets(most) => packets <= most,
        }
    }
}

impl From<QueueLimit> for Capacity {
    /// Without a rate no packet waits, so a limit in time has no effect.
    fn from(limit: QueueLimit) -> Self {
        match limit {
            QueueLimit::Bytes(size) => Self::Bytes(size.bytes()),
            QueueLimit::Packets(packets) => Self::Packets(packets),
            QueueLimit::Unlimited | QueueLimit::Time(_) | QueueLimit::BandwidthDelay(_) => Self::Unlimited,
        }
    }
}

impl FromStr for QueueLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let trimmed = text.trim();
        if trimmed == "unlimited" {
            return Ok(Self::Unlimited);
        }
        if let Some(products) = trimmed.strip_suffix("bdp") {
            return thousandths(products).map(Self::BandwidthDelay).ok_or_else(|| ValueError::Form {
                text: shown(trimmed),
                forms: "0.001bdp to 1000bdp, with three decimals at most",
            });
        }
        if let Some(packets) = trimmed.strip_suffix('p') {
            return match packets.parse() {
                Ok(packets) if packets > 0 => Ok(Self::Packets(packets)),
                _ => Err(ValueError::Count { text: shown(trimmed), kind: "number of packets" }),
            };
        }
        if trimmed.ends_with('s') {
            return Ok(Self::Time(parse_duration(trimmed)?));
        }
        Ok(Self::Bytes(trimmed.parse()?))
    }
}

/// A decimal number in thousandths; `None` if it is 0, finer, or too large.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let thousandths = whole.checked_mul(1000)?.checked_add(format!("{fraction:0<3}").parse::<u64>().ok()?)?;
    (1..=QueueLimit::MOST_PRODUCTS * 1000).contains(&thousandths).then_some(thousandths)
}

impl fmt::Display for QueueLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Bytes(size) => size.fmt(f),
            Self::Packets(packets) => write!(f, "{packets}p"),
            Self::Time(time) => f.write_str(&format_duration(*time)),
            Self::BandwidthDelay(thousandths) => {
                let fraction = format!(".{:03}", thousandths % 1000);
                write!(f, "{}{}bdp", thousandths / 1000, fraction.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{link::LinkSpec, unit::PerDirection};

    #[test]
    fn a_time_and_a_bandwidth_delay_product_are_bytes_at_the_rate() {
        let resolved = |to_server: &str, to_client: &str| {
            let mut links = PerDirection {
                to_server: to_server.parse::<LinkSpec>().unwrap(),
                to_client: to_client.parse().unwrap(),
            };
            crate::link::resolve_queues(&mut links);
            links.map(|link| link.queue.to_string())
        };
        let queues = resolved("rate=12mbit,queue=100ms", "rate=8mbit,delay=50ms,queue=1.5bdp");
        assert_eq!((&*queues.to_server, &*queues.to_client), ("150KB", "75KB"));
        // The round trip is that of both directions.
        let queues = resolved("rate=12mbit,delay=10ms,queue=1bdp", "delay=40ms");
        assert_eq!((&*queues.to_server, &*queues.to_client), ("75KB", "unlimited"));
    }

    #[test]
    fn a_limit_is_written_as_it_is_read() {
        for text in ["unlimited", "128KB", "100p", "100ms", "1bdp", "0.5bdp", "0.125bdp", "1000bdp"] {
            assert_eq!(text.parse::<QueueLimit>().unwrap().to_string(), text);
        }
        for wrong in ["0bdp", "bdp", "1.2345bdp", "1001bdp", "-1bdp", "1e3bdp", "0p", "10m s", "1.bd"] {
            assert!(wrong.parse::<QueueLimit>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_queue_that_holds_no_packet_is_refused_whatever_its_unit() {
        for queue in ["1ms", "0.5bdp", "1499B"] {
            let link: LinkSpec = format!("rate=8mbit,delay=1ms,queue={queue}").parse().unwrap();
            let error = link.validate().unwrap_err().to_string();
            assert!(error.contains("smaller than one packet"), "{error}");
        }
        let link: LinkSpec = "queue=100ms".parse().unwrap();
        assert!(link.validate().unwrap_err().to_string().contains("--queue needs --rate"));
    }
}
