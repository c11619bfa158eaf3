//! The notation of loss models.

use std::{fmt, str::FromStr};

use super::{GilbertElliott, Loss, LossBy};
use crate::{
    link::ValueError,
    unit::{Share, format_duration, parse_duration, shown},
};

const FORMS: &str = "1%, gilbert:P:R, gemodel:P:R:H:K, drop:3:17:40 or outage:2s:300ms (start, length)";

impl FromStr for Loss {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let mut parts = text.split(':');
        let model = parts.next().unwrap_or_default();
        let values: Vec<&str> = parts.collect();
        match (model, values.as_slice()) {
            ("gilbert", [p, r]) => chain(p, r, "0%", "100%"),
            ("gemodel", [p, r, h, k]) => chain(p, r, h, k),
            ("drop", numbers @ [_, ..]) => drop_list(numbers),
            ("outage", [start, length]) => {
                Ok(Self::Outage { start: parse_duration(start)?, length: parse_duration(length)? })
            }
            (share, []) if share.starts_with(|c: char| c.is_ascii_digit() || "-.".contains(c)) => {
                Ok(Self::Independent(share.parse()?))
            }
            _ => Err(ValueError::Form { text: shown(text), forms: FORMS }),
        }
    }
}

fn chain(p: &str, r: &str, h: &str, k: &str) -> Result<Loss, ValueError> {
    Ok(Loss::GilbertElliott(GilbertElliott { p: p.parse()?, r: r.parse()?, h: h.parse()?, k: k.parse()? }))
}

fn drop_list(numbers: &[&str]) -> Result<Loss, ValueError> {
    let number = |text: &&str| match text.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(ValueError::Count { text: shown(text), kind: "packet number" }),
    };
    let mut numbers: Vec<u64> = numbers.iter().map(number).collect::<Result<_, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Loss::Drop(numbers))
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Independent(share) => share.fmt(f),
            Self::GilbertElliott(GilbertElliott { p, r, h: Share::ZERO, k: Share::ONE }) => {
                write!(f, "gilbert:{p}:{r}")
            }
            Self::GilbertElliott(GilbertElliott { p, r, h, k }) => {
                write!(f, "gemodel:{p}:{r}:{h}:{k}")
            }
            Self::Drop(numbers) => {
                f.write_str("drop")?;
                numbers.iter().try_for_each(|number| write!(f, ":{number}"))
            }
            Self::Outage { start, length } => {
                write!(f, "outage:{}:{}", format_duration(*start), format_duration(*length))
            }
        }
    }
}

impl FromStr for LossBy {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.trim().split_once(':') {
            None if text.trim() == "packet" => Ok(Self::Packet),
            None if text.trim() == "time" => Ok(Self::Time(Self::DEFAULT_SLOT)),
            Some(("time", slot)) => Ok(Self::Time(parse_duration(slot)?)),
            _ => Err(ValueError::Form { text: shown(text), forms: "packet, time or time:1ms" }),
        }
    }
}

impl fmt::Display for LossBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet => f.write_str("packet"),
            Self::Time(slot) => write!(f, "time:{}", format_duration(*slot)),
        }
    }
}
