//! Numbers as Go writes them. Complex and hexadecimal floating-point ones, which
//! no object has, are not known here.

use super::node::Constant;
use super::quote;

/// What a number or a character constant stands for.
///
/// # Errors
/// What is wrong with it, as Go says it.
pub fn parse(written: &str) -> Result<Constant, String> {
    if written.starts_with('\'') {
        return character(written);
    }
    if let Some(number) = integer(written) {
        return Ok(number);
    }
    match written.parse::<f64>() {
        Ok(number) if number.is_finite() && written.contains(['.', 'e', 'E']) => Ok(Constant::Float(number)),
        Ok(_) => Err(format!("integer overflow: {}", quote::quoted(written.as_bytes()))),
        Err(_) => Err(format!("illegal number syntax: {}", quote::quoted(written.as_bytes()))),
    }
}

fn character(written: &str) -> Result<Constant, String> {
    let malformed = || format!("malformed character constant: {written}");
    let bytes = quote::unquote(written).ok_or_else(malformed)?;
    let mut chars = str::from_utf8(&bytes).map_err(|_| malformed())?.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Ok(Constant::Int(i64::from(u32::from(char)))),
        _ => Err(malformed()),
    }
}

/// An integer in any of Go's bases, if it is one that 64 bits hold.
fn integer(written: &str) -> Option<Constant> {
    let is_negative = written.starts_with('-');
    let number = written.strip_prefix(['+', '-']).unwrap_or(written);
    let lower = number.to_ascii_lowercase();
    let (radix, digits) = match (lower.get(..2), lower.get(2..)) {
        (Some("0x"), Some(digits)) => (16, digits),
        (Some("0o"), Some(digits)) => (8, digits),
        (Some("0b"), Some(digits)) => (2, digits),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let misplaced = digits.ends_with('_') || digits.contains("__") || (radix == 10 && digits.starts_with('_'));
    let digits = digits.replace('_', "");
    if misplaced || !digits.starts_with(|char: char| char.is_digit(radix)) {
        return None;
    }
    let size = u64::from_str_radix(&digits, radix).ok()?;
    match (is_negative, i64::try_from(size)) {
        (false, Ok(size)) => Some(Constant::Int(size)),
        (false, Err(_)) => Some(Constant::TooLarge),
        (true, _) => 0_i64.checked_sub_unsigned(size).map(Constant::Int),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gos() {
        for (written, expected) in [
            ("0", Constant::Int(0)),
            ("-5", Constant::Int(-5)),
            ("010", Constant::Int(8)),
            ("0x_1F", Constant::Int(31)),
            ("0b101", Constant::Int(5)),
            ("1_000", Constant::Int(1000)),
            ("1e3", Constant::Float(1000.0)),
            (".5", Constant::Float(0.5)),
            ("-9223372036854775808", Constant::Int(i64::MIN)),
            ("18446744073709551615", Constant::TooLarge),
            ("'a'", Constant::Int(97)),
            (r"'\n'", Constant::Int(10)),
        ] {
            assert_eq!(parse(written), Ok(expected), "{written}");
        }
        for written in ["1__0", "08", "0x", "1e400", "'ab'", "''", "99999999999999999999", "-18446744073709551615"] {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
