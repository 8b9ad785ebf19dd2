//! Literals in quotation marks, with Go's escapes (k8s.io/client-go `UnquoteExtend`, Go's `strconv.UnquoteChar`).

use std::str::Chars;

/// What stands in the quotation marks `quote`, which are not part of `text`. `None` if an escape in it is none.
pub fn unquote(text: &str, quote: char) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            '\\' => escape(&mut rest, quote, &mut bytes)?,
            char if char == quote => return None,
            char => push(char, &mut bytes),
        }
    }
    Some(bytes)
}

fn push(char: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Reads what stands behind a backslash.
fn escape(rest: &mut Chars<'_>, quote: char, bytes: &mut Vec<u8>) -> Option<()> {
    let byte = match rest.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        // The other kind of quotation mark needs no backslash, and may have none.
        char if char == quote => u8::try_from(char).ok()?,
        'x' => u8::try_from(number(rest, 0, 2, 16)?).ok()?,
        char @ '0'..='7' => u8::try_from(number(rest, char.to_digit(8)?, 2, 8)?).ok()?,
        'u' => {
            push(char::from_u32(number(rest, 0, 4, 16)?)?, bytes);
            return Some(());
        }
        'U' => {
            push(char::from_u32(number(rest, 0, 8, 16)?)?, bytes);
            return Some(());
        }
        _ => return None,
    };
    bytes.push(byte);
    Some(())
}

/// A number of `digits` more digits behind `first`.
fn number(rest: &mut Chars<'_>, first: u32, digits: usize, radix: u32) -> Option<u32> {
    (0..digits).try_fold(first, |number, _| {
        let digit = rest.next()?.to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_gos() {
        for (text, bytes) in [
            (r"a\tb\\n", Some(b"a\tb\\n".as_slice())),
            (r#"\""#, Some(b"\"")),
            (r"\xff\377\u00e9\U0001f642", Some(b"\xff\xff\xc3\xa9\xf0\x9f\x99\x82")),
            (r"\a\b\f\r\v", Some(b"\x07\x08\x0c\r\x0b")),
            (r"\'", None),
            (r"\q", None),
            ("\\", None),
            (r"\x1", None),
            (r"\400", None),
            (r"\18", None),
            (r"\ud800", None),
            (r"\UFFFFFFFF", None),
            ("\"", None),
        ] {
            assert_eq!(unquote(text, '"').as_deref(), bytes, "{text}");
        }
    }
}
