//! A body that is there already, or goes on as long as a watch does.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc::UnboundedReceiver;

use super::Shared;

/// Parts that are there, and then what comes.
pub(super) struct Body {
    parts: VecDeque<Bytes>,
    live: Option<UnboundedReceiver<Bytes>>,
    shared: Arc<Shared>,
}

impl Body {
    pub(super) fn whole(shared: &Arc<Shared>, parts: impl IntoIterator<Item = Bytes>) -> Self {
        Self { parts: parts.into_iter().collect(), live: None, shared: Arc::clone(shared) }
    }

    pub(super) fn live(
        shared: &Arc<Shared>,
        parts: impl IntoIterator<Item = Bytes>,
        live: UnboundedReceiver<Bytes>,
    ) -> Self {
        Self { live: Some(live), ..Self::whole(shared, parts) }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match (self.parts.pop_front(), &mut self.live) {
            (Some(part), _) => Some(part),
            (None, Some(live)) => ready!(live.poll_recv(cx)),
            (None, None) => None,
        };
        Poll::Ready(next.map(|bytes| {
            self.shared.counts.add_bytes(bytes.len());
            Ok(Frame::data(bytes))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && self.live.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.parts.iter().map(|part| part.len() as u64).sum();
        if self.live.is_none() { SizeHint::with_exact(length) } else { SizeHint::default() }
    }
}
