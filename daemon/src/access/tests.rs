use jiff::{SignedDuration, Timestamp};

use super::identity::Identity;
use super::*;
use std::sync::Arc;

fn access(ways: Ways) -> Access {
    Access { owner: 1000, ..Access::new(ways) }
}

fn tcp(certificate: Option<Result<Certificate, CertificateError>>) -> Peer {
    Peer::Tcp { address: ([127, 0, 0, 1], 1).into(), certificate }
}

fn certificate(until: Timestamp) -> Result<Certificate, CertificateError> {
    Ok(Certificate { identity: Arc::new(Identity::new("jane", Vec::new())), until })
}

fn own_token() -> (Token, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let made = Token::read_or_create(&path).unwrap();
    (Token::read_or_create(&path).unwrap(), made.0)
}

#[tokio::test]
async fn a_socket_is_its_owners_roots_and_theirs_who_are_named() {
    let named = SocketUsers::new(vec!["1001=jane".parse().unwrap()]);
    let access = access(Ways { socket_users: named, ..Ways::default() });
    let admit = async |uid, credentials| access.admit(&Peer::Unix(uid), credentials).await;
    for uid in [1000, 0] {
        assert_eq!(admit(Some(uid), Credentials::None).await, Ok(Caller::Owner));
    }
    let jane = Caller::User(Arc::new(Identity::new("jane", Vec::new())));
    assert_eq!(admit(Some(1001), Credentials::None).await, Ok(jane));
    for uid in [Some(1002), None] {
        let denied = Denied::OtherUser { owner: 1000, caller: uid };
        assert_eq!(admit(uid, Credentials::Bearer("x")).await, Err(denied));
    }
}

#[tokio::test]
async fn a_token_is_looked_at_before_a_certificate() {
    let (token, text) = own_token();
    let access = access(Ways { token: Some(token), certificates: true, ..Ways::default() });
    let valid = || tcp(Some(certificate(Timestamp::MAX)));
    let admit = async |peer, credentials| access.admit(&peer, credentials).await;
    assert_eq!(admit(valid(), Credentials::Bearer(&text)).await, Ok(Caller::TokenHolder));
    assert_eq!(admit(valid(), Credentials::Bearer("wrong")).await, Err(Denied::UnknownToken));
    assert_eq!(admit(valid(), Credentials::Unusable).await, Err(Denied::Unusable));
    assert!(matches!(admit(valid(), Credentials::None).await, Ok(Caller::User(user)) if user.username == "jane"));
    assert!(matches!(admit(tcp(None), Credentials::None).await, Err(Denied::NoCredentials(_))));
}

#[tokio::test]
async fn a_certificate_counts_until_its_end_however_old_the_connection_is() {
    let access = access(Ways { certificates: true, ..Ways::default() });
    let over = access.clock.now() - SignedDuration::from_secs(1);
    for (certificate, denied) in [
        (certificate(over), Denied::ExpiredCertificate),
        (Err(CertificateError::Nameless), Denied::Certificate(CertificateError::Nameless)),
    ] {
        assert_eq!(access.admit(&tcp(Some(certificate)), Credentials::None).await, Err(denied));
    }
}

#[tokio::test]
async fn tokens_are_bounded_and_never_shown() {
    let (token, text) = own_token();
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert_eq!(format!("{:?}", Credentials::Bearer(&text)), "Bearer(…)");
    let access = access(Ways { token: Some(token), ..Ways::default() });
    let long = "x".repeat(LONGEST_TOKEN + 1);
    assert_eq!(access.admit(&tcp(None), Credentials::Bearer(&long)).await, Err(Denied::LongToken));
    let denied = access.admit(&tcp(None), Credentials::Bearer(&text[1..])).await.unwrap_err();
    assert!(!denied.why().contains(&text[1..]), "{denied:?}");
}

#[tokio::test]
async fn who_takes_no_tokens_knows_none() {
    let denied = access(Ways::default()).admit(&tcp(None), Credentials::Bearer("")).await;
    assert_eq!(denied, Err(Denied::UnknownToken));
}
