//! `print`, `println` and `printf`, as Go's package `fmt` has them. Not here are
//! `%b` and `%x` of numbers with fractions, and `#` for them.

use super::format::Flags;
use super::value::{IntegerType, Value};

/// Go takes a larger width or precision as none.
const LARGEST: usize = 1_000_000;
const NIL: &[u8] = b"<nil>";

/// The values one after another, with blanks between those that are no texts.
pub fn print(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut is_first = true;
    let mut was_text = false;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_first && !is_text && !was_text {
            out.push(b' ');
        }
        Flags::default().argument(&mut out, value, 'v');
        (is_first, was_text) = (false, is_text);
    }
    out
}

/// The values in a line, with blanks between them.
pub fn println(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        Flags::default().argument(&mut out, value, 'v');
    }
    out.push(b'\n');
    out
}

/// The values as `format` says.
pub fn printf(format: &[u8], values: &[Value]) -> Vec<u8> {
    let mut printer = Printer { format, at: 0, values, value: 0, is_reordered: false, is_good: true, out: Vec::new() };
    while printer.at < format.len() {
        let rest = &format[printer.at..];
        let text = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        printer.out.extend_from_slice(&rest[..text]);
        printer.at += text;
        if printer.at < format.len() {
            printer.at += 1;
            printer.verb();
        }
    }
    printer.extra();
    printer.out
}

struct Printer<'a> {
    format: &'a [u8],
    at: usize,
    values: &'a [Value],
    /// The next value.
    value: usize,
    /// Whether the format names a value by its number.
    is_reordered: bool,
    /// Whether the number that is named is one of a value.
    is_good: bool,
    out: Vec<u8>,
}

impl Printer<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads what is behind a `%`, and prints it.
    fn verb(&mut self) {
        self.is_good = true;
        let mut flags = self.flags();
        let mut is_numbered = self.number_of_value();
        if self.take(b'*') {
            flags.width = self.width(&mut flags);
            is_numbered = false;
        } else {
            flags.width = self.digits();
            self.is_good &= !(is_numbered && flags.width.is_some());
        }
        if self.at + 1 < self.format.len() && self.take(b'.') {
            self.is_good &= !is_numbered;
            is_numbered = self.number_of_value();
            if self.take(b'*') {
                flags.precision = self.precision();
                is_numbered = false;
            } else {
                flags.precision = Some(self.digits().unwrap_or(0));
            }
        }
        if !is_numbered {
            self.number_of_value();
        }
        match self.character() {
            None => self.out.extend_from_slice(b"%!(NOVERB)"),
            Some('%') => self.out.push(b'%'),
            Some(verb) if !self.is_good => self.bad(verb, "BADINDEX"),
            Some(verb) => match self.values.get(self.value) {
                None => self.bad(verb, "MISSING"),
                Some(value) => {
                    if verb == 'v' {
                        (flags.source, flags.sharp, flags.plus) = (flags.sharp, false, false);
                    }
                    flags.argument(&mut self.out, value, verb);
                    self.value += 1;
                }
            },
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.peek() {
                Some(b'#') => flags.sharp = true,
                Some(b'0') => flags.zero = true,
                Some(b'+') => flags.plus = true,
                Some(b'-') => flags.minus = true,
                Some(b' ') => flags.space = true,
                _ => return flags,
            }
            self.at += 1;
        }
    }

    fn character(&mut self) -> Option<char> {
        let chunk = self.format[self.at..].utf8_chunks().next()?;
        let char = chunk.valid().chars().next();
        self.at += char.map_or(1, char::len_utf8);
        Some(char.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// A number. One that is too large ends the format.
    fn digits(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let larger = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
            if number.is_some_and(|number| number > LARGEST) {
                self.at = self.format.len();
                return None;
            }
            number = Some(larger);
            self.at += 1;
        }
        number
    }

    /// `[3]`: the number of the value that is meant.
    fn number_of_value(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.is_reordered = true;
        let start = self.at + 1;
        let Some(length) = self.format[start..].iter().position(|byte| *byte == b']') else {
            self.is_good = false;
            self.at = start;
            return false;
        };
        let number = str::from_utf8(&self.format[start..start + length]).ok();
        let number = number.and_then(|number| number.parse::<usize>().ok());
        self.at = start + length + 1;
        match number.and_then(|number| number.checked_sub(1)).filter(|number| *number < self.values.len()) {
            Some(number) => self.value = number,
            None => self.is_good = false,
        }
        number.is_some()
    }

    /// The width or precision that is among the values.
    fn number_among_values(&mut self) -> Option<i64> {
        let value = self.values.get(self.value)?;
        self.value += 1;
        let limit = i64::try_from(LARGEST).unwrap_or(i64::MAX);
        match value {
            Value::Integer(number, _) if (-limit..=limit).contains(number) => Some(*number),
            _ => None,
        }
    }

    fn width(&mut self, flags: &mut Flags) -> Option<usize> {
        let Some(number) = self.number_among_values() else {
            self.out.extend_from_slice(b"%!(BADWIDTH)");
            return None;
        };
        if number < 0 {
            (flags.minus, flags.zero) = (true, false);
        }
        usize::try_from(number.unsigned_abs()).ok()
    }

    fn precision(&mut self) -> Option<usize> {
        let precision = self.number_among_values().and_then(|number| usize::try_from(number).ok());
        if precision.is_none() {
            self.out.extend_from_slice(b"%!(BADPREC)");
        }
        precision
    }

    fn bad(&mut self, verb: char, why: &str) {
        self.out.extend_from_slice(format!("%!{verb}({why})").as_bytes());
    }

    /// The values that the format has no verb for.
    fn extra(&mut self) {
        let Some(extra @ [_, ..]) = self.values.get(self.value..).filter(|_| !self.is_reordered) else { return };
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (at, value) in extra.iter().enumerate() {
            if at > 0 {
                self.out.extend_from_slice(b", ");
            }
            Flags::default().typed(&mut self.out, value);
        }
        self.out.push(b')');
    }
}

