//! Who is asking, and whether they may.

pub mod authorizer;
pub mod identity;
pub mod shares;
mod token;

pub use self::identity::Caller;
pub use self::token::{Token, TokenError, secret};

/// From where a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A unix socket's peer, if the system names its user.
    Unix(Option<u32>),
    /// A TCP connection.
    Tcp,
}

/// A request that is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The socket's peer is another user.
    #[error("this daemon's socket serves user {owner} only, and the caller is {}", .caller.map_or("unknown".into(), |uid| format!("user {uid}")))]
    OtherUser {
        /// The daemon's.
        owner: u32,
        /// The peer's.
        caller: Option<u32>,
    },
    /// There is no token.
    #[error("a TCP connection needs the daemon's token (authorization: Bearer TOKEN)")]
    NoToken,
    /// The token is not the daemon's.
    #[error("the token is not this daemon's")]
    WrongToken,
}

/// Who is let in.
#[derive(Debug)]
pub struct Access {
    owner: u32,
    token: Option<Token>,
}

impl Access {
    /// The daemon's own user by unix sockets, and by TCP whoever holds `token`.
    #[must_use]
    pub fn new(token: Option<Token>) -> Self {
        Self { owner: rustix::process::getuid().as_raw(), token }
    }

    /// Says who is asking.
    ///
    /// # Errors
    /// If nobody whom this daemon serves.
    pub fn admit(&self, peer: Peer, bearer: Option<&str>) -> Result<Caller, Denied> {
        match peer {
            // Root can read the daemon's memory anyway.
            Peer::Unix(Some(uid)) if uid == self.owner || uid == 0 => Ok(Caller::Owner),
            Peer::Unix(caller) => Err(Denied::OtherUser { owner: self.owner, caller }),
            Peer::Tcp => match (&self.token, bearer) {
                (Some(token), Some(bearer)) if token.is(bearer) => Ok(Caller::TokenHolder),
                (_, Some(_)) => Err(Denied::WrongToken),
                (_, None) => Err(Denied::NoToken),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_in_the_owner_and_the_token_holder_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = Token::read_or_create(&path).unwrap();
        let access = Access::new(Some(Token::read_or_create(&path).unwrap()));
        let me = access.owner;
        assert_eq!(access.admit(Peer::Unix(Some(me)), None), Ok(Caller::Owner));
        assert_eq!(access.admit(Peer::Unix(Some(0)), None), Ok(Caller::Owner));
        assert!(access.admit(Peer::Unix(Some(me + 1)), None).is_err());
        assert!(access.admit(Peer::Unix(None), Some(&made.0)).is_err());
        assert_eq!(access.admit(Peer::Tcp, Some(&made.0)), Ok(Caller::TokenHolder));
        assert_eq!(access.admit(Peer::Tcp, Some("x")), Err(Denied::WrongToken));
        assert_eq!(access.admit(Peer::Tcp, None), Err(Denied::NoToken));
        assert_eq!(Access::new(None).admit(Peer::Tcp, Some("")), Err(Denied::WrongToken));
        assert_eq!(format!("{made:?}"), "Token(…)");
    }
}
