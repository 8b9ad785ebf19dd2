//! Who is at the other end.

use std::fmt::Write;

use rustls::ClientConnection;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::ServerName;

/// Who is at the other end of a connection by TLS: one who was found to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPeer {
    /// The protocol, such as `TLS 1.3`.
    pub version: String,
    /// The name that its certificate was checked for.
    pub server_name: String,
    /// The SHA-256 of its certificate, as pairs of hexadecimal digits with colons between them.
    pub fingerprint: String,
}

impl TlsPeer {
    pub(crate) fn of(session: &ClientConnection, name: &ServerName<'_>) -> Self {
        let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or_default();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        Self {
            version: version.replace("TLSv", "TLS ").replace('_', "."),
            server_name: name.to_str().into_owned(),
            fingerprint: certificate.map(|certificate| fingerprint(certificate)).unwrap_or_default(),
        }
    }
}

/// By the suite's own hash function: no other library is needed.
fn fingerprint(certificate: &[u8]) -> String {
    let Some(suite) = TLS13_AES_128_GCM_SHA256.tls13() else { return String::new() };
    let mut text = String::new();
    for byte in suite.common.hash_provider.hash(certificate).as_ref() {
        let colon = if text.is_empty() { "" } else { ":" };
        // Writing to a string does not fail.
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_a_sha_256() {
        // FIPS 180-2, appendix B.1.
        let expected = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
            B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        assert_eq!(fingerprint(b"abc"), expected);
    }
}
