//! The body of a watch.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::watch;

use super::faults::{Cut, StreamingLists};
use super::store::line;
use super::{Collection, Shared, State};

/// One open watch.
pub(super) struct Watch {
    shared: Arc<Shared>,
    ticks: watch::Receiver<u64>,
    collection: Collection,
    /// Everything up to here was told.
    position: u64,
    injected: usize,
    closings: u64,
    out: VecDeque<Piece>,
}

enum Piece {
    Data(Bytes),
    Abort,
    End,
}

impl Watch {
    /// A watch from `position` on.
    pub(super) fn open(shared: &Arc<Shared>, state: &mut State, collection: Collection, position: u64) -> Self {
        state.counts.opened(collection);
        Self {
            shared: Arc::clone(shared),
            ticks: shared.ticks.subscribe(),
            collection,
            position,
            injected: state.faults.injected.get(&collection).map_or(0, Vec::len),
            closings: state.faults.closings.get(&collection).copied().unwrap_or(0),
            out: VecDeque::new(),
        }
    }

    /// Tells every object first and, if the server knows of that, the list's end.
    pub(super) fn begin_with_list(&mut self, state: &mut State) {
        for object in state.store.objects(self.collection) {
            let told = line("ADDED", &state.store.typed(self.collection, object));
            if let Some(cut) = state.faults.cuts.remove(&self.collection) {
                return self.break_off(&told, cut);
            }
            self.tell(&told, state.faults.slow_bytes);
        }
        let annotations = match state.faults.streaming_lists {
            StreamingLists::Served => json!({"k8s.io/initial-events-end": "true"}),
            StreamingLists::Refused | StreamingLists::Unknown => json!({}),
        };
        let metadata = json!({"resourceVersion": self.position.to_string(), "annotations": annotations});
        self.tell(&line("BOOKMARK", &json!({"metadata": metadata})), state.faults.slow_bytes);
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
        stream::unfold(self, |mut watch| async move { watch.next().await.map(|frame| (frame, watch)) })
    }

    async fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        loop {
            match self.out.pop_front() {
                Some(Piece::Data(bytes)) => return Some(Ok(Frame::data(bytes))),
                Some(Piece::Abort) => return Some(Err(io::Error::other("the watch is cut"))),
                Some(Piece::End) => return None,
                None => {}
            }
            self.ticks.mark_unchanged();
            self.collect();
            if self.out.is_empty() && self.ticks.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Takes what there is to tell: events, then injected lines, then the end.
    fn collect(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        let State { store, faults, .. } = &mut *state;
        let until = faults.held.get(&self.collection).copied().unwrap_or(store.version);
        for event in store.events(self.collection, self.position, until) {
            if let Some(cut) = faults.cuts.remove(&self.collection) {
                return self.break_off(&event.line, cut);
            }
            self.position = event.version;
            self.tell(&event.line, faults.slow_bytes);
        }
        let injected = faults.injected.get(&self.collection).map_or(&[][..], Vec::as_slice);
        for line in &injected[self.injected..] {
            self.tell(line, faults.slow_bytes);
        }
        self.injected = injected.len();
        if faults.closings.get(&self.collection).copied().unwrap_or(0) > self.closings {
            self.out.push_back(Piece::End);
        }
    }

    fn break_off(&mut self, line: &Bytes, cut: Cut) {
        self.out.push_back(Piece::Data(line.slice(..line.len() / 2)));
        self.out.push_back(if cut == Cut::Abort { Piece::Abort } else { Piece::End });
    }

    fn tell(&mut self, line: &Bytes, slow: bool) {
        let step = if slow { 1 } else { line.len() };
        self.out.extend((0..line.len()).step_by(step).map(|at| Piece::Data(line.slice(at..at + step))));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.change(|state| state.counts.closed(self.collection));
    }
}