impl Flags {
    /// A value as an argument of its own.
    fn argument(&self, out: &mut Vec<u8>, value: &Value, verb: char) {
        match value {
            Value::Missing | Value::Nil if matches!(verb, 'T' | 'v') => self.pad(out, NIL),
            _ if verb == 'T' => {
                self.text(out, value.type_name().as_bytes(), 's');
            }
            Value::Missing | Value::Nil => self.bad_verb(out, value, verb),
            _ => self.value(out, value, verb),
        }
    }

    /// A value, and all in it.
    fn value(&self, out: &mut Vec<u8>, value: &Value, verb: char) {
        let is_done = match value {
            Value::Missing | Value::Nil => {
                out.extend_from_slice(if self.source { b"interface {}(nil)" } else { NIL });
                true
            }
            Value::Bool(value) if matches!(verb, 't' | 'v') => {
                self.pad(out, if *value { b"true" } else { b"false" });
                true
            }
            Value::Bool(_) => false,
            Value::Integer(value, kind) => self.integer(out, *value, *kind == IntegerType::Byte, verb),
            Value::Float(value) => self.float(out, *value, verb),
            Value::Text(text) => self.text(out, text, verb),
            Value::List(list) => {
                self.list(out, list, verb);
                true
            }
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| (key.as_bytes(), value));
                self.map(out, entries, verb);
                true
            }
        };
        if !is_done {
            self.bad_verb(out, value, verb);
        }
    }

    fn list(&self, out: &mut Vec<u8>, list: &[Value], verb: char) {
        out.extend_from_slice(if self.source { b"[]interface {}{" } else { b"[" });
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(if self.source { b", " } else { b" " });
            }
            self.value(out, value, verb);
        }
        out.push(if self.source { b'}' } else { b']' });
    }

    fn map<'v>(&self, out: &mut Vec<u8>, entries: impl Iterator<Item = (&'v [u8], &'v Value)>, verb: char) {
        out.extend_from_slice(if self.source { b"map[string]interface {}{" } else { b"map[" });
        for (at, (key, value)) in entries.enumerate() {
            if at > 0 {
                out.extend_from_slice(if self.source { b", " } else { b" " });
            }
            if !self.text(out, key, verb) {
                self.bad_verb(out, &Value::text(key), verb);
            }
            out.push(b':');
            self.value(out, value, verb);
        }
        out.push(if self.source { b'}' } else { b']' });
    }

    /// What stands where a verb is none for a value.
    fn bad_verb(&self, out: &mut Vec<u8>, value: &Value, verb: char) {
        out.extend_from_slice(format!("%!{verb}(").as_bytes());
        self.typed(out, value);
        out.push(b')');
    }

    fn typed(&self, out: &mut Vec<u8>, value: &Value) {
        if value.is_nil() {
            return out.extend_from_slice(NIL);
        }
        out.extend_from_slice(value.type_name().as_bytes());
        out.push(b'=');
        self.argument(out, value, 'v');
    }
}
