//! How the daemon is reached, and whom it lets in: put together, and kept fresh.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::metrics::Measured;
use super::{AppError, Ended};
use crate::access::oidc::Issuers;
use crate::access::token_review::TokenReviews;
use crate::access::{Access, Token, Ways};
use crate::args::serving::Serving;
use crate::rpc::listener::{Address, Listener, Openness};
use crate::rpc::tls::Tls;
use crate::rpc::{Door, Rpc};
use crate::source::Source;

/// What the configuration says of it, as far as files do.
pub(super) struct Entrance {
    serving: Serving,
    token: Option<Token>,
    issuers: Option<Issuers>,
    tls: Option<Arc<Tls>>,
}

/// What requests come through.
pub(super) struct Open {
    pub(super) access: Arc<Access>,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) door: Door,
}

/// What is read again and again for as long as the daemon serves.
pub(super) struct Kept {
    pub(super) access: Arc<Access>,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Entrance {
    /// Reads the files that it names.
    pub(super) async fn read(mut serving: Serving, token_file: Option<&Path>) -> Result<Self, AppError> {
        let token = token_file.map(Token::read_or_create).transpose()?;
        let tls = match serving.tls.take() {
            Some(files) => Some(Arc::new(Tls::read(files).await?)),
            None => None,
        };
        let issuers = match &serving.authentication_config {
            Some(path) => Some(Issuers::read(path).await?),
            None => None,
        };
        Ok(Self { serving, token, issuers, tls })
    }

    /// Listens on these.
    pub(super) async fn listen(&self, addresses: &[Address]) -> Result<(Vec<Listener>, Vec<Address>), AppError> {
        let alone = self.serving.socket_users.is_empty();
        let openness = if alone { Openness::Owner } else { Openness::Everybody };
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.push(Listener::bind(address, openness).await?);
            if let Address::Tcp(tcp) = address
                && self.tls.is_none()
                && !tcp.ip().is_loopback()
            {
                tracing::warn!("{address} is insecure: traffic, tokens included, can be read in transit");
            }
        }
        let addresses = listeners.iter().map(Listener::address).collect::<Result<_, _>>();
        Ok((listeners, addresses.map_err(|e| AppError::Fault(e.to_string()))?))
    }

    /// Listens for whoever wants metrics, if that is configured.
    pub(super) async fn listen_for_metrics(&self) -> Result<Option<Measured>, AppError> {
        match self.serving.metrics {
            Some(address) => Measured::bind(address).await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens it, with the cluster that `source` is for whom only that knows.
    pub(super) fn open(self, source: &Source) -> Result<Open, AppError> {
        let Self { serving, token, issuers, tls } = self;
        let reviews = match (serving.review_audiences, source) {
            (audiences, _) if audiences.is_empty() => None,
            (audiences, Source::ApiServer(server)) => {
                Some(TokenReviews::new(server.clone(), audiences, serving.reviews_kept))
            }
            (_, Source::Replay(_)) => return Err(AppError::NothingReviews),
        };
        let certificates = tls.as_ref().is_some_and(|tls| tls.takes_client_certificates());
        let socket_users = serving.socket_users;
        let access = Arc::new(Access::new(Ways { socket_users, token, issuers, reviews, certificates }));
        let door = Door::new(Arc::clone(&access), tls.clone(), serving.limits);
        Ok(Open { access, tls, door })
    }
}

impl Kept {
    /// Keeps it fresh, by tasks of its own.
    pub(super) fn keep(self, workers: &mut JoinSet<Ended>) {
        let Self { access, tls } = self;
        workers.spawn(async move {
            access.keep().await;
            Err(AppError::Fault("the keys of issuers are no longer read".into()))
        });
        if let Some(tls) = tls {
            workers.spawn(async move {
                tls.follow().await;
                Err(AppError::Fault("the certificate is no longer read".into()))
            });
        }
    }
}

/// One task for each listener.
pub(super) fn serve(listeners: Vec<Listener>, rpc: &Arc<Rpc>) -> JoinSet<Ended> {
    let mut servers = JoinSet::new();
    for listener in listeners {
        let rpc = Arc::clone(rpc);
        servers.spawn(async move { rpc.serve(listener).await.map_err(|e| AppError::Fault(e.to_string())) });
    }
    servers
}
