//! Amounts of resources, as Kubernetes writes them.

use std::ops::Add;

/// An amount, exact to a thousandth of its unit (of a core, of a byte).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// Suffixes and what they stand for, in thousandths
/// (k8s.io/apimachinery `pkg/api/resource/suffix.go`).
const SUFFIXES: &[(&str, i128)] = &[
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
    ("", 1000),
];

/// No sum of a node's pods comes near this, and none overflows.
const MOST: i128 = i128::MAX >> 32;

impl Quantity {
    /// Reads `100m`, `1.5`, `64Mi`, `1e3`; nothing if it is none, or larger than anything is.
    pub fn parse(text: &str) -> Option<Self> {
        let exponent = text.find(['e', 'E']).filter(|at| {
            let behind = text[at + 1..].trim_start_matches(['+', '-']);
            !behind.is_empty() && behind.chars().all(|char| char.is_ascii_digit())
        });
        let (number, unit) = match exponent {
            Some(at) => (&text[..at], power(text[at + 1..].parse().ok()?)?),
            None => {
                let (suffix, unit) = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix))?;
                (&text[..text.len() - suffix.len()], *unit)
            }
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |text: &str| text.len() <= 18 && text.chars().all(|char| char.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = 10_i128.checked_pow(fraction.len().try_into().ok()?)?;
        // What is less than a thousandth counts as one, as in the API server.
        let amount = digits.checked_mul(unit)?.checked_add(scale - 1)? / scale;
        Some(Self(amount)).filter(|it| it.0 <= MOST)
    }

    /// As an amount of CPU: `1500m`, `2`.
    pub fn cores(self) -> String {
        if self.0 % 1000 == 0 { (self.0 / 1000).to_string() } else { format!("{}m", self.0) }
    }

    /// As an amount of memory: with the largest binary suffix that leaves a whole number.
    pub fn bytes(self) -> String {
        let binary = SUFFIXES[..6].iter().rev().find(|(_, unit)| self.0 != 0 && self.0 % unit == 0);
        match binary {
            Some((suffix, unit)) => format!("{}{suffix}", self.0 / unit),
            None => (self.0 / 1000).to_string(),
        }
    }

    /// How many hundredths of `whole` it is, rounded down, as kubectl counts; nothing if there is no whole.
    pub fn percent_of(self, whole: Self) -> Option<i128> {
        (whole.0 > 0).then(|| self.0.saturating_mul(100) / whole.0)
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// That power of ten, in thousandths.
fn power(exponent: i32) -> Option<i128> {
    let exponent = u32::try_from(exponent.checked_add(3)?).ok()?;
    10_i128.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_by_the_api_server() {
        for (text, thousandths) in [
            ("100m", 100),
            ("1.5", 1500),
            (".5", 500),
            ("0", 0),
            ("64Mi", 64 * 1024 * 1024 * 1000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("12e-3", 12),
            ("0.0001", 1),
            ("1.5Gi", 1_610_612_736_000),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(thousandths)), "{text}");
        }
        for text in [
            "",
            "m",
            "Mi",
            "-1",
            "1x",
            "1.2.3",
            "1e",
            "1e-9",
            "1e99",
            "é",
            "9999999999999999999",
            "1e2147483647",
            "170141183460469E",
            "999999999999999999.999999999999999999E",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sums_are_shown_in_the_largest_unit_that_is_exact() {
        let sum = |amounts: &[&str]| {
            amounts.iter().fold(Quantity::default(), |sum, text| sum + Quantity::parse(text).unwrap())
        };
        assert_eq!(sum(&["70Mi", "1.5Gi"]).bytes(), "1606Mi");
        assert_eq!(sum(&["1Gi", "1Gi"]).bytes(), "2Gi");
        assert_eq!((sum(&["1k"]).bytes(), sum(&[]).bytes()), ("1000".to_owned(), "0".to_owned()));
        assert_eq!((sum(&["100m", "0.9"]).cores(), sum(&["100m", "1"]).cores()), ("1".to_owned(), "1100m".to_owned()));
        assert_eq!(sum(&["850m"]).percent_of(sum(&["4"])), Some(21));
        assert_eq!(sum(&["850m"]).percent_of(sum(&["0"])), None);
    }
}
