//! The options that describe the link.

use std::time::Duration;

use clap::Args;

use crate::cli::{usage::UsageError, values::single};
use wirelab::{
    link::{LinkSpec, Preset, SpecError},
    unit::{Direction, PerDirection, format_duration, parse_duration},
};

/// The emulated link. Lists make a matrix.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The link (commas separate the values of a list, and lists make a matrix)")]
pub(crate) struct LinkArgs {
    /// Round trip without queueing, split evenly [default: 50ms]
    #[arg(long, value_name = "TIME,..", value_delimiter = ',', conflicts_with = "delay")]
    rtt: Vec<String>,
    /// One-way delay, in place of --rtt
    #[arg(long, value_name = "TIME,..", value_delimiter = ',')]
    delay: Vec<String>,
    /// Variation of the one-way delay: 5ms, 5ms:uniform, 5ms:normal, 5ms:pareto
    #[arg(long, value_name = "JITTER,..", value_delimiter = ',')]
    jitter: Vec<String>,
    /// Packets that jitter would let overtake wait instead
    #[arg(long)]
    keep_order: bool,
    /// Loss each way: 1%, gilbert:P:R, gemodel:P:R:H:K (H and K: chance to survive in the bad and in the good
    /// state), drop:3:17:40 (packets by number, from 1), outage:2s:300ms (start, length) [default: 1%]
    #[arg(long, value_name = "LOSS,..", value_delimiter = ',')]
    loss: Vec<String>,
    /// What a draw of the loss is for: packet, or time[:1ms], which gives every transport the same bad moments
    #[arg(long, value_name = "packet|time", value_parser = single)]
    loss_by: Option<String>,
    /// Rate of the bottleneck, such as 20mbit [default: unlimited]
    #[arg(long, value_name = "RATE,..", value_delimiter = ',')]
    rate: Vec<String>,
    /// Drop-tail queue of the bottleneck: 128KB or 100p [default: unlimited]
    #[arg(long, value_name = "SIZE,..", value_delimiter = ',')]
    queue: Vec<String>,
    /// Share of packets that skip the propagation delay
    #[arg(long, value_name = "SHARE,..", value_delimiter = ',')]
    reorder: Vec<String>,
    /// Share of packets that arrive twice
    #[arg(long, value_name = "SHARE,..", value_delimiter = ',')]
    duplicate: Vec<String>,
    /// Share of packets with one bit flipped
    #[arg(long, value_name = "SHARE,..", value_delimiter = ',')]
    corrupt: Vec<String>,
    /// Largest IP packet in bytes; a larger one is refused, not fragmented [default: 1500]
    #[arg(long, value_name = "BYTES", value_parser = single)]
    mtu: Option<String>,
    /// What differs on the way to the server, such as "loss=2%,delay=10ms"
    #[arg(long, value_name = "KEY=VALUE,..")]
    to_server: Option<String>,
    /// What differs on the way to the client
    #[arg(long, value_name = "KEY=VALUE,..")]
    to_client: Option<String>,
    /// A named link: lan, dsl, wifi, lte, 3g, satellite (sources below); other options change it
    #[arg(long, value_name = "NAME", value_parser = preset)]
    preset: Option<Preset>,
}

/// The loss where none is asked for and no preset says otherwise.
const DEFAULT_LOSS: &str = "1%";
const DEFAULT_RTT: &str = "50ms";

/// The named links and where their figures are from, for the end of a help text.
pub(crate) fn presets() -> String {
    let line = |preset: Preset| {
        let to_client = preset.spec(Direction::ToClient);
        let to_server = preset.spec(Direction::ToServer);
        let rate = |spec: &LinkSpec| spec.rate.map_or("unlimited".to_owned(), |rate| rate.to_string());
        format!(
            "  {:<10} {} down, {} up, {} round trip\n             {}\n",
            preset.name(),
            rate(&to_client),
            rate(&to_server),
            format_duration(to_client.delay + to_server.delay),
            preset.source(),
        )
    };
    let lines: String = Preset::ALL.into_iter().map(line).collect();
    format!(
        "Presets, each with a queue of one bandwidth-delay product (50 packets at least) and no loss:\n{lines}"
    )
}

