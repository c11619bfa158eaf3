//! Fills in the figures of a text. `{name}` stands for a figure of the trial or a setting of its first command,
//! `{name:1}` for a setting of its second.

use super::{LessonError, Results, Trial};
use crate::scenario::Scenario;

/// The text with its figures filled in. Without results, it may name only settings.
pub(super) fn fill(
    text: &str,
    trial: &Trial,
    scenarios: &[Scenario],
    results: Option<&Results>,
) -> Result<String, LessonError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let read = trial.figures.iter().find(|(known, _)| *known == name).map(|(_, read)| read);
        let figure = || Some(read?(results?)?.to_string());
        let value = figure().or_else(|| setting(name, scenarios));
        filled.push_str(&value.ok_or_else(|| LessonError::Figure(name.to_owned()))?);
        rest = after;
    }
    Ok(filled + rest)
}

fn setting(name: &str, scenarios: &[Scenario]) -> Option<String> {
    let (name, index) = name.split_once(':').unwrap_or((name, "0"));
    scenarios.get(index.parse::<usize>().ok()?)?.setting(name)
}

/// The text without code and without names of figures.
#[cfg(test)]
pub(super) fn without_code_and_names(text: &str) -> String {
    let without_code: String = text.split('`').step_by(2).collect();
    let parts = without_code.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    parts.collect()
}
