//! Who the users of this machine are, where a unix socket is open to others than its owner.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use super::identity::Identity;

/// A user of this machine, and who that is to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketUser {
    /// The user's number.
    pub uid: u32,
    /// Who that is.
    pub identity: Arc<Identity>,
}

/// What is wrong with a `UID=USERNAME[:GROUP,GROUP]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketUserError {
    /// It has another form.
    #[error("not of the form UID=USERNAME[:GROUP,GROUP]")]
    Malformed,
    /// Root acts as the daemon does, whatever is said of it.
    #[error("user 0 acts as the daemon does and cannot be another")]
    Root,
    /// It would be cut at the first colon.
    #[error("a username that begins with system: cannot be given to a user of this machine")]
    System,
}

impl FromStr for SocketUser {
    type Err = SocketUserError;

    fn from_str(text: &str) -> Result<Self, SocketUserError> {
        let (uid, who) = text.split_once('=').ok_or(SocketUserError::Malformed)?;
        let uid = uid.parse().map_err(|_| SocketUserError::Malformed)?;
        // Groups may have colons in them.
        let (name, groups) = who.split_once(':').unwrap_or((who, ""));
        match (uid, name) {
            (0, _) => return Err(SocketUserError::Root),
            (_, "") => return Err(SocketUserError::Malformed),
            (_, "system") => return Err(SocketUserError::System),
            _ => {}
        }
        let groups = groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect();
        Ok(Self { uid, identity: Arc::new(Identity::new(name, groups)) })
    }
}

/// The users of this machine that a socket serves besides its owner.
#[derive(Clone, Debug, Default)]
pub struct SocketUsers(BTreeMap<u32, Arc<Identity>>);

impl SocketUsers {
    /// Those; of several for one number the last counts.
    #[must_use]
    pub fn new(users: Vec<SocketUser>) -> Self {
        Self(users.into_iter().map(|user| (user.uid, user.identity)).collect())
    }

    /// Whether a socket is its owner's alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who the user of that number is.
    #[must_use]
    pub fn identity(&self, uid: u32) -> Option<&Arc<Identity>> {
        self.0.get(&uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(u32, String, Vec<String>), SocketUserError> {
        let user = text.parse::<SocketUser>()?;
        Ok((user.uid, user.identity.username.clone(), user.identity.groups.clone()))
    }

    #[test]
    fn a_user_has_a_name_and_groups() {
        let groups = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>();
        assert_eq!(parse("1000=jane"), Ok((1000, "jane".into(), groups(&["system:authenticated"]))));
        let with_groups = groups(&["dev", "oidc:ops", "system:authenticated"]);
        assert_eq!(parse("1000=jane:dev,oidc:ops"), Ok((1000, "jane".into(), with_groups)));
    }

    #[test]
    fn what_is_no_user_is_refused() {
        for text in ["", "jane", "x=jane", "-1=jane", "1000=", "1000=:dev", "4294967296=jane"] {
            assert_eq!(parse(text), Err(SocketUserError::Malformed), "{text}");
        }
        assert_eq!(parse("0=jane"), Err(SocketUserError::Root));
        assert_eq!(parse("1=system:serviceaccount:ci:deployer"), Err(SocketUserError::System));
    }
}
