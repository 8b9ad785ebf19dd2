//! Where the daemon is, whom to trust there, and who asks.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use daymark::{Token, TokenError};

use crate::duration;

/// Where the daemon is, whom to trust there, and who asks: in the words of the command line, in variables of the
/// environment, and in a context. What is empty was not said.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Address of the daemon: https://HOST:PORT, unix:PATH, or HOST:PORT on this machine [env:
    /// DAYMARK_ADDRESS] [default: unix:$XDG_RUNTIME_DIR/daymark.sock, else
    /// unix:/tmp/daymark-$UID/daymark.sock]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Name of the cluster, as set by the daemon's --cluster [env: DAYMARK_CLUSTER] [default: the
    /// only one served]
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Namespace to use [env: DAYMARK_NAMESPACE] [default: that of the daemon's kubeconfig context]
    #[arg(short, long, global = true, help_heading = None::<&'static str>)]
    pub namespace: Option<String>,
    /// PEM file of the CA certificates to trust [env: DAYMARK_CA_FILE] [default: those that the
    /// system trusts]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Name that the daemon's certificate must be valid for [env: DAYMARK_SERVER_NAME] [default:
    /// the host of the address]
    #[arg(long, global = true, value_name = "NAME")]
    pub server_name: Option<String>,
    /// PEM file of the client certificate [env: DAYMARK_CLIENT_CERTIFICATE]
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file of the client certificate's private key, accessible to its owner only [env:
    /// DAYMARK_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// File that holds a bearer token [env: DAYMARK_TOKEN_FILE]
    ///
    /// The file must be accessible to its owner only, unless Kubernetes projected it into a pod.
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Environment variable that holds a bearer token, such as one of GitLab's id_tokens [env:
    /// DAYMARK_TOKEN holds a token itself]
    #[arg(long, global = true, value_name = "NAME")]
    pub token_env: Option<String>,
    /// Request an OIDC token for this audience from GitHub Actions [env:
    /// DAYMARK_GITHUB_OIDC_AUDIENCE]
    #[arg(long, alias = "github-oidc", global = true, value_name = "AUDIENCE")]
    pub github_oidc_audience: Option<String>,
    /// Allow plaintext connections to other machines; traffic, tokens included, can be read and
    /// altered in transit
    #[arg(long, global = true)]
    pub insecure_plaintext: bool,
    /// Time limit for connecting and for each single call; 0 for no limit [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration::parse)]
    pub request_timeout: Option<Duration>,
    /// The token of `DAYMARK_TOKEN`: no flag shows a secret to who lists processes.
    #[arg(skip)]
    pub token: Option<Token>,
}

