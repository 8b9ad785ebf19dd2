//! Who makes a request.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Who makes a request. Every handler is given one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Whoever runs the daemon, by the socket: acts as the daemon does.
    Owner,
    /// Whoever holds the daemon's token: acts as the daemon does.
    TokenHolder,
    /// A user of the cluster: may do what the cluster's own authorizer lets it.
    User(Arc<Identity>),
}

/// A user as Kubernetes knows it (`authentication.k8s.io/v1`, `UserInfo`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its name, such as `jane` or `system:serviceaccount:ci:deployer`.
    pub username: String,
    /// Its UID, if whoever vouches for it gives one.
    pub uid: Option<String>,
    /// Its groups, `system:authenticated` among them; sorted, each once.
    pub groups: Vec<String>,
    /// What the cluster's authorizer may want to know besides.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// The group of everybody who has proven who they are (k8s.io/apiserver
    /// `pkg/authentication/user`, `AllAuthenticated`).
    pub const AUTHENTICATED: &str = "system:authenticated";

    /// A user of that name and those groups, as one who has proven it.
    #[must_use]
    pub fn new(username: impl Into<String>, mut groups: Vec<String>) -> Self {
        groups.push(Self::AUTHENTICATED.to_owned());
        groups.sort_unstable();
        groups.dedup();
        Self { username: username.into(), groups, ..Self::default() }
    }
}

/// A user, by name and UID: groups, and what else a token says of its holder, may be another in each of a
/// user's tokens, and nobody has more of the daemon for having many.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its UID, if whoever vouches for it gives one.
    pub uid: Option<String>,
}

impl From<&Identity> for User {
    fn from(identity: &Identity) -> Self {
        Self { name: identity.username.clone(), uid: identity.uid.clone() }
    }
}

impl Caller {
    /// Which user it is; none, if it acts as the daemon does.
    #[must_use]
    pub fn user(&self) -> Option<User> {
        match self {
            Self::User(identity) => Some(User::from(&**identity)),
            Self::Owner | Self::TokenHolder => None,
        }
    }

    /// Whether what `other` has opened is this caller's, too: its own, or anything for who
    /// acts as the daemon does. Groups may have changed meanwhile.
    #[must_use]
    pub fn owns_what_is_of(&self, other: &Self) -> bool {
        self.user().is_none_or(|user| other.user() == Some(user))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("the daemon's owner"),
            Self::TokenHolder => f.write_str("the holder of the daemon's token"),
            Self::User(identity) => write!(f, "user {:?}", identity.username),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_proven_who_they_are_is_in_the_group_of_all_such() {
        let groups = vec!["ops".to_owned(), "dev".to_owned(), "ops".to_owned()];
        assert_eq!(Identity::new("jane", groups).groups, ["dev", "ops", Identity::AUTHENTICATED]);
    }

    #[test]
    fn a_user_is_the_same_by_name_and_uid_whatever_else_a_token_says() {
        let user = |uid: &str, groups: &[&str], token: &str| {
            let extra = [("authentication.kubernetes.io/credential-id".to_owned(), vec![token.to_owned()])].into();
            let groups = groups.iter().map(ToString::to_string).collect();
            Caller::User(Arc::new(Identity { uid: Some(uid.into()), extra, ..Identity::new("jane", groups) }))
        };
        let jane = user("1", &["dev"], "JTI=1");
        assert!(jane.owns_what_is_of(&user("1", &["ops"], "JTI=2")));
        assert_eq!(jane.user(), user("1", &["ops"], "JTI=2").user());
        assert!(!jane.owns_what_is_of(&user("2", &["dev"], "JTI=1")), "she was deleted, and there is another");
        for owner in [Caller::Owner, Caller::TokenHolder] {
            assert!(owner.owns_what_is_of(&jane) && owner.owns_what_is_of(&Caller::Owner));
            assert!(!jane.owns_what_is_of(&owner));
        }
    }
}
