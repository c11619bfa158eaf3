//! Values as they are written on the command line.

use std::{str::FromStr, time::Duration};

use wirelab::unit::{Size, parse_duration, parse_positive_duration};

/// A duration such as `10ms` or `1m30s`. A bare number is ambiguous and refused.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(&single(text)?).map_err(|e| e.to_string())
}

/// A duration above zero: a limit of zero would refuse everything.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    parse_positive_duration(&single(text)?).map_err(|e| e.to_string())
}

/// A number of bytes such as `1200` or `64KiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let size: Size = parse(text)?;
    usize::try_from(size.bytes()).map_err(|e| e.to_string())
}

/// One value, not a list.
pub(crate) fn single(value: &str) -> Result<String, String> {
    if value.contains(',') { Err("expected one value, not a list".to_owned()) } else { Ok(value.to_owned()) }
}

/// A whole number within bounds.
pub(crate) fn whole<T: FromStr>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
        let parsed = number.and_then(|number| number.to_string().parse().ok());
        parsed.ok_or_else(|| match most {
            u64::MAX => format!("expected a whole number from {least}"),
            _ => format!("expected a whole number from {least} to {most}"),
        })
    }
}

/// One name, in capitals or not.
pub(crate) fn name<T: FromStr<Err: ToString>>(value: &str) -> Result<T, String> {
    single(value)?.to_lowercase().parse().map_err(|e: T::Err| e.to_string())
}

/// One value of any type.
pub(crate) fn parse<T: FromStr<Err: ToString>>(value: &str) -> Result<T, String> {
    single(value)?.parse().map_err(|e: T::Err| e.to_string())
}
