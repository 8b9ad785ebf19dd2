//! Connections and requests that are carried into the cluster.

use bytes::Bytes;
use daymark_proto::v1::fetch_response::Message as Part;
use daymark_proto::v1::forward_request::Message as Sent;
use daymark_proto::v1::forward_response::Message as Told;
use daymark_proto::v1::{FetchHead, FetchResponse, ForwardEndpoint, ForwardRequest, ForwardResponse};
use tokio::sync::mpsc;
use tonic::Streaming;

use crate::{Client, Error};

/// The most bytes that one message holds.
const CHUNK: usize = 64 << 10;

/// One connection to a port of a pod. Dropping it ends the connection.
#[derive(Debug)]
pub struct Tunnel {
    sender: TunnelSender,
    receiver: TunnelReceiver,
}

/// What goes to the pod. That it is dropped is not told there: a forwarded port cannot be closed by half.
#[derive(Debug)]
pub struct TunnelSender(mpsc::Sender<ForwardRequest>);

/// What comes from the pod. Dropping it ends the connection.
#[derive(Debug)]
pub struct TunnelReceiver {
    client: Client,
    answers: Streaming<ForwardResponse>,
}

/// What comes of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum TunnelPart {
    /// Where it goes: first, and again if that one has not taken it.
    Endpoint(ForwardEndpoint),
    /// Bytes.
    Data(Bytes),
}

/// The connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended")]
pub struct TunnelClosed;

impl Tunnel {
    pub(crate) fn new(
        client: Client,
        sender: mpsc::Sender<ForwardRequest>,
        answers: Streaming<ForwardResponse>,
    ) -> Self {
        Self { sender: TunnelSender(sender), receiver: TunnelReceiver { client, answers } }
    }

    /// The two ways, to be used side by side.
    #[must_use]
    pub fn split(self) -> (TunnelSender, TunnelReceiver) {
        (self.sender, self.receiver)
    }
}

impl TunnelSender {
    /// Sends bytes; waits while the pod does not take them.
    ///
    /// # Errors
    /// If the connection has ended; [`TunnelReceiver::next`] says how.
    pub async fn send(&self, mut data: Bytes) -> Result<(), TunnelClosed> {
        while !data.is_empty() {
            let chunk = data.split_to(data.len().min(CHUNK));
            let message = ForwardRequest { message: Some(Sent::Data(chunk)) };
            self.0.send(message).await.map_err(|_| TunnelClosed)?;
        }
        Ok(())
    }
}

impl TunnelReceiver {
    /// What comes next; `None` when the pod has ended the connection.
    ///
    /// # Errors
    /// If it has ended otherwise.
    pub async fn next(&mut self) -> Result<Option<TunnelPart>, Error> {
        loop {
            let message = self.answers.message().await.map_err(|status| self.client.error(&status))?;
            match message.map(|answer| answer.message) {
                None => return Ok(None),
                Some(Some(Told::Endpoint(endpoint))) => return Ok(Some(TunnelPart::Endpoint(endpoint))),
                Some(Some(Told::Data(data))) => return Ok(Some(TunnelPart::Data(data))),
                // Of a newer daemon.
                Some(None) => {}
            }
        }
    }
}

/// The API server's answer to a request that was passed on.
#[derive(Debug)]
pub struct Fetched {
    /// Its status and headers.
    pub head: FetchHead,
    client: Client,
    answers: Streaming<FetchResponse>,
}

impl Fetched {
    pub(crate) async fn read(client: Client, mut answers: Streaming<FetchResponse>) -> Result<Self, Error> {
        let first = answers.message().await.map_err(|status| client.error(&status))?;
        match first.and_then(|answer| answer.message) {
            Some(Part::Head(head)) => Ok(Self { head, client, answers }),
            Some(Part::Data(_)) | None => Err(Error::ended()),
        }
    }

    /// The next bytes of its body; `None` at its end.
    ///
    /// # Errors
    /// If it breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let message = self.answers.message().await.map_err(|status| self.client.error(&status))?;
            match message.map(|answer| answer.message) {
                None => return Ok(None),
                Some(Some(Part::Data(data))) => return Ok(Some(data)),
                Some(Some(Part::Head(_)) | None) => {}
            }
        }
    }
}
