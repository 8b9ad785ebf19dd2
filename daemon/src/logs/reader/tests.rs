use std::collections::VecDeque;

use bytes::Bytes;
use futures::FutureExt as _;
use parking_lot::Mutex;

use super::super::pod::Run;
use super::*;
use crate::source::ProblemReason;

/// What a kubelet sends, one piece after the other.
#[derive(Clone)]
enum Piece {
    Text(String),
    Break,
    /// Nothing more, and no end.
    Silence,
}

type Answer = Result<Vec<Piece>, Problem>;

/// Gives these answers, in their order, and keeps what it was asked.
#[derive(Clone, Default)]
struct Kubelet {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<LogRequest>>>,
}

impl Kubelet {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, asked: Arc::default() }
    }

    fn opener(&self) -> Opener {
        let kubelet = self.clone();
        Arc::new(move |request| {
            kubelet.asked.lock().push(request);
            let answer = kubelet.answers.lock().pop_front();
            async move {
                let pieces = answer.unwrap_or_else(|| Err(Problem::new(ProblemReason::Refused, "asked too often")))?;
                Ok(stream::iter(pieces).then(send).boxed())
            }
            .boxed()
        })
    }

    fn read(&self, part: Part, standing: &watch::Sender<Standing>) -> BoxStream<'static, Event> {
        let log = (Key::new("n", "web"), "main".to_owned());
        Reader::new(self.opener(), 7, log, part, standing.subscribe()).into_stream()
    }
}

async fn send(piece: Piece) -> Result<Bytes, Problem> {
    match piece {
        Piece::Text(text) => Ok(text.into()),
        Piece::Break => Err(unreachable("it broke")),
        Piece::Silence => std::future::pending().await,
    }
}

fn unreachable(message: &str) -> Problem {
    Problem::new(ProblemReason::Unreachable, message)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Lines of these seconds.
fn text(lines: &[(i64, &str)]) -> Piece {
    Piece::Text(lines.iter().map(|(second, text)| format!("{} {text}\n", at(*second))).collect())
}

fn part(follow: bool) -> Part {
    Part { follow, previous: false, since: None, tail: Some(9), mark: None, now: at(1000) }
}

fn stands(restarts: u32, over: bool, is_last: bool) -> Standing {
    Standing { run: Some(Run { restarts, over }), is_last, ..Standing::default() }
}

fn said(event: &Event) -> String {
    match event {
        Event::Line { line, .. } => String::from_utf8_lossy(&line.text).into_owned(),
        Event::Notice(notice) => format!("{:?}", notice.kind),
        other => format!("{other:?}"),
    }
}

async fn next(events: &mut BoxStream<'static, Event>, many: usize) -> Vec<String> {
    let some: Vec<_> = events.take(many).map(|event| said(&event)).collect().await;
    some
}

#[tokio::test(start_paused = true)]
async fn a_log_that_breaks_off_goes_on_behind_its_last_line() {
    let half = Piece::Text(format!("{} half", at(3)));
    let again = text(&[(2, "b"), (2, "c"), (2, "d"), (3, "half a line")]);
    let kubelet = Kubelet::new([
        Ok(vec![text(&[(1, "a"), (2, "b"), (2, "c")]), half, Piece::Break]),
        Err(unreachable("still")),
        Ok(vec![again]),
    ]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 4).await, ["a", "b", "c", "Broken"]);
    standing.send_replace(stands(0, true, true));
    assert_eq!(next(&mut events, 9).await, ["d", "half a line", "Ended"], "it is said once that it broke");
    let asked = kubelet.asked.lock().clone();
    let parts: Vec<_> = asked.iter().map(|it| (it.since, it.tail, it.follow)).collect();
    assert_eq!(parts, [(None, Some(9), true), (Some(at(1)), None, false), (Some(at(1)), None, false)]);
}

