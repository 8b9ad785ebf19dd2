//! Floating-point numbers as Go's `strconv` writes them.

/// More digits than that behind the point are all zeros.
const MOST_DIGITS: usize = 1100;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With an exponent: `%e`.
    Exponent,
    /// Without one: `%f`.
    Fixed,
    /// With one if it is large or small: `%g`.
    General,
}

/// `value` with `precision` digits, or as few as tell it from every other
/// number. It begins with its sign only if that is `-`.
pub fn write(value: f64, style: Style, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    match style {
        Style::Exponent => exponent(value, precision),
        Style::Fixed => fixed(value, precision),
        Style::General => general(value, precision),
    }
}

fn fixed(value: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else { return format!("{value}") };
    let mut text = format!("{value:.*}", precision.min(MOST_DIGITS));
    text.extend(std::iter::repeat_n('0', precision.saturating_sub(MOST_DIGITS)));
    text
}

/// At least two digits of exponent, and always its sign.
fn exponent(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.min(MOST_DIGITS)),
        None => format!("{value:e}"),
    };
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(MOST_DIGITS));
    format!("{digits}{zeros}e{sign}{power:0>2}")
}

fn general(value: f64, precision: Option<usize>) -> String {
    // Zero digits are one.
    let wanted = precision.map(|precision| precision.clamp(1, MOST_DIGITS));
    let text = match wanted {
        Some(wanted) => format!("{value:.*e}", wanted - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let count = digits.trim_end_matches('0').len().max(1);
    // Which of the two it is asks for six digits if none are asked for.
    let mut limit = wanted.unwrap_or(6);
    let before_point = usize::try_from(power + 1).unwrap_or(0);
    if wanted.is_some() && limit > count && count >= before_point {
        limit = count;
    }
    // What is left of the wanted digits without the zeros at the end.
    if power < -4 || usize::try_from(power).is_ok_and(|power| power >= limit) {
        return exponent(value, Some(count - 1));
    }
    fixed(value, Some(count.saturating_sub(before_point).max(fraction(count, power))))
}

/// How many digits stand behind the point.
fn fraction(count: usize, power: i32) -> usize {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    usize::try_from(count.saturating_sub(1).saturating_sub(power)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gos() {
        for (value, expected) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1.234_567_89e8, "1.23456789e+08"),
            (1e21, "1e+21"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
        ] {
            assert_eq!(write(value, Style::General, None), expected);
        }
        assert_eq!(write(100_000.0, Style::General, Some(3)), "1e+05");
        assert_eq!(write(3.24679, Style::General, Some(3)), "3.25");
        assert_eq!(write(12345.678, Style::Exponent, Some(3)), "1.235e+04");
        assert_eq!(write(2.5, Style::Fixed, Some(2)), "2.50");
        assert_eq!(write(1.0, Style::Fixed, Some(2000)).len(), 2002);
        assert_eq!(write(f64::NEG_INFINITY, Style::Fixed, None), "-Inf");
    }
}
