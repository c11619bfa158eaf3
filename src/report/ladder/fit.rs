//! Text that fits a number of columns.

/// All names if they fit, else the first and the number of the others.
pub(super) fn fitted(names: &[String], width: usize) -> String {
    let full = names.join(", ");
    match names {
        [first, rest @ ..] if full.chars().count() > width && !rest.is_empty() => {
            cut(&format!("{first} +{}", rest.len()), width)
        }
        _ => cut(&full, width),
    }
}

/// The first `width` columns of a text.
pub(super) fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}
