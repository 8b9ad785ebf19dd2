#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::oneshot;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::*;
use crate::{Credentials, RpcError};

/// Longer than the first wait.
const LATER: Duration = Duration::from_millis(102);

type Item = Result<Heard, Status>;

/// What becomes of an opening.
enum Step {
    Tells(Vec<Item>),
    Fails(Error),
    Waits(oneshot::Receiver<Vec<Item>>),
}

/// Streams in the order of the openings. A message is what it says of its stream.
#[derive(Default)]
struct Script {
    steps: Mutex<VecDeque<Step>>,
    opened: Arc<Mutex<usize>>,
    tries: Option<u32>,
    aloud: bool,
}

impl Source for Script {
    type Message = Heard;

    fn open(&self, _: &Client) -> Opening<Heard> {
        *self.opened.lock().unwrap() += 1;
        let step = self.steps.lock().unwrap().pop_front().unwrap();
        Box::pin(async move {
            let items = match step {
                Step::Tells(items) => items,
                Step::Fails(error) => return Err(error),
                Step::Waits(items) => items.await.unwrap(),
            };
            // A stream that ends is lost; one that ends with an error has that.
            Ok(Box::pin(tokio_stream::iter(items)) as Messages<Heard>)
        })
    }

    fn heard(&mut self, message: &Heard) -> Heard {
        *message
    }

    fn after(&mut self, error: &Error) -> After {
        if self.aloud { After::RetryAloud } else { After::by_recovery(error) }
    }

    fn tries(&self) -> Option<u32> {
        self.tries
    }
}

fn playing(steps: impl IntoIterator<Item = Step>) -> Resumed<Script> {
    let script = Script { steps: Mutex::new(steps.into_iter().collect()), ..Script::default() };
    Resumed::new(Client::unconnected(Credentials::default()), script)
}

fn opened(stream: &Resumed<Script>) -> usize {
    *stream.source.opened.lock().unwrap()
}

fn lost() -> Item {
    Err(Status::unavailable("restarting"))
}

fn refused(code: Code) -> Error {
    let (reason, message) = (String::new(), String::new());
    Error::Rpc(RpcError { code, reason, message, metadata: Default::default(), retry_after: None })
}

/// What comes, in a word; the final error is `over`.
async fn word(stream: &mut Resumed<Script>) -> &'static str {
    match stream.next().await {
        Ok(Came::Message(Heard::Alive)) => "alive",
        Ok(Came::Message(Heard::Progress)) => "progress",
        Ok(Came::Lost(_)) => "lost",
        Ok(Came::Restored) => "restored",
        Err(_) => "over",
    }
}

async fn words<const N: usize>(stream: &mut Resumed<Script>) -> [&'static str; N] {
    let mut words = [""; N];
    for place in &mut words {
        *place = word(stream).await;
    }
    words
}

#[tokio::test(start_paused = true)]
async fn an_opening_outlives_whoever_waits_for_it() {
    let (sender, receiver) = oneshot::channel();
    let mut stream = playing([Step::Waits(receiver)]);
    for _ in 0..3 {
        assert!(stream.next().now_or_never().is_none());
    }
    sender.send(vec![Ok(Heard::Alive)]).unwrap();
    assert_eq!((word(&mut stream).await, opened(&stream)), ("alive", 1));
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_not_put_off_by_whoever_looks_away() {
    let mut stream = playing([Step::Tells(vec![lost()]), Step::Tells(vec![Ok(Heard::Alive)])]);
    assert_eq!(word(&mut stream).await, "lost");
    for _ in 0..2 {
        assert!(stream.next().now_or_never().is_none());
        tokio::time::advance(LATER / 5).await;
    }
    tokio::time::advance(LATER).await;
    assert!(matches!(stream.next().now_or_never(), Some(Ok(Came::Restored))));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_says_when_to_come_again_is_obeyed() {
    let limit = Duration::from_secs(30);
    let mut details = tonic_types::ErrorDetails::new();
    details.set_retry_info(Some(limit));
    let busy = Status::with_error_details(Code::ResourceExhausted, "busy", details);
    let mut stream = playing([Step::Tells(vec![Err(busy)]), Step::Tells(vec![Ok(Heard::Alive)])]);
    assert_eq!(word(&mut stream).await, "lost");
    tokio::time::advance(limit - Duration::from_millis(1)).await;
    assert!(stream.next().now_or_never().is_none());
    tokio::time::advance(limit).await;
    assert!(matches!(stream.next().now_or_never(), Some(Ok(Came::Restored))));
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_told_once_and_then_that_it_is_over() {
    let steps = [
        Step::Tells(vec![Ok(Heard::Progress), lost()]),
        Step::Tells(vec![lost()]),
        Step::Fails(Error::ended()),
        Step::Tells(vec![Ok(Heard::Alive), Ok(Heard::Alive)]),
        Step::Fails(refused(Code::PermissionDenied)),
    ];
    let mut stream = playing(steps);
    assert_eq!(words(&mut stream).await, ["progress", "lost"]);
    assert!(stream.lost().is_some());
    assert_eq!(word(&mut stream).await, "restored");
    assert!(stream.lost().is_none());
    assert_eq!(words(&mut stream).await, ["alive", "alive", "lost", "over"]);
}

#[tokio::test(start_paused = true)]
async fn a_loss_that_is_worth_it_is_told_again() {
    let mut stream = playing([Step::Tells(vec![lost()]), Step::Tells(vec![lost()])]);
    stream.source.aloud = true;
    assert_eq!(words(&mut stream).await, ["lost", "lost"]);
}

#[tokio::test(start_paused = true)]
async fn the_final_error_repeats() {
    let mut stream = playing([Step::Fails(refused(Code::NotFound))]);
    for _ in 0..3 {
        let error = stream.next().now_or_never().unwrap().unwrap_err();
        assert_eq!(error.rpc().map(|error| error.code), Some(Code::NotFound));
    }
    assert_eq!(opened(&stream), 1);
}

#[tokio::test(start_paused = true)]
async fn only_progress_makes_up_for_tries() {
    let none = || Step::Tells(vec![lost()]);
    let alive = || Step::Tells(vec![Ok(Heard::Alive), lost()]);
    let steps = [none(), alive(), Step::Tells(vec![Ok(Heard::Progress), lost()]), none(), alive()];
    let mut stream = playing(steps);
    stream.source.tries = Some(2);
    let told = ["lost", "restored", "alive", "lost", "restored", "progress", "lost", "restored", "alive", "over"];
    assert_eq!(words(&mut stream).await, told);
    assert_eq!(opened(&stream), 5);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_renewed_once_for_each_time_that_they_were_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(b"s3cret").unwrap();
    let expired = || refused(Code::Unauthenticated);
    let steps = [
        Step::Tells(vec![Ok(Heard::Alive), lost()]),
        Step::Fails(expired()),
        Step::Tells(vec![Ok(Heard::Alive), lost()]),
        Step::Fails(expired()),
        Step::Fails(expired()),
    ];
    let mut stream = playing(steps);
    stream.client = Client::unconnected(Credentials::token_file(path).unwrap());
    let told = ["alive", "lost", "restored", "alive", "lost", "over"];
    assert_eq!(words(&mut stream).await, told);
    assert_eq!(opened(&stream), 5);
    // They were never taken.
    let mut stream = playing([Step::Fails(expired())]);
    assert_eq!(word(&mut stream).await, "over");
}