fn preset(name: &str) -> Result<Preset, String> {
    name.parse::<Preset>().map_err(|e| e.to_string())
}

/// One property of a link and the values it is to have, one after the other.
type Axis<'a> = (&'static str, Vec<&'a str>);

impl LinkArgs {
    /// The first option that was given, if any was.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let options = [
            ("--rtt", !self.rtt.is_empty()),
            ("--delay", !self.delay.is_empty()),
            ("--jitter", !self.jitter.is_empty()),
            ("--keep-order", self.keep_order),
            ("--loss", !self.loss.is_empty()),
            ("--loss-by", self.loss_by.is_some()),
            ("--rate", !self.rate.is_empty()),
            ("--queue", !self.queue.is_empty()),
            ("--reorder", !self.reorder.is_empty()),
            ("--duplicate", !self.duplicate.is_empty()),
            ("--corrupt", !self.corrupt.is_empty()),
            ("--mtu", self.mtu.is_some()),
            ("--to-server", self.to_server.is_some()),
            ("--to-client", self.to_client.is_some()),
            ("--preset", self.preset.is_some()),
        ];
        options.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// Every link that the options ask for, each as its two directions.
    pub(crate) fn links(&self) -> Result<Vec<PerDirection<LinkSpec>>, UsageError> {
        let base = |direction| self.preset.map_or_else(LinkSpec::default, |preset| preset.spec(direction));
        let delays = self.delays()?;
        let axes = self.axes(&delays);
        let mut links = vec![PerDirection::from_fn(base)];
        for (key, values) in axes {
            links = product(&links, key, &values)?;
        }
        for PerDirection { to_server, to_client } in &mut links {
            apply("--to-server", to_server, self.to_server.as_deref())?;
            apply("--to-client", to_client, self.to_client.as_deref())?;
        }
        Ok(links)
    }

    /// The one-way delays, where they do not come from a preset.
    fn delays(&self) -> Result<Vec<String>, UsageError> {
        if !self.delay.is_empty() {
            return Ok(self.delay.clone());
        }
        let default = [DEFAULT_RTT.to_owned()];
        let rtts = match (&self.rtt[..], self.preset) {
            ([], Some(_)) => &[],
            ([], None) => &default[..],
            (rtts, _) => rtts,
        };
        rtts.iter().map(|rtt| half(rtt)).collect()
    }

    fn axes<'a>(&'a self, delays: &'a [String]) -> Vec<Axis<'a>> {
        let loss =
            if self.loss.is_empty() && self.preset.is_none() { vec![DEFAULT_LOSS] } else { strs(&self.loss) };
        let keep_order = if self.keep_order { vec!["true"] } else { Vec::new() };
        vec![
            ("delay", strs(delays)),
            ("jitter", strs(&self.jitter)),
            ("keep-order", keep_order),
            ("loss", loss),
            ("loss-by", self.loss_by.as_deref().into_iter().collect()),
            ("rate", strs(&self.rate)),
            ("queue", strs(&self.queue)),
            ("reorder", strs(&self.reorder)),
            ("duplicate", strs(&self.duplicate)),
            ("corrupt", strs(&self.corrupt)),
            ("mtu", self.mtu.as_deref().into_iter().collect()),
        ]
    }
}

fn strs(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

/// Every link of `links` with every value of one property; without values, `links` as they are.
fn product(
    links: &[PerDirection<LinkSpec>],
    key: &str,
    values: &[&str],
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

fn apply(option: &'static str, spec: &mut LinkSpec, pairs: Option<&str>) -> Result<(), UsageError> {
    let of = |error: SpecError| UsageError::new(format!("{option}: {error}"));
    if let Some(pairs) = pairs {
        spec.apply_pairs(pairs).map_err(of)?;
    }
    spec.validate().map_err(|error| if pairs.is_some() { of(error) } else { error.into() })
}

/// Half of a round trip, as it would be written for --delay.
fn half(rtt: &str) -> Result<String, UsageError> {
    let rtt: Duration = parse_duration(rtt).map_err(|e| UsageError::new(format!("--rtt: {e}")))?;
    Ok(format_duration(rtt / 2))
}
