//! Values as jq prints them.

use std::io::{self, Write};

use jaq_json::{Num, Val};

/// Writes a value over several lines, two blanks a level, and ends the last one.
///
/// # Errors
/// If it cannot be written.
pub fn write(out: &mut impl Write, value: &Val) -> io::Result<()> {
    nested(out, value, 0)?;
    out.write_all(b"\n")
}

fn nested(out: &mut impl Write, value: &Val, level: usize) -> io::Result<()> {
    match value {
        Val::Null => out.write_all(b"null"),
        Val::Bool(value) => write!(out, "{value}"),
        Val::Num(Num::Float(value)) => float(out, *value),
        Val::Num(number) => write!(out, "{number}"),
        Val::BStr(text) | Val::TStr(text) => string(out, text),
        Val::Arr(items) if items.is_empty() => out.write_all(b"[]"),
        Val::Arr(items) => {
            out.write_all(b"[")?;
            for (at, item) in items.iter().enumerate() {
                line(out, at, level + 1)?;
                nested(out, item, level + 1)?;
            }
            end(out, b"]", level)
        }
        Val::Obj(entries) if entries.is_empty() => out.write_all(b"{}"),
        Val::Obj(entries) => {
            out.write_all(b"{")?;
            for (at, (key, item)) in entries.iter().enumerate() {
                line(out, at, level + 1)?;
                nested(out, key, level + 1)?;
                out.write_all(b": ")?;
                nested(out, item, level + 1)?;
            }
            end(out, b"}", level)
        }
    }
}

/// Begins the line of an item.
fn line(out: &mut impl Write, at: usize, level: usize) -> io::Result<()> {
    out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
    indent(out, level)
}

fn end(out: &mut impl Write, bracket: &[u8], level: usize) -> io::Result<()> {
    out.write_all(b"\n")?;
    indent(out, level)?;
    out.write_all(bracket)
}

fn indent(out: &mut impl Write, level: usize) -> io::Result<()> {
    (0..level).try_for_each(|_| out.write_all(b"  "))
}

/// A computed number: jq has only such as JSON can hold, writes no fraction that is
/// zero, and an exponent from 17 digits on (its `jv_dtoa.c`).
fn float(out: &mut impl Write, value: f64) -> io::Result<()> {
    if value.is_nan() {
        return out.write_all(b"null");
    }
    let value = value.clamp(f64::MIN, f64::MAX);
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let digits = i32::try_from(mantissa.chars().filter(char::is_ascii_digit).count()).unwrap_or(i32::MAX);
    if power < -4 || power >= digits.saturating_add(15) {
        let sign = if power < 0 { '-' } else { '+' };
        return write!(out, "{mantissa}e{sign}{:02}", power.abs());
    }
    write!(out, "{value}")
}

/// Text in quotes, escaped as jq does. What is no UTF-8 becomes what stands for none.
fn string(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(|char: char| char < ' ' || matches!(char, '"' | '\\' | '\u{7f}')) {
            out.write_all(&rest.as_bytes()[..at])?;
            escape(out, rest.as_bytes()[at])?;
            rest = &rest[at + 1..];
        }
        out.write_all(rest.as_bytes())?;
        if !chunk.invalid().is_empty() {
            out.write_all("\u{fffd}".as_bytes())?;
        }
    }
    out.write_all(b"\"")
}

fn escape(out: &mut impl Write, byte: u8) -> io::Result<()> {
    match byte {
        b'"' => out.write_all(b"\\\""),
        b'\\' => out.write_all(b"\\\\"),
        b'\n' => out.write_all(b"\\n"),
        b'\r' => out.write_all(b"\\r"),
        b'\t' => out.write_all(b"\\t"),
        8 => out.write_all(b"\\b"),
        12 => out.write_all(b"\\f"),
        byte => write!(out, "\\u{byte:04x}"),
    }
}
