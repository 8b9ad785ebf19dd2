//! Who a client certificate is of, as Kubernetes reads it.

use std::sync::Arc;

use jiff::Timestamp;
use x509_cert::Certificate as X509;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::name::Name;

use super::identity::Identity;

/// `id-at-commonName` and `id-at-organizationName` (RFC 5280, appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// A client's certificate that one of the daemon's authorities has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names.
    pub identity: Arc<Identity>,
    /// Until when it counts: a connection may last longer.
    pub until: Timestamp,
}

/// A certificate that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read.
    #[error("the client certificate cannot be read")]
    Malformed,
    /// Its subject has no common name.
    #[error("the client certificate names no user: its subject has no common name (CN)")]
    Nameless,
}

impl Certificate {
    /// Reads a certificate whose signature and times were verified: the user is the subject's
    /// common name, its groups are the organizations (k8s.io/apiserver
    /// `pkg/authentication/request/x509`, `CommonNameUserConversion`). Groups that begin with
    /// `system:` are as the authority says, as there.
    ///
    /// # Errors
    /// If it names nobody.
    pub fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = X509::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let certificate = certificate.tbs_certificate();
        let (name, groups) = subject(certificate.subject()).ok_or(CertificateError::Malformed)?;
        if name.is_empty() {
            return Err(CertificateError::Nameless);
        }
        let until = certificate.validity().not_after.to_unix_duration().as_secs();
        // Those that say they never end say so with the last second of 9999.
        let until = i64::try_from(until).ok().and_then(|second| Timestamp::from_second(second).ok());
        Ok(Self { identity: Arc::new(Identity::new(name, groups)), until: until.unwrap_or(Timestamp::MAX) })
    }
}

/// The common name and the organizations of a subject; `None` if they cannot be read.
pub(crate) fn subject(subject: &Name) -> Option<(String, Vec<String>)> {
    let (mut name, mut groups) = (String::new(), Vec::new());
    for attribute in subject.iter() {
        let text = || attribute.value.decode_as::<DirectoryString>().map(String::from).ok();
        match attribute.oid {
            // Of several the last counts, as in Go's `pkix.Name`.
            COMMON_NAME => name = text()?,
            ORGANIZATION => groups.push(text()?),
            _ => {}
        }
    }
    Some((name, groups))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_is_the_user_and_organizations_are_groups() {
        let read = Certificate::read(&certificate(&[(DnType::CommonName, "jäne"), (DnType::OrganizationName, "ops")]));
        let read = read.unwrap();
        assert_eq!(
            (&*read.identity.username, &*read.identity.groups),
            ("jäne", &["ops", "system:authenticated"].map(String::from)[..])
        );
        assert_eq!(read.until.to_string(), "2030-01-02T00:00:00Z");
    }

    #[test]
    fn a_certificate_without_a_name_is_nobodys() {
        for names in [&[][..], &[(DnType::OrganizationName, "ops")], &[(DnType::CommonName, "")]] {
            assert_eq!(Certificate::read(&certificate(names)), Err(CertificateError::Nameless));
        }
        assert_eq!(Certificate::read(b"0"), Err(CertificateError::Malformed));
    }
}
