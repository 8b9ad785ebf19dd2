//! Texts of others on one line.

/// A text on one line, without what only sets it apart.
#[must_use]
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_breaks_a_line() {
        assert_eq!(one_line(" a\r\nb\u{85}\tc\u{2028}d\n"), "a b c d");
    }
}
