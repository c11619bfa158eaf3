//! Queue disciplines by name, with their parameters.

use std::{fmt, str::FromStr, time::Duration};

use super::{CodelParameters, FqCodelParameters, PieParameters, RedParameters};
use crate::{
    link::{ValueError, property::time_within},
    unit::{Size, format_duration, shown},
};

/// How the queue of the bottleneck is managed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aqm {
    /// Only a full queue drops packets.
    #[default]
    DropTail,
    /// CoDel (RFC 8289).
    Codel(CodelParameters),
    /// FQ-CoDel (RFC 8290).
    FqCodel(FqCodelParameters),
    /// PIE (RFC 8033).
    Pie(PieParameters),
    /// RED, as its authors described it in 1993.
    Red(RedParameters),
}

const FORMS: &str = "droptail, codel[:TARGET[:INTERVAL]], fq-codel[:FLOWS[:QUANTUM[:TARGET[:INTERVAL]]]], \
                     pie[:TARGET[:UPDATE]] or red[:MIN[:MAX[:SHARE]]], such as codel:5ms:100ms or red:5p:15p:10%";

impl Aqm {
    /// The names of the disciplines, without parameters.
    pub const NAMES: [&str; 5] = ["droptail", "codel", "fq-codel", "pie", "red"];
}

/// A quantum that is the MTU.
const MTU: &str = "mtu";

impl FromStr for Aqm {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let form = || ValueError::Form { text: shown(text), forms: FORMS };
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or_default();
        let mut values = parts;
        let aqm = match name {
            "droptail" => Self::DropTail,
            "codel" => Self::Codel(codel(&mut values)?),
            "fq-codel" => {
                let default = FqCodelParameters::default();
                let flows = next(&mut values, default.flows, |text| count(text).ok_or_else(form))?;
                let quantum = next(&mut values, default.quantum, |text| {
                    if text == MTU {
                        return Ok(None);
                    }
                    let bytes = u32::try_from(text.parse::<Size>()?.bytes()).ok();
                    bytes.filter(|bytes| *bytes > 0).map(Some).ok_or_else(form)
                })?;
                Self::FqCodel(FqCodelParameters { flows, quantum, codel: codel(&mut values)? })
            }
            "pie" => {
                let default = PieParameters::default();
                let target = next(&mut values, default.target, time)?;
                let update = next(&mut values, default.update, time)?;
                Self::Pie(PieParameters { target, update })
            }
            "red" => {
                let default = RedParameters::default();
                let mut packets = |default| {
                    let parse = |text: &str| text.strip_suffix('p').and_then(count).ok_or_else(form);
                    next(&mut values, default, parse)
                };
                let (min, max) = (packets(default.min)?, packets(default.max)?);
                let probability = next(&mut values, default.probability, |text| Ok(text.parse()?))?;
                if min >= max {
                    return Err(form());
                }
                Self::Red(RedParameters { min, max, probability })
            }
            _ => return Err(form()),
        };
        if values.next().is_some() { Err(form()) } else { Ok(aqm) }
    }
}

/// The next value, or its default if there is none.
fn next<'a, T>(
    values: &mut impl Iterator<Item = &'a str>,
    default: T,
    parse: impl FnOnce(&'a str) -> Result<T, ValueError>,
) -> Result<T, ValueError> {
    values.next().map_or(Ok(default), parse)
}

fn codel<'a>(values: &mut impl Iterator<Item = &'a str>) -> Result<CodelParameters, ValueError> {
    let default = CodelParameters::default();
    let target = next(values, default.target, time)?;
    let interval = next(values, default.interval, time)?;
    Ok(CodelParameters { target, interval })
}

/// Parses a time from 1 us to a minute.
fn time(text: &str) -> Result<Duration, ValueError> {
    time_within(text, Duration::from_micros(1)..=Duration::from_secs(60), "a time from 1us to 1m")
}

/// Parses a whole number from 1.
fn count<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Option<T> {
    text.parse().ok().filter(|count| *count >= T::from(1))
}

impl fmt::Display for Aqm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropTail => f.write_str("droptail"),
            Self::Codel(codel) => write!(f, "codel:{codel}"),
            Self::FqCodel(FqCodelParameters { flows, quantum, codel }) => {
                let default = FqCodelParameters::default();
                if quantum.is_none() && *flows == default.flows && *codel == default.codel {
                    return f.write_str("fq-codel");
                }
                let quantum = quantum.map(|bytes| Size::from_bytes(bytes.into()).to_string());
                write!(f, "fq-codel:{flows}:{}:{codel}", quantum.as_deref().unwrap_or(MTU))
            }
            Self::Pie(PieParameters { target, update }) => {
                write!(f, "pie:{}:{}", format_duration(*target), format_duration(*update))
            }
            Self::Red(RedParameters { min, max, probability }) => {
                write!(f, "red:{min}p:{max}p:{probability}")
            }
        }
    }
}

impl fmt::Display for CodelParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", format_duration(self.target), format_duration(self.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discipline_is_written_as_it_is_read_with_all_its_parameters() {
        for (text, written) in [
            ("droptail", "droptail"),
            ("codel", "codel:5ms:100ms"),
            ("codel:1ms:20ms", "codel:1ms:20ms"),
            ("fq-codel", "fq-codel"),
            ("fq-codel:8:300B", "fq-codel:8:300B:5ms:100ms"),
            ("fq-codel:8", "fq-codel:8:mtu:5ms:100ms"),
            ("fq-codel:8:mtu:1ms", "fq-codel:8:mtu:1ms:100ms"),
            ("fq-codel:1024:mtu", "fq-codel"),
            ("pie:20ms", "pie:20ms:15ms"),
            ("red", "red:5p:15p:10%"),
            ("red:2p:4p:5%", "red:2p:4p:5%"),
        ] {
            let aqm: Aqm = text.parse().unwrap();
            assert_eq!(aqm.to_string(), written);
            assert_eq!(written.parse(), Ok(aqm));
        }
    }

    #[test]
    fn errors_are_one_line_that_says_what_is_valid() {
        for wrong in [
            "",
            "codle",
            "codel:",
            "codel:0ms",
            "codel:5",
            "codel:5ms:2m",
            "codel:5ms:100ms:1",
            "fq-codel:0",
            "fq-codel:8:0B",
            "fq-codel:70000",
            "pie:15ms:0s",
            "red:5",
            "red:5p:5p",
            "red:5p:15p:101%",
            "droptail:1",
        ] {
            let error = wrong.parse::<Aqm>().unwrap_err().to_string();
            assert!(!error.contains('\n') && error.len() < 300, "{wrong}: {error}");
        }
    }
}
