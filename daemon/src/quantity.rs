//! Kubernetes' quantities: `500m`, `1Gi`, `2e3`.

use std::fmt;
use std::ops::{Add, AddAssign};

use serde_json::Value;

/// A quantity in thousandths, rounded up, as Kubernetes rounds requests (k8s.io/apimachinery
/// `resource.Quantity`, `MilliValue`). What is too much for it is its maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// What suffixes multiply by, as a power: of 2, or of 10.
const BINARY: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
const DECIMAL: &[(&str, i32)] =
    &[("n", -9), ("u", -6), ("m", -3), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// No quantity is larger: Kubernetes caps them at 2^63-1.
const MOST: i128 = (i64::MAX as i128) * 1000;
/// Digits that are read of a number; more say nothing.
const DIGITS: usize = 18;

impl Quantity {
    /// So many whole ones.
    #[must_use]
    pub fn whole(number: i64) -> Self {
        Self(i128::from(number) * 1000)
    }

    /// Reads a quantity; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|char: char| !(char.is_ascii_digit() || "+-.".contains(char))).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |part: &str| part.len() <= DIGITS && part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?;
        let value = match BINARY.iter().find(|(name, _)| *name == suffix) {
            Some((_, power)) => scaled(digits.checked_mul(1 << power)?, 3 - scale),
            None => scaled(digits, decimal(suffix)? + 3 - scale),
        };
        Some(Self(if is_negative { -value } else { value }))
    }

    /// Reads one out of JSON, where it is a text or a number.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// How many whole ones it is.
    #[must_use]
    pub fn whole_part(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }

    /// What is left without `other`; not less than nothing.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }

    /// So many percent of it.
    #[must_use]
    pub fn percent(self, percent: i64) -> Self {
        Self(self.0 * i128::from(percent) / 100)
    }

    /// The same, as people write bytes.
    #[must_use]
    pub fn in_bytes(self) -> String {
        let bytes = self.0 / 1000;
        let unit = BINARY.iter().rev().find(|(_, power)| bytes >= 1 << power);
        match unit {
            None => bytes.to_string(),
            Some((name, power)) => {
                let tenths = (bytes * 10) >> power;
                match tenths % 10 {
                    0 => format!("{}{name}", tenths / 10),
                    tenth => format!("{}.{tenth}{name}", tenths / 10),
                }
            }
        }
    }
}

/// The power of ten of a suffix, or of an exponent: `e3`, `E-2`.
fn decimal(suffix: &str) -> Option<i32> {
    if suffix.is_empty() {
        return Some(0);
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some(*power);
    }
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-30..=30).contains(&power).then_some(power)
}

/// `digits` times ten to that power, rounded up.
fn scaled(digits: i128, power: i32) -> i128 {
    let factor = 10_i128.checked_pow(power.unsigned_abs());
    let value = match (factor, power >= 0) {
        (Some(factor), true) => digits.saturating_mul(factor),
        (Some(factor), false) => digits / factor + i128::from(digits % factor != 0),
        (None, true) => MOST,
        (None, false) => i128::from(digits != 0),
    };
    value.min(MOST)
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self((self.0 + other.0).clamp(-MOST, MOST))
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// `2`, `500m`
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1000 {
            0 => write!(f, "{}", self.0 / 1000),
            _ => write!(f, "{}m", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, thousandths) in [
            ("0", 0),
            ("1", 1000),
            ("500m", 500),
            ("0.1", 100),
            (".5", 500),
            ("1.", 1000),
            ("100u", 1),
            ("1n", 1),
            ("1k", 1_000_000),
            ("2e3", 2_000_000),
            ("2E-1", 200),
            ("1Ki", 1_024_000),
            ("1.5Gi", 1_610_612_736_000),
            ("-1", -1000),
            ("+3", 3000),
            ("9999999999E", MOST),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(thousandths)), "{text}");
        }
        for text in ["", "m", "1x", "1.2.3", "1e", "1e99", "Ki", "--1", "1 Gi", &"9".repeat(40), "1Kii", "é"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn they_are_shown_as_people_write_them() {
        let shown = |text: &str| Quantity::parse(text).map(|it| (it.to_string(), it.in_bytes()));
        assert_eq!(shown("1500m"), Some(("1500m".into(), "1".into())));
        assert_eq!(shown("64Mi").map(|it| it.1), Some("64Mi".into()));
        assert_eq!(shown("1.5Gi").map(|it| it.1), Some("1.5Gi".into()));
    }
}
