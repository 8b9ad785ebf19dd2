//! What is followed over connections that break, and tells all of itself whenever it is begun.

use daymark_proto::v1::{
    WatchControlPlaneRequest, WatchDiagnosisRequest, WatchGateRequest, WatchNodesRequest, WatchOperationRequest,
    WatchTreeRequest,
};

use crate::resumed::{Came, Opening, Resumed, Source};
use crate::{Client, Error};

/// A tree that is followed: an object with all that it owns. Each message is the whole tree.
/// `NOT_FOUND` ends it, if there is no such object.
pub type TreeWatch = Follow<WatchTreeRequest>;

/// A diagnosis that is followed. Each message differs from the one before; the first one after a
/// break does not say what is gone meanwhile. `NOT_FOUND` ends it, if there is no such object any more.
pub type DiagnosisWatch = Follow<WatchDiagnosisRequest>;

/// A control plane that is followed. Each message is the whole of it.
pub type ControlPlaneWatch = Follow<WatchControlPlaneRequest>;

/// Nodes that are followed. Each message is all that is told of them.
pub type NodeWatch = Follow<WatchNodesRequest>;

/// A gate that is followed to its verdict. What each message has of objects is what differs, or,
/// after a break, all of them again. `NOT_FOUND` ends it, if the daemon has forgotten the gate.
pub type GateWatch = FollowToEnd<WatchGateRequest>;

/// An operation that is followed to its end. What each message has of steps is what differs, or,
/// after a break, all of them again. `NOT_FOUND` ends it, if the daemon knows it no longer.
pub type OperationWatch = FollowToEnd<WatchOperationRequest>;

/// What following something brings.
#[derive(Debug, Clone)]
pub enum Followed<M> {
    /// How it is by now.
    Told(Box<M>),
    /// The stream broke off; it will be opened again. Told once, however many tries it takes.
    Lost(Error),
    /// The stream is back: what follows is all of it again.
    Restored,
}

/// A request that opens a stream of this kind.
pub trait Follows: Send + 'static {
    /// What the stream tells.
    type Message: Send + 'static;

    /// Opens the stream.
    fn open(&self, client: &Client) -> Opening<Self::Message>;
}

/// A request whose stream has an end.
pub trait FollowsToEnd: Follows {
    /// Whether nothing comes behind this message.
    fn is_last(message: &Self::Message) -> bool;
}

impl<R: Follows> Source for R {
    type Message = R::Message;

    fn open(&self, client: &Client) -> Opening<R::Message> {
        Follows::open(self, client)
    }
}

/// Something that is followed for as long as it is asked for. When the connection breaks, it is begun anew,
/// so that nothing is lost.
#[derive(Debug)]
pub struct Follow<R: Follows> {
    stream: Resumed<R>,
}

impl<R: Follows> Follow<R> {
    pub(crate) fn new(client: Client, request: R) -> Self {
        Self { stream: Resumed::new(client, request) }
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, again at every later call.
    pub async fn next(&mut self) -> Result<Followed<R::Message>, Error> {
        Ok(match self.stream.next().await? {
            Came::Message(message) => Followed::Told(Box::new(message)),
            Came::Lost(error) => Followed::Lost(error),
            Came::Restored => Followed::Restored,
        })
    }

    /// What is told first, and nothing else: a stream that breaks off before is not opened again.
    ///
    /// # Errors
    /// Whatever comes in between.
    pub async fn first(mut self) -> Result<R::Message, Error> {
        loop {
            match self.stream.next().await? {
                Came::Message(message) => return Ok(message),
                Came::Lost(error) => return Err(error),
                Came::Restored => {}
            }
        }
    }

    /// Why the daemon is lost, while it is.
    #[must_use]
    pub fn lost(&self) -> Option<&Error> {
        self.stream.lost()
    }
}

/// Something that is followed to its end. When the connection breaks, it is begun anew, so that nothing
/// is lost.
#[derive(Debug)]
pub struct FollowToEnd<R: FollowsToEnd> {
    follow: Follow<R>,
    over: bool,
}

impl<R: FollowsToEnd> FollowToEnd<R> {
    pub(crate) fn new(client: Client, request: R) -> Self {
        Self { follow: Follow::new(client, request), over: false }
    }

    /// What comes next; `None` behind the last message. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those that do not pass by waiting, again at every later call.
    pub async fn next(&mut self) -> Result<Option<Followed<R::Message>>, Error> {
        if self.over {
            return Ok(None);
        }
        let followed = self.follow.next().await?;
        if let Followed::Told(message) = &followed {
            self.over = R::is_last(message);
        }
        Ok(Some(followed))
    }
}