impl Connection {
    /// What the variables of the environment say.
    ///
    /// # Errors
    /// If `DAYMARK_TOKEN` holds no token.
    pub fn from_env() -> Result<Self, TokenError> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let text = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let token = text("DAYMARK_TOKEN").filter(|token| !token.is_empty());
        let token = token.map(|_| Token::from_env("DAYMARK_TOKEN")).transpose()?;
        Ok(Self {
            address: text("DAYMARK_ADDRESS"),
            cluster: text("DAYMARK_CLUSTER"),
            namespace: text("DAYMARK_NAMESPACE"),
            ca_file: path("DAYMARK_CA_FILE"),
            server_name: text("DAYMARK_SERVER_NAME"),
            client_certificate: path("DAYMARK_CLIENT_CERTIFICATE"),
            client_key: path("DAYMARK_CLIENT_KEY"),
            token_file: path("DAYMARK_TOKEN_FILE"),
            token_env: None,
            github_oidc_audience: text("DAYMARK_GITHUB_OIDC_AUDIENCE"),
            insecure_plaintext: false,
            request_timeout: None,
            token,
        })
    }

    /// What this says, and what `lower` says of the rest. A certificate and its key are one thing, and so are
    /// the credentials, of whatever kind.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        let (upper, mut lower) = (self.without_empty(), lower.without_empty());
        if upper.client_certificate.is_some() || upper.client_key.is_some() {
            (lower.client_certificate, lower.client_key) = (None, None);
        }
        if !upper.credentials().is_empty() {
            lower = lower.without_credentials();
        }
        Self {
            address: upper.address.or(lower.address),
            cluster: upper.cluster.or(lower.cluster),
            namespace: upper.namespace.or(lower.namespace),
            ca_file: upper.ca_file.or(lower.ca_file),
            server_name: upper.server_name.or(lower.server_name),
            client_certificate: upper.client_certificate.or(lower.client_certificate),
            client_key: upper.client_key.or(lower.client_key),
            token_file: upper.token_file.or(lower.token_file),
            token_env: upper.token_env.or(lower.token_env),
            github_oidc_audience: upper.github_oidc_audience.or(lower.github_oidc_audience),
            insecure_plaintext: upper.insecure_plaintext || lower.insecure_plaintext,
            request_timeout: upper.request_timeout.or(lower.request_timeout),
            token: upper.token.or(lower.token),
        }
    }

    /// What it says, and of `context` what is about the same daemon: what proves this caller to one is not
    /// shown to another.
    #[must_use]
    pub fn over_context(self, context: Self) -> Self {
        let (upper, context) = (self.without_empty(), context.without_empty());
        let elsewhere = upper.address.is_some() && upper.address != context.address;
        let context = match elsewhere {
            true => Self { cluster: context.cluster, namespace: context.namespace, ..Self::default() },
            false => context,
        };
        upper.over(context)
    }

    /// The kinds of credentials that are given.
    pub fn credentials(&self) -> Vec<&'static str> {
        let given = [
            ("token-file", self.token_file.is_some()),
            ("token-env", self.token_env.is_some()),
            ("github-oidc-audience", self.github_oidc_audience.is_some()),
            ("DAYMARK_TOKEN", self.token.is_some()),
        ];
        given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }

    fn without_credentials(self) -> Self {
        Self { token_file: None, token_env: None, github_oidc_audience: None, token: None, ..self }
    }

    fn without_empty(self) -> Self {
        fn said<T: AsRef<OsStr>>(value: Option<T>) -> Option<T> {
            value.filter(|value| !value.as_ref().is_empty())
        }
        Self {
            address: said(self.address),
            cluster: said(self.cluster),
            namespace: said(self.namespace),
            ca_file: said(self.ca_file),
            server_name: said(self.server_name),
            client_certificate: said(self.client_certificate),
            client_key: said(self.client_key),
            token_file: said(self.token_file),
            token_env: said(self.token_env),
            github_oidc_audience: said(self.github_oidc_audience),
            insecure_plaintext: self.insecure_plaintext,
            request_timeout: self.request_timeout,
            token: self.token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    #[test]
    fn the_upper_goes_before_the_lower_and_what_is_empty_is_nothing() {
        let upper = Connection { address: text(""), namespace: text("upper"), ..Connection::default() };
        let lower = Connection { address: text("lower"), namespace: text("lower"), ..Connection::default() };
        let both = upper.over(lower);
        assert_eq!((both.address, both.namespace), (text("lower"), text("upper")));
    }

    #[test]
    fn what_belongs_together_is_of_one_layer() {
        let upper = Connection { client_key: Some("upper".into()), token_env: text("UPPER"), ..Connection::default() };
        let lower = Connection {
            client_certificate: Some("lower".into()),
            client_key: Some("lower".into()),
            token_file: Some("lower".into()),
            ..Connection::default()
        };
        let both = upper.over(lower);
        assert_eq!((both.client_certificate.is_none(), both.credentials()), (true, vec!["token-env"]));
    }

    #[test]
    fn a_contexts_credentials_are_for_its_own_daemon() {
        let context = || Connection {
            address: text("https://prod:1"),
            namespace: text("shop"),
            ca_file: Some("ca".into()),
            token_file: Some("token".into()),
            ..Connection::default()
        };
        for (address, kept) in [(None, true), (text(""), true), (text("https://prod:1"), true), (text("a:1"), false)] {
            let both = Connection { address, ..Connection::default() }.over_context(context());
            assert_eq!((both.ca_file.is_some(), both.token_file.is_some()), (kept, kept));
            assert_eq!(both.namespace, text("shop"));
        }
    }
}
