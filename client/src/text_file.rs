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
    String::from_utf8(to_the_end(reader, most)?).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

/// What a file holds, text or not.
///
/// # Errors
/// If it cannot be read, or has more than `most` bytes.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    File::open(path).and_then(|file| to_the_end(file, most))
}

fn to_the_end(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    reader.take(most + 1).read_to_end(&mut read)?;
    match u64::try_from(read.len()).is_ok_and(|length| length <= most) {
        true => Ok(read),
        false => Err(io::Error::other(format!("it is larger than {} MiB", most >> 20))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        assert!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string().contains("larger than 1 MiB"));
        assert!(bytes(Path::new("/dev/zero"), 1 << 20).is_err());
        assert_eq!(whole(&b"abc"[..], 3).unwrap(), "abc");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(whole(&b"a\xff"[..], 3).unwrap_err().to_string().contains("not UTF-8 text"));
    }
}
