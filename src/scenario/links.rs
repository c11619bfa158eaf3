//! The options of a scenario's link.

use std::time::Duration;

use crate::{
    link::{LinkSpec, PROPERTIES, Preset, Takes},
    unit::{PerDirection, parse_duration},
};

/// The round trip where neither an option nor a preset sets it.
const RTT: Duration = Duration::from_millis(50);
/// The loss there.
const LOSS: &str = "1%";

/// The link while its options are read.
#[derive(Debug, Default)]
pub(super) struct Links {
    preset: Option<Preset>,
    rtt: Option<Duration>,
    /// Properties of both directions: key and value.
    both: Vec<(&'static str, String)>,
    /// Settings of one direction: whether it is the one to the server, and `key=value` pairs.
    ways: Vec<(bool, String)>,
}

impl Links {
    /// Sets an option; false if there is no such option. `value` gives its value.
    pub(super) fn set<'a>(
        &mut self,
        option: &str,
        mut value: impl FnMut() -> Result<&'a str, String>,
    ) -> Result<bool, String> {
        match option {
            "--rtt" => {
                let rtt = parse_duration(value()?).map_err(|e| e.to_string())?;
                if rtt > LinkSpec::LONGEST * 2 {
                    return Err("the round trip is too long".to_owned());
                }
                self.rtt = Some(rtt);
            }
            "--preset" => {
                self.preset = Some(value()?.parse().map_err(|e: crate::link::ValueError| e.to_string())?);
            }
            "--to-server" => self.ways.push((true, value()?.to_owned())),
            "--to-client" => self.ways.push((false, value()?.to_owned())),
            _ => {
                let Some(property) = PROPERTIES.iter().find(|property| property.option == option) else {
                    return Ok(false);
                };
                let value = match property.takes {
                    Takes::Nothing => "true",
                    Takes::List(_) | Takes::One(_) => value()?,
                };
                self.both.push((property.key(), value.to_owned()));
            }
        }
        Ok(true)
    }

    /// Both directions of the link.
    pub(super) fn specs(&self) -> Result<PerDirection<LinkSpec>, String> {
        let of = |direction| self.preset.map_or_else(LinkSpec::default, |preset| preset.spec(direction));
        let mut links = PerDirection::from_fn(of);
        for link in &mut links {
            match self.rtt {
                Some(rtt) => link.delay = rtt / 2,
                None if self.preset.is_none() => link.delay = RTT / 2,
                None => {}
            }
            let default = self.preset.is_none().then_some(("loss", LOSS));
            let given = self.both.iter().map(|(key, value)| (*key, value.as_str()));
            for (key, value) in default.into_iter().chain(given) {
                link.set(key, value).map_err(|e| e.to_string())?;
            }
        }
        for (is_to_server, pairs) in &self.ways {
            let way = if *is_to_server { &mut links.to_server } else { &mut links.to_client };
            way.apply_pairs(pairs).map_err(|e| e.to_string())?;
        }
        links.iter().try_for_each(LinkSpec::validate).map_err(|e| e.to_string())?;
        Ok(links)
    }
}
