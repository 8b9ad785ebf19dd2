//! How the daemon is reached, and whom it lets in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::access::socket_users::{SocketUser, SocketUsers};
use crate::access::token_review::Kept;
use crate::rpc::crowd::Limits;
use crate::rpc::listener::Address;
use crate::rpc::tls::TlsFiles;

/// Flags of how the daemon is reached, and whom it lets in.
#[derive(Debug, Args)]
pub struct ServingArgs {
    /// PEM file of the TLS certificate for TCP, followed by any intermediates; reloaded on change
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,

    /// PEM file of the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,

    /// PEM file of the CAs of client certificates: the common name is the user, organizations are
    /// groups
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    client_ca_file: Option<PathBuf>,

    /// Refuse TLS connections without a client certificate
    #[arg(long, requires = "client_ca_file")]
    require_client_certificate: bool,

    /// Serve TCP without TLS at any address; traffic, tokens included, can be read in transit
    #[arg(long, conflicts_with = "tls_cert_file")]
    insecure_plaintext: bool,

    /// Serve another user of this machine on unix sockets, as the given user of the cluster;
    /// repeatable
    #[arg(long, value_name = "UID=USERNAME[:GROUP,GROUP]")]
    socket_user: Vec<SocketUser>,

    /// Accept bearer tokens that the cluster knows, such as those of ServiceAccounts
    ///
    /// The daemon needs the right to create tokenreviews.authentication.k8s.io.
    #[arg(long, conflicts_with = "replay")]
    token_review: bool,

    /// Audience of such tokens; repeatable [default: daymark]
    #[arg(long, value_name = "AUDIENCE", requires = "token_review")]
    audience: Vec<String>,

    /// Accept tokens of the OpenID Connect issuers in this file, an AuthenticationConfiguration as
    /// for kube-apiserver
    #[arg(long, value_name = "FILE")]
    authentication_config: Option<PathBuf>,

    /// Maximum number of concurrent connections; further ones are closed at once
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().connections, value_parser = super::some)]
    max_connections: usize,

    /// Maximum number of concurrent connections per address, or per other user of this machine
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().of_one, value_parser = super::some)]
    max_connections_per_peer: usize,

    /// Serve metrics for Prometheus, and health, over HTTP at this address: /metrics, /healthz and
    /// /readyz
    ///
    /// Whoever reaches it can read them, without credentials or TLS. A host name must stand for a
    /// loopback address; any other address must be given in digits, such as 0.0.0.0:9464.
    #[arg(long, value_name = "HOST:PORT", value_parser = metrics_address)]
    metrics_listen: Option<SocketAddr>,
}

/// How the daemon is reached, and whom it lets in, besides its own user and its own token.
#[derive(Debug, Default)]
pub struct Serving {
    /// TCP has TLS, with these.
    pub tls: Option<TlsFiles>,
    /// TCP may do without TLS, wherever it is.
    pub insecure_plaintext: bool,
    /// Whom unix sockets serve.
    pub socket_users: SocketUsers,
    /// Audiences of the tokens that the cluster is asked about; none, if it is not.
    pub review_audiences: Vec<String>,
    /// For how long the cluster's answers about them count.
    pub reviews_kept: Kept,
    /// The file that names issuers.
    pub authentication_config: Option<PathBuf>,
    /// How many may be connected.
    pub limits: Limits,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
}

/// Addresses and ways in that do not go together.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// TCP is open to whoever can reach it, and nobody would be let in.
    #[error(
        "listening on {0} needs --token-file, or one of --client-ca-file, --token-review and --authentication-config: otherwise nobody could authenticate, and every user of this machine can connect to it"
    )]
    Nobody(Address),
    /// What is sent would be open to everybody on the way.
    #[error(
        "{0} is not a loopback address: it needs --tls-cert-file and --tls-private-key-file, or --insecure-plaintext to accept that traffic, tokens included, can be read in transit"
    )]
    Plaintext(Address),
}

impl From<ServingArgs> for Serving {
    fn from(args: ServingArgs) -> Self {
        let tls = args.tls_cert_file.zip(args.tls_private_key_file).map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            client_ca: args.client_ca_file,
            require_client_certificate: args.require_client_certificate,
        });
        let review_audiences = match (args.token_review, args.audience) {
            (false, _) => Vec::new(),
            (true, audiences) if audiences.is_empty() => vec!["daymark".to_owned()],
            (true, audiences) => audiences,
        };
        let (connections, of_one) = (args.max_connections, args.max_connections_per_peer);
        Self {
            tls,
            insecure_plaintext: args.insecure_plaintext,
            socket_users: SocketUsers::new(args.socket_user),
            review_audiences,
            reviews_kept: Kept::default(),
            authentication_config: args.authentication_config,
            limits: Limits { connections, of_one, ..Limits::default() },
            metrics: args.metrics_listen,
        }
    }
}