#[tokio::test(start_paused = true)]
async fn every_run_is_told_to_its_end_and_then_the_next() {
    let kubelet = Kubelet::new([
        Ok(vec![text(&[(1, "a")])]),
        // What was written between the last line and the end.
        Ok(vec![text(&[(1, "a"), (2, "fatal")])]),
        Ok(vec![text(&[(5, "anew")])]),
        Ok(vec![text(&[(5, "anew"), (6, "end")])]),
    ]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["a"]);
    standing.send_replace(stands(1, false, false));
    assert_eq!(next(&mut events, 3).await, ["fatal", "Restarted", "anew"]);
    standing.send_replace(stands(1, true, true));
    assert_eq!(next(&mut events, 9).await, ["end", "Ended"]);
    let asked = kubelet.asked.lock().clone();
    let parts: Vec<_> = asked.iter().map(|it| (it.previous, it.follow)).collect();
    assert_eq!(parts, [(false, true), (true, false), (false, true), (false, false)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_said_to_be_missing() {
    let refused = Problem::new(ProblemReason::Invalid, "previous terminated container not found");
    let kubelet =
        Kubelet::new([Ok(vec![text(&[(1, "a")])]), Err(refused), Ok(vec![text(&[(5, "b")]), Piece::Silence])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["a"]);
    standing.send_replace(stands(1, false, false));
    assert_eq!(next(&mut events, 3).await, ["Missing", "Restarted", "b"]);
    assert!(events.next().now_or_never().is_none(), "it goes on");

    let kubelet = Kubelet::new([Ok(vec![text(&[(1, "a")])]), Ok(vec![text(&[(9, "b")]), Piece::Silence])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["a"]);
    standing.send_replace(stands(3, false, false));
    assert_eq!(next(&mut events, 3).await, ["Missing", "Restarted", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_has_not_started_is_waited_for_and_said_so_once() {
    let kubelet = Kubelet::new([Ok(vec![text(&[(1, "a")]), Piece::Silence])]);
    let creating = Standing { waits: "ContainerCreating".into(), ..Standing::default() };
    let (standing, _) = watch::channel(Standing::default());
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["Waiting"]);
    standing.send_replace(creating);
    assert!(events.next().now_or_never().is_none());
    assert!(kubelet.asked.lock().is_empty(), "there is nothing to be asked yet");
    standing.send_replace(stands(0, false, false));
    assert_eq!(next(&mut events, 1).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_is_told_to_the_end_of_its_log() {
    let kubelet = Kubelet::new([Ok(vec![text(&[(1, "a")]), text(&[(2, "b")])])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["a"]);
    standing.send_modify(|standing| standing.gone = true);
    assert_eq!(next(&mut events, 9).await, ["b", "Ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_say_that_a_pod_is_gone_is_not_waited_for() {
    let kubelet = Kubelet::new([Ok(vec![text(&[(1, "a")]), Piece::Silence])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 1).await, ["a"]);
    assert!(timeout(GONE * 2, events.next()).await.is_err(), "it goes on");
    standing.send_modify(|standing| standing.gone = true);
    drop(standing);
    let told = timeout(GONE * 2, events.next()).await;
    assert_eq!(told.unwrap().as_ref().map(said).as_deref(), Some("Ended"));
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_and_is_gone_is_said_to_be_missing() {
    let kubelet = Kubelet::new([Ok(vec![text(&[(1, "a")]), Piece::Break])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(part(true), &standing);
    assert_eq!(next(&mut events, 2).await, ["a", "Broken"]);
    standing.send_modify(|standing| standing.gone = true);
    assert_eq!(next(&mut events, 9).await, ["Missing"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_long_silence_a_log_is_opened_anew_and_nothing_said() {
    let kubelet = Kubelet::new([
        Ok(vec![text(&[(1, "a")]), Piece::Silence]),
        Ok(vec![text(&[(1, "a"), (2, "b")]), Piece::Silence]),
    ]);
    let (standing, _) = watch::channel(stands(0, false, false));
    assert_eq!(next(&mut kubelet.read(part(true), &standing), 2).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn of_no_lines_that_were_wanted_those_are_told_that_come() {
    let kubelet = Kubelet::new([Ok(vec![Piece::Break]), Ok(vec![text(&[(2000, "new")]), Piece::Silence])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let mut events = kubelet.read(Part { tail: Some(0), ..part(true) }, &standing);
    assert_eq!(next(&mut events, 2).await, ["Broken", "new"]);
    let asked = kubelet.asked.lock().clone();
    let parts: Vec<_> = asked.iter().map(|it| (it.since, it.tail)).collect();
    assert_eq!(parts, [(None, Some(0)), (Some(at(1000)), None)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_once_is_tried_several_times_and_then_given_up() {
    let (standing, _) = watch::channel(stands(0, false, false));
    let broken = || Ok(vec![text(&[(1, "a"), (2, "b")]), Piece::Break]);
    let kubelet = Kubelet::new([broken(), Err(unreachable("no")), Ok(vec![text(&[(2, "b"), (3, "c")])])]);
    assert_eq!(next(&mut kubelet.read(part(false), &standing), 9).await, ["a", "b", "c"]);

    let kubelet = Kubelet::new(std::iter::repeat_with(|| Err(unreachable("no"))).take(9));
    assert_eq!(next(&mut kubelet.read(part(false), &standing), 9).await, ["Failed(Unreachable)"]);
    assert_eq!(kubelet.asked.lock().len(), TRIES);

    for (reason, told) in [(ProblemReason::Invalid, "Failed(NoLog)"), (ProblemReason::Forbidden, "Failed(Forbidden)")] {
        let kubelet = Kubelet::new([Err(Problem::new(reason, "no"))]);
        assert_eq!(next(&mut kubelet.read(part(false), &standing), 9).await, [told]);
    }
}

#[tokio::test(start_paused = true)]
async fn lines_before_a_time_are_left_out_to_the_nanosecond() {
    let since = "1970-01-01T00:00:02.5Z".parse().ok();
    let lines = Piece::Text("1970-01-01T00:00:02.4Z a\n1970-01-01T00:00:02.5Z b\nput in by the kubelet\n".into());
    let kubelet = Kubelet::new([Ok(vec![lines])]);
    let (standing, _) = watch::channel(stands(0, false, false));
    let told = next(&mut kubelet.read(Part { since, ..part(false) }, &standing), 9).await;
    assert_eq!(told, ["b", "put in by the kubelet"]);
}
