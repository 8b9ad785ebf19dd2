//! Files of text that a person wrote, which have an end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file.
///
/// # Errors
/// If it cannot be read, has more than `most` bytes, or is no text.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    File::open(path).and_then(|file| whole(file, most))
}

/// The text that a reader has until its end.
///
/// # Errors
/// As for [`read`].
pub fn whole(reader: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    reader.take(most + 1).read_to_string(&mut text)?;
    match u64::try_from(text.len()).is_ok_and(|length| length <= most) {
        true => Ok(text),
        false => Err(io::Error::other(format!("it is larger than {} MiB", most >> 20))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        assert!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string().contains("larger than 1 MiB"));
        assert_eq!(whole(&b"abc"[..], 3).unwrap(), "abc");
    }
}
