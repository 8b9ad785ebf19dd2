//! Go's escaping of text for HTML, JavaScript and URLs (packages `text/template`
//! and `net/url`).

use super::quote::is_printable;

/// For HTML.
pub fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    out
}

/// For a string of JavaScript.
pub fn js(text: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for char in String::from_utf8_lossy(text).chars() {
        match char {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(char);
            }
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(char))),
            char if char < ' ' || !(char.is_ascii() || is_printable(char)) => {
                out.push_str(&format!("\\u{:04X}", u32::from(char)));
            }
            char => out.push(char),
        }
    }
    out.into_bytes()
}

/// For a value in a URL's query.
pub fn url_query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}
