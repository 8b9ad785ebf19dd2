//! Carrying one connection: bytes both ways, no faster than either side takes them.

use bytes::Bytes;
use futures::stream::{Stream, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::port_forward::{Lost, Receiver, Sender};

/// Bytes that are kept to be sent to another endpoint, if the first does not take the connection.
const KEPT: usize = 64 << 10;

/// How the carrying has ended.
#[derive(Debug)]
pub enum Ended<E> {
    /// The pod has ended the connection.
    Over,
    /// Nobody takes what comes.
    ReaderGone,
    /// The caller's side has failed.
    Caller(E),
    /// The connection to the pod has failed.
    Lost(Lost),
}

/// What was sent before anything has come back: another endpoint may be sent the same.
#[derive(Debug, Default)]
pub struct Kept {
    chunks: Vec<Bytes>,
    bytes: usize,
    /// Whether it is not all.
    is_lost: bool,
}

impl Kept {
    /// Whether another endpoint may begin with it, because the last was lost so: nothing has come back, nothing of it
    /// is forgotten, and nothing of it can have reached anybody.
    #[must_use]
    pub fn may_be_sent_again(&self, after: &Lost) -> bool {
        !self.is_lost && (self.chunks.is_empty() || after.is_unconnected())
    }

    fn keep(&mut self, data: &Bytes) {
        if self.is_lost {
            return;
        }
        self.bytes += data.len();
        self.chunks.push(data.clone());
        if self.bytes > KEPT {
            self.forget();
        }
    }

    fn forget(&mut self) {
        (self.chunks, self.is_lost) = (Vec::new(), true);
    }
}

/// Carries what `upload` has to the pod, behind what is kept, and what comes from it, as `tell` says
/// it, to `told`. That `upload` ends is not the end, and not told to the pod: containerd ends a connection a second after
/// either half of it (`internal/cri/server`, `portForward`), whatever is still to come.
pub async fn carry<T, E>(
    (sender, receiver): (&mut Sender, &mut Receiver),
    upload: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    told: &mpsc::Sender<Result<T, E>>,
    tell: impl Fn(Bytes) -> T,
    kept: &mut Kept,
) -> Ended<E> {
    let again = kept.chunks.clone();
    let kept = Mutex::new(kept);
    let up = async {
        for data in again {
            send(sender, data).await;
        }
        loop {
            match upload.next().await {
                Some(Ok(data)) => {
                    kept.lock().keep(&data);
                    send(sender, data).await;
                }
                Some(Err(error)) => return Ended::Caller(error),
                None => std::future::pending::<()>().await,
            }
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = down(receiver, told, tell, &kept) => ended,
        () = told.closed() => Ended::ReaderGone,
    }
}

/// Hands on what comes from the pod.
async fn down<T, E>(
    receiver: &mut Receiver,
    told: &mpsc::Sender<Result<T, E>>,
    tell: impl Fn(Bytes) -> T,
    kept: &Mutex<&mut Kept>,
) -> Ended<E> {
    loop {
        match receiver.next().await {
            Ok(Some(data)) => {
                kept.lock().forget();
                if told.send(Ok(tell(data))).await.is_err() {
                    return Ended::ReaderGone;
                }
            }
            Ok(None) => return Ended::Over,
            Err(lost) => return Ended::Lost(lost),
        }
    }
}

/// Sends to a connection; for ever, if that has ended: the receiver says how.
async fn send(sender: &mut Sender, data: Bytes) {
    if sender.send(data).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_again_is_bounded_and_ends_with_the_first_answer() {
        let (refused, broken) = (Lost::Refused("connection refused".into()), Lost::Broken("reset".into()));
        let mut kept = Kept::default();
        assert!(kept.may_be_sent_again(&broken), "nothing was sent");
        kept.keep(&vec![0; KEPT].into());
        assert_eq!((kept.may_be_sent_again(&refused), kept.chunks.len()), (true, 1));
        assert!(!kept.may_be_sent_again(&broken), "somebody may have done what it asks for");
        kept.keep(&Bytes::from_static(b"x"));
        assert_eq!((kept.may_be_sent_again(&refused), kept.chunks.len()), (false, 0));
        kept.keep(&Bytes::from_static(b"x"));
        assert!(!kept.may_be_sent_again(&refused) && kept.chunks.is_empty());

        let mut kept = Kept::default();
        kept.keep(&Bytes::from_static(b"x"));
        kept.forget();
        assert!(!kept.may_be_sent_again(&refused) && kept.chunks.is_empty());
    }
}
