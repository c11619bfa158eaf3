//! The options of a scenario's link.

use crate::link::{LinkOptions, PROPERTIES, Preset, Property, Takes, ValueError};

/// Sets an option of the link; false if there is no such option. `value` returns its value.
pub(super) fn set<'a>(
    links: &mut LinkOptions,
    option: &str,
    mut value: impl FnMut() -> Result<&'a str, String>,
) -> Result<bool, String> {
    match option {
        "--rtt" => links.rtt.push(value()?.to_owned()),
        "--preset" => {
            let preset: Preset = value()?.parse().map_err(|e: ValueError| e.to_string())?;
            once(&mut links.preset, preset)?;
        }
        "--to-server" => once(&mut links.to_server, value()?.to_owned())?,
        "--to-client" => once(&mut links.to_client, value()?.to_owned())?,
        _ => {
            let Some(property) = PROPERTIES.iter().find(|property| property.option == option) else {
                return Ok(false);
            };
            let value = match property.takes {
                Takes::Nothing => "true",
                Takes::List(_) | Takes::One(_) => value()?,
            };
            add(links, property, value);
        }
    }
    Ok(true)
}

fn add(links: &mut LinkOptions, property: &'static Property, value: &str) {
    let found = links.given.iter_mut().find(|(other, _)| other.option == property.option);
    match found {
        Some((_, values)) => values.push(value.to_owned()),
        None => links.given.push((property, vec![value.to_owned()])),
    }
}

fn once<T>(option: &mut Option<T>, value: T) -> Result<(), String> {
    match option.replace(value) {
        Some(_) => Err("given twice: leave one out".to_owned()),
        None => Ok(()),
    }
}