impl Serving {
    /// Checks that these addresses can be served like that.
    ///
    /// # Errors
    /// If one of them would be open to be read by others, or serve nobody.
    pub fn check(&self, listen: &[Address], token_file: Option<&Path>) -> Result<(), ServingError> {
        let Self { tls, insecure_plaintext, review_audiences, authentication_config, .. } = self;
        let certificates = tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let somebody = certificates || token_file.is_some() || authentication_config.is_some();
        let somebody = somebody || !review_audiences.is_empty();
        let hidden = tls.is_some() || *insecure_plaintext;
        for address in listen {
            match address {
                Address::Tcp(tcp) if !hidden && !tcp.ip().is_loopback() => {
                    return Err(ServingError::Plaintext(address.clone()));
                }
                Address::Tcp(_) if !somebody => return Err(ServingError::Nobody(address.clone())),
                _ => {}
            }
        }
        Ok(())
    }
}

/// An address that others may reach is taken in digits only: whoever writes those knows it, and what a
/// name stands for may change.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    match text.parse::<Address>() {
        Ok(Address::Tcp(address)) if address.ip().is_loopback() => Ok(address),
        Ok(Address::Tcp(address)) => {
            Err(format!("it stands for {address}, which is not a loopback address: give that address if it is meant"))
        }
        Ok(Address::Unix(_)) | Err(_) => Err("not HOST:PORT".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Args;

    fn refused(args: &str) -> Option<String> {
        let args = Args::try_parse_from(["daymarkd"].into_iter().chain(args.split_whitespace()));
        let config = args.map_err(|e| e.to_string()).and_then(|args| args.into_config().map_err(|e| e.to_string()));
        config.err()
    }

    #[test]
    fn tcp_is_plaintext_on_loopback_only_unless_told_so() {
        let tls = "--tls-cert-file c --tls-private-key-file k";
        for (args, says) in [
            ("--listen 0.0.0.0:1 --token-file t".to_owned(), "0.0.0.0:1 is not a loopback address"),
            ("--listen 127.0.0.1:1".to_owned(), "needs --token-file"),
            (format!("--listen 0.0.0.0:1 {tls}"), "needs --token-file"),
            (format!("--insecure-plaintext {tls}"), "cannot be used with"),
            ("--tls-cert-file c".to_owned(), "--tls-private-key-file"),
            ("--tls-private-key-file k".to_owned(), "--tls-cert-file"),
            ("--client-ca-file a".to_owned(), "--tls-cert-file"),
            (format!("{tls} --require-client-certificate"), "--client-ca-file"),
            ("--audience a".to_owned(), "--token-review"),
            ("--token-review --replay r".to_owned(), "cannot be used with"),
            ("--socket-user jane".to_owned(), "UID=USERNAME"),
        ] {
            let refused = refused(&args).unwrap_or_else(|| panic!("{args} is taken"));
            assert!(refused.contains(says), "{args}: {refused}");
        }
        for args in [
            format!("--listen 0.0.0.0:1 --token-file t {tls}"),
            format!("--listen 0.0.0.0:1 --client-ca-file a {tls}"),
            "--listen 0.0.0.0:1 --token-file t --insecure-plaintext".to_owned(),
            "--listen 127.0.0.1:1 --token-review".to_owned(),
            "--listen [::1]:1 --authentication-config f".to_owned(),
            "--socket-user 1000=jane:dev".to_owned(),
        ] {
            assert_eq!(refused(&args), None, "{args}");
        }
    }

    #[test]
    fn metrics_are_open_to_others_only_at_an_address_in_digits() {
        let loopback = super::metrics_address("localhost:9464").unwrap();
        assert!(loopback.ip().is_loopback() && loopback.port() == 9464);
        for digits in ["127.0.0.1:0", "0.0.0.0:9464", "[::]:9464"] {
            assert_eq!(super::metrics_address(digits).unwrap().to_string(), digits);
        }
        for malformed in ["9464", ":9464", "unix:/run/m.sock", "0.0.0.0"] {
            assert_eq!(super::metrics_address(malformed), Err("not HOST:PORT".to_owned()), "{malformed}");
        }
    }
}
