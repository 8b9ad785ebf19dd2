//! Quantities of resources, as `250m` and `1Gi` (k8s.io/apimachinery `pkg/api/resource/quantity.go`): just what is
//! needed to compare them.

use std::cmp::Ordering;

/// The longest text that is read as a quantity, in bytes: who compares many does no long arithmetic.
const MAX_LENGTH: usize = 256;
/// What is smaller counts as one of these: a billionth.
const SMALLEST: i64 = -9;
/// The largest quantity with a binary suffix; more counts as this much.
const LARGEST_BINARY: &str = "9223372036854775807";

/// A quantity's exact value: its sign, and `0.DIGITS` times a power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// -1, 0 or 1.
    sign: i8,
    /// Without zeros at either end.
    digits: Vec<u8>,
    /// The power of ten.
    exponent: i64,
}

impl Quantity {
    /// Reads a quantity; none if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return None;
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        let suffix = Suffix::parse(suffix)?;
        if whole.len() + fraction.len() == 0 && suffix.needs_digits() {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
        let point = i64::try_from(whole.len()).ok()?;
        let quantity = match suffix {
            Suffix::Decimal(exponent) => Self::new(digits, point + i64::from(exponent)).rounded_up(),
            Suffix::Binary(power) => {
                let (digits, more) = times(digits, 1 << power);
                Self::new(digits, point + more).rounded_up().min(Self::largest_binary())
            }
        };
        let is_negative = text.starts_with('-');
        Some(if is_negative { Self { sign: -quantity.sign, ..quantity } } else { quantity })
    }

    fn new(digits: Vec<u8>, exponent: i64) -> Self {
        let Some(first) = digits.iter().position(|digit| *digit > 0) else {
            return Self { sign: 0, digits: Vec::new(), exponent: 0 };
        };
        let end = digits.iter().rposition(|digit| *digit > 0).map_or(0, |last| last + 1);
        let zeros = i64::try_from(first).unwrap_or(i64::MAX);
        Self { sign: 1, digits: digits.get(first..end).unwrap_or_default().to_vec(), exponent: exponent - zeros }
    }

    fn largest_binary() -> Self {
        let digits: Vec<u8> = LARGEST_BINARY.bytes().map(|digit| digit - b'0').collect();
        let exponent = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        Self::new(digits, exponent)
    }

    /// Without what is smaller than [`SMALLEST`]; if there was something, the next larger one.
    fn rounded_up(self) -> Self {
        let Ok(kept) = usize::try_from((self.exponent - SMALLEST).max(0)) else { return self };
        if self.digits.len() <= kept {
            return self;
        }
        // A zero in front takes what is carried.
        let mut digits = vec![0];
        digits.extend(self.digits.into_iter().take(kept));
        let exponent = if kept == 0 { SMALLEST + 1 } else { self.exponent + 1 };
        for digit in digits.iter_mut().rev() {
            *digit = (*digit + 1) % 10;
            if *digit > 0 {
                break;
            }
        }
        Self::new(digits, exponent)
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign.cmp(&other.sign).then_with(|| match self.sign {
            0 => Ordering::Equal,
            1 => self.magnitude(other),
            _ => other.magnitude(self),
        })
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What stands behind a quantity's number.
#[derive(Clone, Copy)]
enum Suffix {
    /// A power of ten.
    Decimal(i32),
    /// A power of two.
    Binary(u32),
}

impl Suffix {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "n" => Self::Decimal(-9),
            "u" => Self::Decimal(-6),
            "m" => Self::Decimal(-3),
            "" => Self::Decimal(0),
            "k" => Self::Decimal(3),
            "M" => Self::Decimal(6),
            "G" => Self::Decimal(9),
            "T" => Self::Decimal(12),
            "P" => Self::Decimal(15),
            "E" => Self::Decimal(18),
            "Ki" => Self::Binary(10),
            "Mi" => Self::Binary(20),
            "Gi" => Self::Binary(30),
            "Ti" => Self::Binary(40),
            "Pi" => Self::Binary(50),
            "Ei" => Self::Binary(60),
            _ => {
                let exponent = text.strip_prefix(['e', 'E'])?;
                // Go keeps the lower 32 bits; nobody has more.
                Self::Decimal(i32::try_from(exponent.parse::<i64>().ok()?).ok()?)
            }
        })
    }

    /// Whether a number without digits, which is else 0, is none with it.
    fn needs_digits(self) -> bool {
        matches!(self, Self::Binary(50..) | Self::Decimal(..-9))
    }
}

/// The digits that `text` begins with, and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

/// A number's digits times `factor`, and how many there are more of them in front.
fn times(digits: Vec<u8>, factor: u64) -> (Vec<u8>, i64) {
    let mut product = Vec::with_capacity(digits.len() + 20);
    let mut carried = 0_u128;
    for digit in digits.iter().rev() {
        carried += u128::from(*digit) * u128::from(factor);
        product.push(u8::try_from(carried % 10).unwrap_or(0));
        carried /= 10;
    }
    let mut more = 0;
    while carried > 0 {
        product.push(u8::try_from(carried % 10).unwrap_or(0));
        carried /= 10;
        more += 1;
    }
    product.reverse();
    (product, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_in_order() {
        // Each is less than the next; in a line, they are equal.
        let rising: &[&[&str]] = &[
            &["-2Ki", "-2048"],
            &["-1.5", "-1500m"],
            &["-1n", "-0.1n"],
            &["0", "-", "+", "0Ki", "00", "-0", "k", "Gi", ".", "0e5", "E"],
            &["1n", "0.1n", "0.0000000001", "1e-12", "1e-2000000000"],
            &["2n", "1.1n", "1.9999n"],
            &["1u"],
            &["999u"],
            &["1m", "0.001", ".001", "1e-3", "0.9999999999m"],
            &["1000001n"],
            &["250m"],
            &["1", "1000m", "1.", "+1", "01", "1.0", "1e0"],
            &["0.5Gi"],
            &["999999999.999999999"],
            &["1G", "999999999.9999999999", "1e9", "1E9", "1000M"],
            &["1Gi", "1024Mi", "1073741824"],
            &["1Ei"],
            &["8Ei", "9Ei", "9223372036854775807", "99999999999999999999Ki"],
            &["9223372036854775808"],
            &["1e30", "1000000000000000000000000000000"],
            &["1e2000000000"],
        ];
        let parse = |text: &str| Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity"));
        for (at, line) in rising.iter().enumerate() {
            for text in *line {
                assert_eq!(parse(text), parse(line[0]), "{text} and {}", line[0]);
                for more in rising[at + 1..].iter().copied().flatten() {
                    assert!(parse(text) < parse(more) && parse(more) > parse(text), "{text} < {more}");
                }
            }
        }
    }

    #[test]
    fn texts_are_none() {
        for text in [
            "", "a", "1K", "1ki", "1kk", "1 ", " 1", "1.2.3", "e", "1e", "1e1.5", "10.0.0.1", "0x1", "--1", "Pi",
            "e-12",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
        assert_eq!(Quantity::parse(&"1".repeat(MAX_LENGTH + 1)), None);
    }
}
