//! A line of Prometheus' text format.

use std::borrow::Cow;

/// One value of a metric.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
    pub(super) value: f64,
}

/// Labels that a line is read with.
const MOST_LABELS: usize = 32;

impl Sample<'_> {
    /// The value of a label; empty if there is none, which is the same.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
    }
}

/// The sample of a line; `None` if it is none (<https://prometheus.io/docs/instrumenting/exposition_formats/>,
/// "Text-based format"). A time behind the value is left aside.
pub(super) fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let end = line.find(['{', ' ', '\t']).filter(|end| *end > 0)?;
    let (name, rest) = line.split_at(end);
    if name.starts_with('#') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_ascii_whitespace().next()?;
    Some(Sample { name, labels, value: value.parse().ok()? })
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The labels of what stands behind the brace, and what comes behind them.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = quoted(behind.trim_start().strip_prefix('"')?)?;
        if labels.len() == MOST_LABELS {
            return None;
        }
        labels.push((name.trim(), value));
        rest = behind;
    }
}

/// A value up to its closing quote, and what comes behind it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::with_capacity(end + 8);
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((Cow::Owned(value), &text[place + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                // A backslash, a quote; what else is escaped stands for itself.
                other => value.push(other),
            },
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_prometheus_reads_them() {
        let read = sample(r#"a_bucket{le="+Inf", operation="get",} 12 1395066363000"#).unwrap();
        assert_eq!(
            (read.name, read.value, read.label("le"), read.label("operation")),
            ("a_bucket", 12.0, "+Inf", "get")
        );
        assert_eq!(read.label("none"), "");
        assert_eq!(sample("up 1").unwrap(), Sample { name: "up", labels: Vec::new(), value: 1.0 });
        assert_eq!(sample("up{}\t1.5e+09\r").unwrap().value, 1.5e9);
        assert!(sample("up NaN").unwrap().value.is_nan());
        assert_eq!(sample("up +Inf").unwrap().value, f64::INFINITY);
    }

    #[test]
    fn values_may_hold_what_ends_them() {
        let read = sample(r#"a{x="say \"}\" \\ and\nmore",y=","} 1"#).unwrap();
        assert_eq!((read.label("x"), read.label("y")), ("say \"}\" \\ and\nmore", ","));
        assert_eq!(sample("a{x=\"\u{e4}\\\"\u{e4}\"} 1").unwrap().label("x"), "\u{e4}\"\u{e4}");
    }

    #[test]
    fn what_is_no_sample_is_none() {
        for line in [
            "",
            " ",
            "#",
            "# HELP a b",
            "# TYPE a counter",
            "a",
            "a ",
            "{} 1",
            "a{ 1",
            "a{x} 1",
            "a{x=\"y} 1",
            "a{x=\"y\\",
            "a{x=\"y\"}",
            "a{x=y} 1",
            "a x",
            "a{x=\"y\\\"} 1",
            "}",
            "a}",
        ] {
            assert_eq!(sample(line), None, "{line:?}");
        }
        let many = format!("a{{{}}} 1", "x=\"y\",".repeat(2 * MOST_LABELS));
        assert_eq!(sample(&many), None);
    }
}
