//! Errors of JSON.

/// What is wrong with a JSON text, without the line and the column, which the caller names.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_left_out() {
        let error = serde_json::from_str::<Vec<u8>>("[1,\n x]").unwrap_err();
        assert_eq!(error.to_string(), "expected value at line 2 column 2");
        assert_eq!(without_place(&error), "expected value");
    }
}
