//! Label selectors, in Kubernetes' language.

use std::fmt;

use crate::label;
use crate::record::Record;

/// All of its requirements must hold; without any, it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Operator {
    Exists,
    DoesNotExist,
    In(Vec<String>),
    /// Holds, too, of an object without the label.
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
}

/// A text that is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at character {at} of {text:?}")]
pub struct SelectorError {
    problem: &'static str,
    at: usize,
    text: String,
}

impl LabelSelector {
    /// Reads the language of `kubectl -l` (k8s.io/apimachinery
    /// `pkg/labels/selector.go`): `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b, c)`,
    /// `a notin (b)`, `a>1`, `a<1`, separated by commas.
    ///
    /// # Errors
    /// If it is not in that language.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0 };
        let mut requirements = Vec::new();
        if parser.peek().is_some() {
            loop {
                requirements.push(parser.requirement()?);
                if !parser.take(',') {
                    break;
                }
            }
        }
        match parser.peek() {
            None => Ok(Self(requirements)),
            Some(_) => Err(parser.error("unexpected text")),
        }
    }

    /// Whether an object has such labels.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.0.iter().all(|requirement| requirement.matches(record.label(&requirement.key)))
    }

    /// A label that every selected object has, if there is one.
    #[must_use]
    pub fn label(&self) -> Option<(&str, &str)> {
        self.0.iter().find_map(|requirement| match &requirement.operator {
            Operator::In(values) => match &values[..] {
                [value] => Some((&*requirement.key, &**value)),
                _ => None,
            },
            _ => None,
        })
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|v| v == value));
        match &self.operator {
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::In(values) => among(values),
            Operator::NotIn(values) => !among(values),
            Operator::GreaterThan(than) => number().is_some_and(|number| number > *than),
            Operator::LessThan(than) => number().is_some_and(|number| number < *than),
        }
    }
}

/// As the API server takes it.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Requirement { key, operator }) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match operator {
                Operator::Exists => write!(f, "{comma}{key}"),
                Operator::DoesNotExist => write!(f, "{comma}!{key}"),
                Operator::In(values) => write!(f, "{comma}{key} in ({})", values.join(",")),
                Operator::NotIn(values) => write!(f, "{comma}{key} notin ({})", values.join(",")),
                Operator::GreaterThan(than) => write!(f, "{comma}{key}>{than}"),
                Operator::LessThan(than) => write!(f, "{comma}{key}<{than}"),
            }?;
        }
        Ok(())
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        if self.take('!') {
            return Ok(Requirement { key: self.key()?, operator: Operator::DoesNotExist });
        }
        let key = self.key()?;
        let operator = match self.peek() {
            None | Some(',') => Operator::Exists,
            Some('=') => {
                self.take('=');
                self.take('=');
                Operator::In(vec![self.value()?])
            }
            Some('!') => {
                self.take('!');
                if !self.take('=') {
                    return Err(self.error("expected = behind !"));
                }
                Operator::NotIn(vec![self.value()?])
            }
            Some('>') => {
                self.take('>');
                Operator::GreaterThan(self.number()?)
            }
            Some('<') => {
                self.take('<');
                Operator::LessThan(self.number()?)
            }
            Some(_) => match self.word() {
                "in" => Operator::In(self.values()?),
                "notin" => Operator::NotIn(self.values()?),
                _ => return Err(self.error("expected an operator (=, !=, in, notin, <, >)")),
            },
        };
        Ok(Requirement { key, operator })
    }

    /// A label's key: a name, perhaps behind a DNS subdomain and a slash.
    fn key(&mut self) -> Result<String, SelectorError> {
        self.peek();
        let start = self.at;
        let key = self.word();
        if label::is_key(key) {
            return Ok(key.to_owned());
        }
        self.at = start;
        Err(self.error("expected a label's key"))
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        self.peek();
        let start = self.at;
        let value = self.word();
        if label::is_value(value) {
            return Ok(value.to_owned());
        }
        self.at = start;
        Err(self.error("expected a label's value"))
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        if !self.take('(') {
            return Err(self.error("expected ("));
        }
        let mut values = vec![self.value()?];
        while self.take(',') {
            values.push(self.value()?);
        }
        if !self.take(')') {
            return Err(self.error("expected , or )"));
        }
        Ok(values)
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        self.peek();
        let start = self.at;
        match self.word().parse() {
            Ok(number) => Ok(number),
            Err(_) => {
                self.at = start;
                Err(self.error("expected a whole number"))
            }
        }
    }

    /// The next character that is no space, if there is one.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn word(&mut self) -> &'a str {
        self.peek();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| c.is_whitespace() || ",=!<>()".contains(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn error(&self, problem: &'static str) -> SelectorError {
        let at = self.text[..self.at].chars().count() + 1;
        SelectorError { problem, at, text: self.text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        LabelSelector::parse(selector).unwrap().matches(&Record { labels, ..Record::bare(Key::new("n", "a")) })
    }

    #[test]
    fn selects_as_kubernetes_does() {
        let labels = [("app", "web"), ("tier", "a"), ("example.com/n", "7"), ("empty", "")];
        for selector in [
            "",
            " ",
            "app=web",
            "app==web",
            "app = web , tier in ( a,b )",
            "tier notin (b)",
            "absent notin (b)",
            "absent!=x",
            "!absent",
            "app",
            "example.com/n>6",
            "example.com/n<8",
            "empty=",
            "empty in ()",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in
            ["app=db", "absent", "!app", "tier in (b,c)", "app!=web", "example.com/n>7", "tier>1", "empty=x"]
        {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_an_error_that_says_where() {
        for (selector, problem) in [
            ("a,", "expected a label's key at character 3"),
            ("a=b c", "unexpected text at character 5"),
            ("a in b", "expected ( at character 6"),
            ("a in (b", "expected , or ) at character 8"),
            ("a>b", "expected a whole number at character 3"),
            ("a!b", "expected = behind ! at character 3"),
            ("-a", "expected a label's key at character 1"),
            ("_x/a", "expected a label's key at character 1"),
            ("a=/", "expected a label's value at character 3"),
            ("a ~ b", "expected an operator"),
        ] {
            let error = LabelSelector::parse(selector).unwrap_err().to_string();
            assert!(error.starts_with(problem), "{selector}: {error}");
        }
    }

    #[test]
    fn is_written_as_it_is_read() {
        let selector = "a,!b,c in (d,e),f notin (g),h>1,i<2";
        assert_eq!(LabelSelector::parse(selector).unwrap().to_string(), selector);
    }
}
