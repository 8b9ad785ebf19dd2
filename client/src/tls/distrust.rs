//! Why a handshake came to nothing.

use std::io;

use jiff::Timestamp;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError};

use super::TlsError;

/// Why the daemon's certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// No CA that is trusted has signed it.
    #[error("its certificate is not signed by a trusted CA")]
    UnknownIssuer,
    /// It is somebody else's.
    #[error("its certificate is for {presented}, not for {expected}")]
    WrongName {
        /// The name that it was to have.
        expected: String,
        /// The names that it has, with commas between them.
        presented: String,
    },
    /// It is too old.
    #[error("its certificate expired at {since}")]
    Expired {
        /// When.
        since: String,
    },
    /// It is too new, or this machine's clock is wrong.
    #[error("its certificate is not valid before {from}")]
    NotYetValid {
        /// From when on.
        from: String,
    },
    /// Something else.
    #[error("its certificate cannot be trusted: {problem}")]
    Other {
        /// What.
        problem: String,
    },
}

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error(transparent)]
    Unusable(#[from] TlsError),
    #[error(transparent)]
    Distrusted(Distrust),
    /// The other side does not admit this client.
    #[error("{0}")]
    Refused(String),
    #[error("the server does not speak TLS")]
    NoTls,
    #[error("the server does not speak HTTP/2")]
    NoHttp2,
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        if let Some(refusal) = refusal(&error) {
            return Self::Refused(refusal);
        }
        match tls_error(&error) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Distrusted(distrust(error)),
            Some(rustls::Error::InvalidMessage(_)) => Self::NoTls,
            Some(
                rustls::Error::NoApplicationProtocol
                | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
            ) => Self::NoHttp2,
            _ => Self::Io(error),
        }
    }
}

/// What a refusal of the client's certificate, or of a client without one, is called. It may
/// come when the handshake is over for the client.
pub(crate) fn refusal(error: &io::Error) -> Option<String> {
    use AlertDescription as Alert;
    let Some(rustls::Error::AlertReceived(alert)) = tls_error(error) else { return None };
    let refusal = match alert {
        Alert::CertificateRequired => "the daemon requires a client certificate".to_owned(),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => format!("the daemon rejected the client certificate ({alert:?})"),
        _ => return None,
    };
    Some(refusal)
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn distrust(error: &CertificateError) -> Distrust {
    match error {
        // Signed by one who has a trusted CA's name, and not its key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::UnknownIssuer,
        CertificateError::NotValidForNameContext { expected, presented } => Distrust::WrongName {
            expected: name(expected),
            presented: match presented.as_slice() {
                [] => "no name".to_owned(),
                names => names.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", "),
            },
        },
        CertificateError::ExpiredContext { not_after, .. } => Distrust::Expired { since: time(*not_after) },
        CertificateError::NotValidYetContext { not_before, .. } => Distrust::NotYetValid { from: time(*not_before) },
        error => Distrust::Other { problem: error.to_string() },
    }
}

fn name(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// `DnsName("a.example")`, as webpki writes it, without the kind.
fn plain(name: &str) -> &str {
    name.split_once("(\"").and_then(|(_, name)| name.strip_suffix("\")")).unwrap_or(name)
}

fn time(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
}
