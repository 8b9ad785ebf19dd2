//! What ends a watch: the first object of which an expression is true.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use daymark::api::status_event::Event;
use daymark::api::{State, Status, WatchStatusesRequest};
use daymark::{Client, Error, Watch, WatchEvent};

use crate::commands::get::Query;

/// The objects of which it is true are followed beside those that are shown: the daemon evaluates it.
pub struct Until {
    watches: Vec<Watch>,
}

impl Until {
    /// What `--until` says, if anything.
    pub fn open(client: &Client, query: &Query<'_>) -> Self {
        let watch = |filter| {
            client.watch(WatchStatusesRequest {
                filter: Some(filter),
                // The one that ends the watch is shown as it is told here.
                view: query.view().into(),
                ..WatchStatusesRequest::default()
            })
        };
        Self { watches: query.until().into_iter().map(watch).collect() }
    }

    /// The first object of which it is true; never, if there is no expression.
    pub async fn met(&mut self) -> Result<Status, Error> {
        if self.watches.is_empty() {
            std::future::pending().await
        }
        loop {
            // That the connection is lost is told of the other stream, too.
            let WatchEvent::Told(told) = self.next().await? else { continue };
            match told.event {
                Event::Item(status) | Event::Entered(status) | Event::Changed(status)
                    if status.state() != State::Absent =>
                {
                    return Ok(status);
                }
                _ => {}
            }
        }
    }

    /// The next event of any.
    async fn next(&mut self) -> Result<WatchEvent, Error> {
        poll_fn(|context| {
            for watch in &mut self.watches {
                // It loses nothing by being dropped.
                if let Poll::Ready(event) = pin!(watch.next()).poll(context) {
                    return Poll::Ready(event);
                }
            }
            Poll::Pending
        })
        .await
    }
}
