//! Who is asking, and whether they may.

mod answers;
pub mod authorizer;
pub mod certificate;
pub mod identity;
pub mod oidc;
pub mod own_rights;
mod rate;
pub mod reviewing;
mod right;
pub mod shares;
pub mod socket_users;
mod token;
pub mod token_review;
pub mod trust;
pub mod turns;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use self::certificate::{Certificate, CertificateError};
pub use self::identity::Caller;
use self::oidc::Issuers;
use self::own_rights::Need;
use self::socket_users::SocketUsers;
pub use self::token::{Token, TokenError, secret};
use self::token_review::TokenReviews;
use crate::clock::Clock;

/// The longest bearer token, in bytes.
pub const LONGEST_TOKEN: usize = 16 << 10;

/// From where a request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A unix socket's peer, if the system names its user.
    Unix(Option<u32>),
    /// A TCP connection.
    Tcp {
        /// The other end.
        address: SocketAddr,
        /// The certificate that the other end has proven to be its own, if it has sent one.
        certificate: Option<Result<Certificate, CertificateError>>,
    },
}

/// What tells hosts apart: one has a whole network of 64 bits to itself (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(Some(uid)) => write!(f, "user {uid} of this machine"),
            Self::Unix(None) => f.write_str("an unknown user of this machine"),
            Self::Tcp { address, .. } => address.fmt(f),
        }
    }
}

/// What a request says of who makes it.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A bearer token (RFC 6750).
    Bearer(&'a str),
    /// Something that is no one bearer token.
    Unusable,
}

/// A request that is not let in. What it says never tells of a wrong token more than its honest
/// owner needs, and never the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The socket's peer is another user.
    #[error("this daemon's socket does not serve {}: it is user {owner}'s", .caller.map_or("unknown users".into(), |uid| format!("user {uid}")))]
    OtherUser {
        /// The daemon's.
        owner: u32,
        /// The peer's.
        caller: Option<u32>,
    },
    /// There are no credentials.
    #[error("there are no credentials: a TCP connection needs {0}")]
    NoCredentials(&'static str),
    /// The `authorization` is not one bearer token.
    #[error("the authorization is not one `Bearer TOKEN`")]
    Unusable,
    /// The token is too long for one.
    #[error("the token is longer than {LONGEST_TOKEN} bytes")]
    LongToken,
    /// Nobody whom the daemon asks knows the token.
    #[error("the token is unknown to this daemon")]
    UnknownToken,
    /// The token's issuer is none of the daemon's.
    #[error("the token's issuer is unknown to this daemon")]
    UnknownIssuer,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not begun.
    #[error("the token is not valid yet")]
    NotYet,
    /// The token is not to be trusted, or makes no user; why is for the daemon's log.
    #[error("the token is not valid for this daemon")]
    BadToken(String),
    /// The client's certificate names nobody.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate's time is over, and was not when the connection was made.
    #[error("the client certificate has expired")]
    ExpiredCertificate,
    /// The token's issuer cannot be asked for its keys.
    #[error("the issuer {issuer} cannot be asked for its keys")]
    IssuerUnreachable {
        /// Which.
        issuer: String,
        /// Why, for the daemon's log.
        problem: String,
    },
    /// The API server does not say whose the token is; why is for the daemon's log.
    #[error("the cluster cannot be asked to review the token")]
    ClusterUnreachable(String),
    /// Too many tokens are being asked about.
    #[error("too many tokens are being verified: try again later")]
    Busy,
}

impl Denied {
    fn bad(why: impl Into<String>) -> Self {
        Self::BadToken(why.into())
    }

    /// Why, for those who run the daemon.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::BadToken(why) | Self::ClusterUnreachable(why) | Self::IssuerUnreachable { problem: why, .. } => {
                format!("{self}: {why}")
            }
            _ => self.to_string(),
        }
    }
}

/// Who is let in.
#[derive(Debug)]
pub struct Access {
    owner: u32,
    clock: Clock,
    ways: Ways,
}

