//! Named links, each with the source of its figures.

use std::{fmt, str::FromStr, time::Duration};

use serde::Serialize;

use super::{Direction, LinkSpec, QueueLimit, ValueError};
use crate::unit::{Rate, format_duration, shown};

/// A named link.
///
/// No source gives a queue: each direction has one bandwidth-delay product of 1500-byte packets, but at
/// least 50 packets, which is dummynet's default. The sources give no loss and no jitter, so there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Preset {
    /// A switched building network.
    #[serde(rename = "lan")]
    Lan,
    /// A slow fixed line.
    #[serde(rename = "dsl")]
    Dsl,
    /// A wireless local network.
    #[serde(rename = "wifi")]
    Wifi,
    /// Mobile, fourth generation.
    #[serde(rename = "lte")]
    Lte,
    /// Mobile, third generation.
    #[serde(rename = "3g")]
    ThreeG,
    /// A geostationary satellite.
    #[serde(rename = "satellite")]
    Satellite,
}

/// The figures of one preset.
struct Figures {
    name: &'static str,
    source: &'static str,
    to_server_kbit: u64,
    to_client_kbit: u64,
    rtt: Duration,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Lan, Self::Dsl, Self::Wifi, Self::Lte, Self::ThreeG, Self::Satellite];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.figures().name
    }

    /// Where its figures are from, for the help text.
    pub fn source(self) -> &'static str {
        self.figures().source
    }

    /// Its rates and round trip, in words.
    pub fn words(self) -> String {
        let Figures { to_server_kbit, to_client_kbit, rtt, .. } = self.figures();
        let rate = |kbit: u64| {
            Rate::from_bits_per_second(kbit * 1_000).map_or_else(|e| e.to_string(), |rate| rate.to_string())
        };
        format!(
            "{} down, {} up, {} round trip",
            rate(to_client_kbit),
            rate(to_server_kbit),
            format_duration(rtt)
        )
    }

    /// The link in one direction; half of the round trip each way.
    pub fn spec(self, direction: Direction) -> LinkSpec {
        let figures = self.figures();
        let kbit = match direction {
            Direction::ToServer => figures.to_server_kbit,
            Direction::ToClient => figures.to_client_kbit,
        };
        let product_bytes = u128::from(kbit) * 1_000 * figures.rtt.as_micros() / 8_000_000;
        LinkSpec {
            delay: figures.rtt / 2,
            rate: Rate::from_bits_per_second(kbit * 1_000).ok(),
            queue: QueueLimit::Packets((product_bytes as u64).div_ceil(1_500).max(50)),
            ..LinkSpec::default()
        }
    }

    fn figures(self) -> Figures {
        match self {
            Self::Lan => Figures {
                name: "lan",
                source: "1 Gbit/s of IEEE 802.3ab; the RTT of 0.2 ms is an assumption of ours",
                to_server_kbit: 1_000_000,
                to_client_kbit: 1_000_000,
                rtt: Duration::from_micros(200),
            },
            Self::Dsl => Figures {
                name: "dsl",
                source: "WebPageTest profile \"DSL (1.5 Mbps/384 Kbps 50ms RTT)\"",
                to_server_kbit: 384,
                to_client_kbit: 1_500,
                rtt: Duration::from_millis(50),
            },
            Self::Wifi => Figures {
                name: "wifi",
                source: "Firefox developer tools, throttling profile \"Wi-Fi\": 30 Mbps down, \
                         15 Mbps up, 2 ms latency, taken as the RTT",
                to_server_kbit: 15_000,
                to_client_kbit: 30_000,
                rtt: Duration::from_millis(2),
            },
            Self::Lte => Figures {
                name: "lte",
                source: "WebPageTest profile \"LTE (12 Mbps/12 Mbps 70ms RTT)\"",
                to_server_kbit: 12_000,
                to_client_kbit: 12_000,
                rtt: Duration::from_millis(70),
            },
            Self::ThreeG => Figures {
                name: "3g",
                source: "WebPageTest profile \"3G (1.6 Mbps/768 Kbps 300ms RTT)\"",
                to_server_kbit: 768,
                to_client_kbit: 1_600,
                rtt: Duration::from_millis(300),
            },
            Self::Satellite => Figures {
                name: "satellite",
                source: "Endres et al., Performance of QUIC Implementations Over Geostationary \
                         Satellite Links (arXiv:2202.08228), case SAT: 20 Mbit/s down, 2 Mbit/s up, \
                         RTT 600 ms",
                to_server_kbit: 2_000,
                to_client_kbit: 20_000,
                rtt: Duration::from_millis(600),
            },
        }
    }
}

impl FromStr for Preset {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let known = Self::ALL.into_iter().find(|preset| preset.name() == text.trim());
        known.ok_or_else(|| ValueError::Form {
            text: shown(text),
            forms: "lan, dsl, wifi, lte, 3g or satellite",
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
