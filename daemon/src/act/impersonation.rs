//! Headers that make a request somebody else's (Kubernetes, "User impersonation").

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::access::identity::Identity;

/// A user who cannot be named in headers.
#[derive(Debug, thiserror::Error)]
#[error("user {0:?} cannot be impersonated: its name, a group or what else is known of it holds a control character")]
pub struct Unnameable(String);

/// The headers by which the daemon makes a request as that user.
///
/// # Errors
/// If the user cannot be named in them.
pub fn headers(identity: &Identity) -> Result<HeaderMap, Unnameable> {
    let unnameable = || Unnameable(identity.username.clone());
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).map_err(|_| unnameable());
    let mut headers = HeaderMap::new();
    headers.insert("impersonate-user", value(&identity.username)?);
    if let Some(uid) = &identity.uid {
        headers.insert("impersonate-uid", value(uid)?);
    }
    // The API server adds the group of all who have proven who they are; to name it would take
    // a right of its own.
    for group in identity.groups.iter().filter(|group| *group != Identity::AUTHENTICATED) {
        headers.append("impersonate-group", value(group)?);
    }
    for (key, values) in &identity.extra {
        let name = format!("impersonate-extra-{}", escaped(key));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unnameable())?;
        for one in values {
            headers.append(name.clone(), value(one)?);
        }
    }
    Ok(headers)
}

/// A key as a part of a header's name (k8s.io/client-go `transport/round_trippers.go`,
/// `headerKeyEscape`): other bytes than those of tokens (RFC 9110) are percent-encoded, and so
/// is `%`.
fn escaped(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => name.push(char::from(byte)),
            b'!' | b'#' | b'$' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~' => {
                name.push(char::from(byte));
            }
            _ => name += &format!("%{byte:02X}"),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_told_with_all_that_is_known_of_it() {
        let mut jane = Identity::new("jane@example.com", vec!["dev".into(), "ops team".into()]);
        jane.uid = Some("u-1".into());
        jane.extra.insert("example.com/scopes".into(), vec!["a".into(), "b".into()]);
        let headers = headers(&jane).unwrap();
        let all = |name: &str| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("impersonate-user"), ["jane@example.com"]);
        assert_eq!(all("impersonate-uid"), ["u-1"]);
        assert_eq!(all("impersonate-group"), ["dev", "ops team"]);
        assert_eq!(all("impersonate-extra-example.com%2Fscopes"), ["a", "b"]);
    }

    #[test]
    fn nobody_adds_a_header_by_a_name() {
        for name in ["a\r\nimpersonate-group: system:masters", "a\0"] {
            assert!(headers(&Identity::new(name, Vec::new())).is_err(), "{name:?}");
            assert!(headers(&Identity::new("jane", vec![name.into()])).is_err(), "{name:?}");
        }
    }
}
