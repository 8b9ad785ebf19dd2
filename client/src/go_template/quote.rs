//! Go's quoting of strings and characters, both ways (package `strconv`).

use std::fmt::Write as _;

/// Whether Go prints `char` as it stands. It asks Unicode's tables; here what is
/// shown of no character is told by the ranges that matter.
pub fn is_printable(char: char) -> bool {
    match char {
        ' ' => true,
        '\u{ad}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => false,
        _ => !char.is_control() && !char.is_whitespace(),
    }
}

/// `text` in double quotes.
pub fn quoted(text: &[u8]) -> String {
    quote(text, false)
}

/// `text` in double quotes, without any character beyond ASCII.
pub fn quoted_ascii(text: &[u8]) -> String {
    quote(text, true)
}

fn quote(text: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|char| escape(&mut out, char, '"', ascii));
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// A character in single quotes.
pub fn quoted_char(char: char, ascii: bool) -> String {
    let mut out = String::from('\'');
    escape(&mut out, char, '\'', ascii);
    out.push('\'');
    out
}

fn escape(out: &mut String, char: char, quote: char, ascii: bool) {
    let short = match char {
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{b}' => 'v',
        '\\' => '\\',
        char if char == quote => quote,
        char if is_printable(char) && (char.is_ascii() || !ascii) => return out.push(char),
        char => {
            // Writing to a string does not fail.
            let _ = match u32::from(char) {
                code @ (..0x20 | 0x7f) => write!(out, "\\x{code:02x}"),
                code @ ..0x10000 => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            };
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

/// Whether `text` can stand between back quotes.
pub fn can_be_raw(text: &[u8]) -> bool {
    let plain = |char: char| char == '\t' || !(char.is_control() || char == '`' || char == '\u{feff}');
    str::from_utf8(text).is_ok_and(|text| text.chars().all(plain))
}

/// What a string or a character constant, with its quotes, stands for: bytes, as
/// an escape can be a byte that is no character.
pub fn unquote(written: &str) -> Option<Vec<u8>> {
    let mut chars = written.chars();
    let (first, last) = (chars.next()?, chars.next_back()?);
    if first != last {
        return None;
    }
    let inner = chars.as_str();
    if first == '`' {
        return Some(inner.replace('\r', "").into_bytes());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => unescape(&mut chars, first, &mut out)?,
            char => push(&mut out, char),
        }
    }
    Some(out)
}

/// Appends what stands behind a backslash.
fn unescape(chars: &mut std::str::Chars<'_>, quote: char, out: &mut Vec<u8>) -> Option<()> {
    let byte = match chars.next()? {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        char @ ('"' | '\'') if char == quote => char as u8,
        'x' => u8::try_from(digits(chars, 2, 16)?).ok()?,
        'u' => return char::from_u32(digits(chars, 4, 16)?).map(|char| push(out, char)),
        'U' => return char::from_u32(digits(chars, 8, 16)?).map(|char| push(out, char)),
        first @ '0'..='7' => {
            let rest = digits(chars, 2, 8)?;
            u8::try_from(first.to_digit(8)? * 64 + rest).ok()?
        }
        _ => return None,
    };
    out.push(byte);
    Some(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count).try_fold(0_u32, |number, _| number.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}

fn push(out: &mut Vec<u8>, char: char) {
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_and_unquoting_are_inverse() {
        for (written, text) in [
            (r#""a\tb\"\\\x00""#, &b"a\tb\"\\\x00"[..]),
            (r#""\u200b\U000f0000""#, "\u{200b}\u{f0000}".as_bytes()),
            (r#""\xff é""#, b"\xff \xc3\xa9"),
        ] {
            assert_eq!(unquote(written).as_deref(), Some(text));
            assert_eq!(quoted(text), written);
        }
        assert_eq!(quoted_ascii("é".as_bytes()), r#""\u00e9""#);
        assert_eq!((quoted_char('\'', false), quoted_char('é', true)), (r"'\''".into(), r"'\u00e9'".into()));
        assert_eq!(unquote(r#""\101\x41\u0041""#).as_deref(), Some(&b"AAA"[..]));
        assert_eq!(unquote("`a\\n\r`").as_deref(), Some(&b"a\\n"[..]));
    }

    #[test]
    fn what_is_no_constant_is_none() {
        for written in ["", "\"", "\"a", r#""\q""#, r#""\x4""#, r#""\ud800""#, r#""\777""#, r#""\'""#] {
            assert_eq!(unquote(written), None, "{written}");
        }
    }
}
