//! A single GET over HTTPS.

use std::error::Error as StdError;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::address::bare_host;
use crate::connect::{self, OpenError};
use crate::tls::Protocol;
use crate::{Proxy, Tls};

/// Nothing that is fetched is longer.
const LIMIT: usize = 64 << 10;
/// The least that hyper allows for the head of an answer.
const HEAD_LIMIT: usize = 8 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("its answer cannot be read: {0}")]
    Http(#[from] hyper::Error),
    #[error("its answer cannot be read: {0}")]
    Body(Box<dyn StdError + Send + Sync>),
}

/// What is answered to a request. Whom the system trusts is trusted; redirects are not followed.
pub(crate) async fn https(
    authority: &Authority,
    request: Request<Empty<Bytes>>,
    proxy: &Proxy,
) -> Result<(StatusCode, Bytes), FetchError> {
    let port = authority.port_u16().unwrap_or(443);
    let stream = connect::reach(bare_host(authority), port, proxy).await?;
    let spoken = Tls::default().handshake(stream, bare_host(authority), Protocol::Http1).await;
    let (stream, _) = spoken.map_err(OpenError::from)?;
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_LIMIT).handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LIMIT).collect().await.map_err(FetchError::Body)?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done,
        // It may end when all of the answer has arrived.
        _ = connection => exchange.await,
    }
}