/// Whom a daemon takes for whom, besides its own user on a unix socket.
#[derive(Debug, Default)]
pub struct Ways {
    /// Other users of the machine.
    pub socket_users: SocketUsers,
    /// The daemon's own token.
    pub token: Option<Token>,
    /// Tokens of OpenID Connect issuers.
    pub issuers: Option<Issuers>,
    /// Tokens that the cluster knows.
    pub reviews: Option<TokenReviews>,
    /// Whether client certificates are asked for.
    pub certificates: bool,
}

impl Access {
    /// Lets in the daemon's own user, and whoever comes by one of these ways.
    #[must_use]
    pub fn new(ways: Ways) -> Self {
        Self { owner: rustix::process::getuid().as_raw(), clock: Clock::System, ways }
    }

    /// What the daemon needs rights for, to serve those whom it lets in.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let Ways { socket_users, issuers, reviews, certificates, .. } = &self.ways;
        let tokens = reviews.is_some();
        Need::all(tokens || *certificates || issuers.is_some() || !socket_users.is_empty(), tokens)
    }

    /// Says who is asking. A bearer token is looked at before a certificate, and one that is wrong
    /// is not made good by it.
    ///
    /// # Errors
    /// If nobody whom this daemon serves, or if that cannot be found out.
    pub async fn admit(&self, peer: &Peer, credentials: Credentials<'_>) -> Result<Caller, Denied> {
        match (peer, credentials) {
            (Peer::Unix(uid), _) => self.of_socket(*uid),
            (Peer::Tcp { address, .. }, Credentials::Bearer(token)) => self.of_token(token, address.ip()).await,
            (_, Credentials::Unusable) => Err(Denied::Unusable),
            (Peer::Tcp { certificate: Some(certificate), .. }, Credentials::None) => {
                let Certificate { identity, until } = certificate.clone()?;
                // It was checked when the connection was made, which may be long ago.
                if until < self.clock.now() { Err(Denied::ExpiredCertificate) } else { Ok(Caller::User(identity)) }
            }
            (Peer::Tcp { .. }, Credentials::None) => Err(Denied::NoCredentials(self.wanted())),
        }
    }

    /// Whether the peer acts as the daemon does, whatever it sends.
    #[must_use]
    pub fn is_owner(&self, uid: Option<u32>) -> bool {
        // Root can read the daemon's memory anyway.
        uid.is_some_and(|uid| uid == self.owner || uid == 0)
    }

    /// Keeps what is known of issuers fresh, for ever.
    pub async fn keep(&self) {
        match &self.ways.issuers {
            Some(issuers) => issuers.keep().await,
            None => std::future::pending().await,
        }
    }

    fn of_socket(&self, uid: Option<u32>) -> Result<Caller, Denied> {
        if self.is_owner(uid) {
            return Ok(Caller::Owner);
        }
        let identity = uid.and_then(|uid| self.ways.socket_users.identity(uid));
        identity.cloned().map(Caller::User).ok_or(Denied::OtherUser { owner: self.owner, caller: uid })
    }

    async fn of_token(&self, token: &str, from: IpAddr) -> Result<Caller, Denied> {
        if token.len() > LONGEST_TOKEN {
            return Err(Denied::LongToken);
        }
        if let Some(issuers) = &self.ways.issuers
            && let Some(identified) = issuers.identify(token, self.clock.now()).await
        {
            return identified.map(Caller::User);
        }
        if self.ways.token.as_ref().is_some_and(|own| own.is(token)) {
            return Ok(Caller::TokenHolder);
        }
        match &self.ways.reviews {
            Some(reviews) => reviews.identify(token, network(from)).await.map(Caller::User),
            None if self.ways.issuers.is_some() && oidc::names_an_issuer(token) => Err(Denied::UnknownIssuer),
            None => Err(Denied::UnknownToken),
        }
    }

    /// What a TCP connection is to send.
    fn wanted(&self) -> &'static str {
        let Ways { token, issuers, reviews, certificates, .. } = &self.ways;
        match (token.is_some() || issuers.is_some() || reviews.is_some(), certificates) {
            (true, false) => "a token (authorization: Bearer TOKEN)",
            (false, true) => "a client certificate",
            (_, _) => "a token (authorization: Bearer TOKEN) or a client certificate",
        }
    }
}

/// Of a token that is not shown.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Unusable => "Unusable",
        })
    }
}

#[cfg(test)]
mod tests;
