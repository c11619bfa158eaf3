//! Tables that a user writes: a line for each row, with commas.

/// The rows of `text` and the numbers of their lines, from 1. Blank lines are left out, and so is a first line that
/// does not begin with a number: a header. Programs that write a byte order mark put it before the first line.
pub(super) fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_header = |line: &str| {
        let first = line.split(',').next().unwrap_or_default();
        first.trim().parse::<f64>().is_err()
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.filter(move |(index, line)| *index > 0 || !is_header(line)).map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_line_that_does_not_begin_with_a_number_is_a_header() {
        let rows = |text| rows(text).map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(rows("time,bytes\n1,2\n\n3,4\n"), [2, 4]);
        assert_eq!(rows("1,wrong\n1,2\n"), [1, 2]);
        assert_eq!(rows("1,2\nword,2\n"), [1, 2], "only the first line can be a header");
        assert_eq!(rows("\u{feff}1,2\n3,4\n"), [1, 2], "a byte order mark is not part of the number");
    }
}
