//! What an API server answers, whatever it is asked: the first byte chooses the question, the second the status, and the rest is
//! the answer's body.
//!
//! `tests/fuzz/run 60 answers`.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use daymark_fuzz::{api_server, kind, listen, runtime};
use daymarkd::clock::Clock;
use daymarkd::decode::arrival::{Arrival, Decoder};
use daymarkd::kind::Kind;
use daymarkd::record::Key;
use daymarkd::source::apiserver::ApiServer;
use daymarkd::source::apiserver::review::Review;
use daymarkd::source::listing::PageRequest;
use daymarkd::source::logs::LogRequest;
use daymarkd::source::table::Wanted;
use daymarkd::source::{Arrivals, Collection, Problem, Selectors, Sink, Source};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Requests that one question may come to: a list's next page is asked for as long as there is one.
const MOST: usize = 4;
const STATUSES: [u16; 8] = [200, 200, 200, 404, 403, 410, 429, 500];

/// What is answered.
struct Answer {
    says: Mutex<(u16, Vec<u8>)>,
    asked: watch::Sender<usize>,
}

static ANSWER: LazyLock<Answer> = LazyLock::new(|| Answer { says: Mutex::default(), asked: watch::Sender::new(0) });

static SOURCE: LazyLock<(Runtime, Source)> = LazyLock::new(|| {
    let runtime = runtime();
    let server = runtime.block_on(async { api_server("answers", listen(serve).await).await });
    (runtime, Source::ApiServer(server))
});

/// Answers each request of a connection the same.
async fn serve(mut stream: TcpStream) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        stream.read_exact(&mut vec![0; length.unwrap_or(0)]).await.ok()?;
        let (status, body) = ANSWER.says.lock().expect("nobody panics").clone();
        let head =
            format!("HTTP/1.1 {status} s\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
        ANSWER.asked.send_modify(|asked| *asked += 1);
    }
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (question, status, body) = input;
    let (runtime, source) = &*SOURCE;
    *ANSWER.says.lock().expect("nobody panics") = (STATUSES[usize::from(status) % STATUSES.len()], body.to_vec());
    ANSWER.asked.send_replace(0);
    let mut asked = ANSWER.asked.subscribe();
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = asked.wait_for(|asked| *asked >= MOST) => {}
            problem = ask(source, question) => {
                let line = problem.map(|problem| problem.message);
                assert!(line.as_deref().is_none_or(|line| !line.is_empty()), "{line:?}");
            }
        }
    });
});

/// Asks one question; what is wrong with its answer.
async fn ask(source: &Source, question: u8) -> Option<Problem> {
    let Source::ApiServer(server) = source else { return None };
    let (pods, key) = (Arc::new(kind(false)), Key::new("n", "a"));
    let secrets = Arc::new(kind(true));
    let collection = Collection::of(Arc::clone(if question & 0x80 == 0 { &pods } else { &secrets }), None);
    match question & 0x0f {
        0 => source.kinds().await.err(),
        1 => source.listable_kinds().await.err(),
        2 => source.read(&pods, &key).await.err(),
        3 => source.read_set(&collection, &Selectors::default()).await.err(),
        4 => source.read_whole(&collection, &key).await.err(),
        5 => source.version().await.err(),
        6 => source.read_table(&pods, &table()).await.err(),
        7 => source.read_events("n", "u").await.err(),
        8 => source.read_log(&key, "c", false, 10).await.err(),
        9 => pages(source, &collection.kind).await,
        10 => server.review::<Value>(Review::TOKEN, &json!({})).await.err(),
        11 => server.read_checks("/livez").await.answer.err(),
        12 => server.read_leader("n", "a").await.answer.err(),
        13 => server.read_metrics().await.err(),
        14 => source.open_log(&log(key)).await.err(),
        _ => {
            follow(server, &collection).await;
            None
        }
    }
}

fn table() -> Wanted<'static> {
    Wanted { namespace: None, name: None, labels: "", fields: "", limit: 10, token: "" }
}

fn log(pod: Key) -> LogRequest {
    LogRequest { pod, container: "c".into(), previous: false, follow: false, since: None, tail: None }
}

async fn pages(source: &Source, kind: &Kind) -> Option<Problem> {
    let wanted = PageRequest { namespace: None, limit: 10, token: "", at: "" };
    let Ok(mut page) = source.open_page(kind, &wanted).await else { return None };
    loop {
        match page.next_item().await {
            Ok(Some(item)) => assert!(item.starts_with(b"{") && item.ends_with(b"}"), "{item:?}"),
            Ok(None) => return page.end().err(),
            Err(problem) => return Some(problem),
        }
    }
}

/// A list, and a watch, until one of them breaks off.
async fn follow(server: &ApiServer, collection: &Collection) {
    let (arrivals, arrived) = mpsc::channel(16);
    let decoder = Decoder::new(Arc::clone(&collection.kind), true, None);
    let sink = Sink::new(arrivals, decoder, None, Clock::System);
    tokio::select! {
        () = server.follow(collection, sink) => {}
        () = lost(arrived) => {}
    }
}

async fn lost(mut arrived: Arrivals) {
    while let Some(batch) = arrived.recv().await {
        if batch.iter().any(|(_, arrival)| matches!(arrival, Arrival::Lost(_))) {
            return;
        }
    }
}
