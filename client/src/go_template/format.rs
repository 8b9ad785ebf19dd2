//! Single values in the forms of Go's verbs (package `fmt`).

use super::float::{self, Style};
use super::quote;

/// What stands between a `%` and its verb.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    pub plus: bool,
    pub minus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%#v`: as Go's source has it.
    pub source: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

impl Flags {
    /// Appends `text`, filled up to the width.
    pub fn pad(&self, out: &mut Vec<u8>, text: &[u8]) {
        let length: usize = text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum();
        let missing = self.width.unwrap_or(0).saturating_sub(length);
        if self.minus {
            out.extend_from_slice(text);
            out.extend(std::iter::repeat_n(b' ', missing));
        } else {
            let filler = if self.zero { b'0' } else { b' ' };
            out.extend(std::iter::repeat_n(filler, missing));
            out.extend_from_slice(text);
        }
    }

    fn with_blanks(&self) -> Self {
        Self { zero: false, ..*self }
    }

    /// The sign of a number that is none of the negative ones.
    fn positive_sign(&self) -> &'static str {
        match self {
            Self { plus: true, .. } => "+",
            Self { space: true, .. } => " ",
            _ => "",
        }
    }

    /// An integer. `false` if the verb is none for it.
    pub fn integer(&self, out: &mut Vec<u8>, value: i64, is_unsigned: bool, verb: char) -> bool {
        let size = value.unsigned_abs();
        let digits = match verb {
            'v' if self.source && is_unsigned => {
                Flags { sharp: true, ..*self }.based(out, value, &format!("{size:x}"), "0x", 'x');
                return true;
            }
            'v' | 'd' => size.to_string(),
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'c' => {
                self.pad(out, character(value).encode_utf8(&mut [0; 4]).as_bytes());
                return true;
            }
            'q' => {
                self.pad(out, quote::quoted_char(character(value), self.plus).as_bytes());
                return true;
            }
            'U' => {
                self.code_point(out, value);
                return true;
            }
            _ => return false,
        };
        let prefix = match verb {
            'b' => "0b",
            'o' => "0",
            'x' => "0x",
            'X' => "0X",
            _ => "",
        };
        self.based(out, value, &digits, prefix, verb);
        true
    }

    fn based(&self, out: &mut Vec<u8>, value: i64, digits: &str, prefix: &str, verb: char) {
        if self.precision == Some(0) && value == 0 {
            return self.with_blanks().pad(out, b"");
        }
        let sign = if value < 0 { "-" } else { self.positive_sign() };
        // Zeros are written to the left only.
        let fill = if self.zero && !self.minus { self.width } else { None };
        let wanted = self.precision.or(fill.map(|width| width.saturating_sub(sign.len()))).unwrap_or(0);
        let zeros = "0".repeat(wanted.saturating_sub(digits.len()));
        let begins_with_zero = digits.starts_with('0') || !zeros.is_empty();
        let prefix = match verb {
            'O' => "0o",
            _ if !self.sharp || (verb == 'o' && begins_with_zero) => "",
            _ => prefix,
        };
        self.with_blanks().pad(out, format!("{sign}{prefix}{zeros}{digits}").as_bytes());
    }

    fn code_point(&self, out: &mut Vec<u8>, value: i64) {
        let digits = format!("{value:X}");
        let zeros = "0".repeat(self.precision.unwrap_or(4).max(4).saturating_sub(digits.len()));
        let mut text = format!("U+{zeros}{digits}");
        let char = u32::try_from(value).ok().and_then(char::from_u32);
        if let Some(char) = char.filter(|char| self.sharp && quote::is_printable(*char)) {
            text.push_str(&format!(" '{char}'"));
        }
        self.with_blanks().pad(out, text.as_bytes());
    }

    /// A number with a fraction. `false` if the verb is none for it.
    pub fn float(&self, out: &mut Vec<u8>, value: f64, verb: char) -> bool {
        let (style, precision) = match verb {
            'v' | 'g' | 'G' => (Style::General, self.precision),
            'e' | 'E' => (Style::Exponent, Some(self.precision.unwrap_or(6))),
            'f' | 'F' => (Style::Fixed, Some(self.precision.unwrap_or(6))),
            _ => return false,
        };
        let mut text = float::write(value, style, precision);
        if matches!(verb, 'E' | 'G') {
            text = text.replace('e', "E");
        }
        let (sign, digits) = match text.strip_prefix(['-', '+']) {
            Some(digits) if text.starts_with('-') => ("-", digits),
            // Infinity has its sign in any case.
            Some(digits) => (if self.space && !self.plus { " " } else { "+" }, digits),
            None => (self.positive_sign(), &*text),
        };
        let is_number = value.is_finite();
        let fill = self.width.filter(|_| self.zero && !self.minus && is_number).unwrap_or(0);
        let zeros = "0".repeat(fill.saturating_sub(sign.len() + digits.len()));
        self.with_blanks().pad(out, format!("{sign}{zeros}{digits}").as_bytes());
        true
    }

    /// A text. `false` if the verb is none for it.
    pub fn text(&self, out: &mut Vec<u8>, text: &[u8], verb: char) -> bool {
        match verb {
            'v' if self.source => self.quoted(out, text),
            'v' | 's' => self.pad(out, self.truncated(text)),
            'q' => self.quoted(out, text),
            'x' | 'X' => self.hexadecimal(out, text, verb),
            _ => return false,
        }
        true
    }

    /// As many characters as the precision.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.precision else { return text };
        let mut end = 0;
        for _ in 0..precision {
            match text[end..].utf8_chunks().next() {
                Some(chunk) => end += chunk.valid().chars().next().map_or(1, char::len_utf8),
                None => break,
            }
        }
        &text[..end]
    }

    fn quoted(&self, out: &mut Vec<u8>, text: &[u8]) {
        let text = self.truncated(text);
        let quoted = match self {
            Self { sharp: true, .. } if quote::can_be_raw(text) => [b"`", text, b"`"].concat(),
            Self { plus: true, .. } => quote::quoted_ascii(text).into_bytes(),
            _ => quote::quoted(text).into_bytes(),
        };
        self.pad(out, &quoted);
    }

    fn hexadecimal(&self, out: &mut Vec<u8>, text: &[u8], verb: char) {
        let text = &text[..self.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = match verb {
            _ if !self.sharp => "",
            'X' => "0X",
            _ => "0x",
        };
        let mut written = String::with_capacity(text.len() * 2);
        for (at, byte) in text.iter().enumerate() {
            if at > 0 && self.space {
                written.push(' ');
            }
            if at == 0 || self.space {
                written.push_str(prefix);
            }
            let digits = if verb == 'X' { format!("{byte:02X}") } else { format!("{byte:02x}") };
            written.push_str(&digits);
        }
        self.pad(out, written.as_bytes());
    }
}

/// The character of a number, or the one that stands for none.
fn character(value: i64) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
