//! Anything at once: random writes, random faults, and clients that come and
//! go, against the fake API server's store as the model.

use daymark_proto::v1::{ListStatusesRequest, State};
use daymark_tests::fake_apiserver::{Answer, Collection, Cut, FakeApiServer, Fault, StreamingLists, Verb};
use daymark_tests::in_process::{Client, Follower, kinds, named};
use daymark_tests::process::PATIENCE;
use fastrand::Rng;

use crate::{Deployments, Pods, Setup, assert_true, full, history, proven, put, with_progress};

/// How many steps a run has.
const STEPS: usize = 800;
/// The seed of a run; `DAYMARK_TEST_SEED` repeats one.
const SEED: &str = "DAYMARK_TEST_SEED";
/// How many runs there are, each with another seed: one, or as many as this says.
const RUNS: &str = "DAYMARK_TEST_RUNS";
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const STATES: [State; 3] = [State::Ready, State::InProgress, State::Failed];

const STREAMING_LISTS: [StreamingLists; 3] = [StreamingLists::Refused, StreamingLists::Served, StreamingLists::Unknown];

fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

/// One random thing.
fn step(rng: &mut Rng, cluster: &FakeApiServer) {
    let collection = pick(rng, &Collection::ALL);
    match rng.u32(..42) {
        40 => cluster.streaming_lists(pick(rng, &STREAMING_LISTS)),
        41 => {
            // A list that breaks off, as a watch brings it.
            cluster.streaming_lists(StreamingLists::Served);
            cluster.compact(rng.bool());
            cluster.cut_next_event(collection, pick(rng, &[Cut::Abort, Cut::End]));
            cluster.close_watches(collection);
        }
        0 => cluster.close_watches(collection),
        1 => cluster.hold_events(collection),
        2..=5 => cluster.release_events(collection),
        6 => {
            cluster.compact(rng.bool());
            cluster.close_watches(collection);
        }
        7 => cluster.cut_next_event(collection, pick(rng, &[Cut::Abort, Cut::End])),
        8 => {
            let verb = pick(rng, &[Verb::List, Verb::StreamList, Verb::Watch, Verb::Get]);
            // A proof that is forbidden ends its stream.
            let statuses = if verb == Verb::Get { &[429, 500, 503][..] } else { &[403, 429, 500, 503] };
            let status = pick(rng, statuses);
            cluster.fault(Fault::new(Answer::Status(status)).on(verb).of(collection).times(1));
        }
        9 => cluster.bookmark(collection, cluster.version().saturating_sub(rng.u64(..20))),
        10 => cluster.inject(collection, &b"<garbage>\n"[..]),
        11 => cluster.slow_bytes(rng.u32(..4) == 0),
        12 => cluster.limit_pages(rng.usize(1..5)),
        13..=19 => drop(cluster.delete(collection, pick(rng, &NAMES))),
        _ => drop(put(cluster, collection, pick(rng, &NAMES), pick(rng, &STATES))),
    }
}

/// Makes the cluster well again: what was held back is told.
fn mend(cluster: &FakeApiServer) {
    cluster.heal();
    cluster.slow_bytes(false);
    for collection in Collection::ALL {
        cluster.release_events(collection);
    }
}

/// Reads until `marker` is in the picture of each of the kinds, and comes back
/// by the cursor after every few messages.
async fn read_to(mut follower: Follower, collections: &[Collection], marker: &str, mut rng: Rng) -> Follower {
    loop {
        for _ in 0..rng.u32(1..40) {
            let seen = |collection: &Collection| follower.contract.picture.get(collection.resource(), marker).is_some();
            if follower.contract.is_live() && collections.iter().all(seen) {
                return follower;
            }
            follower.next().await;
        }
        if rng.u32(..3) == 0 {
            follower.reconnect().await;
        }
    }
}

/// Progress may come for ever.
async fn in_time<T>(reader: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, reader).await.expect("the marker comes")
}

/// Every step; a read of the daemon between them lets both sides run.
async fn disturb(cluster: &FakeApiServer, mut client: Client, mut rng: Rng) {
    for _ in 0..STEPS {
        step(&mut rng, cluster);
        let request = ListStatusesRequest { filter: kinds(&Collection::ALL).filter, ..Default::default() };
        client.list_statuses(request).await.expect("caches that were filled once can be read");
    }
    mend(cluster);
    for collection in Collection::ALL {
        put(cluster, collection, "marker", State::Ready);
    }
}

async fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let setup = Setup::new(&[(Pods, "a"), (Deployments, "b")]).await;
    let cluster = &setup.cluster;
    let all = || with_progress(kinds(&Collection::ALL));
    let names: Vec<_> = NAMES.iter().chain(&["marker", "end"]).map(|name| (Pods, *name)).collect();
    let clients = [
        (all(), &Collection::ALL[..]),
        (full(all()), &Collection::ALL[..]),
        (full(with_progress(kinds(&[Pods]))), &[Pods][..]),
        (history(with_progress(kinds(&[Pods, Deployments]))), &[Pods, Deployments][..]),
        (proven(with_progress(named(&names))), &[Pods][..]),
    ];
    let mut readers = Vec::new();
    for (request, collections) in clients {
        let every_version = request.history || request.view() == daymark_proto::v1::View::Full;
        let reader = in_time(read_to(setup.live(request).await, collections, "marker", rng.fork()));
        readers.push(async move { (reader.await, collections, every_version) });
    }
    let disturbance = disturb(cluster, setup.daemon.client().await, rng.fork());
    let (followers, ()) = futures::join!(futures::future::join_all(readers), disturbance);

    // The first marker may have come in a list, before what is gone was deleted.
    cluster.until_watched().await;
    for collection in Collection::ALL {
        put(cluster, collection, "end", State::Ready);
    }
    for (follower, collections, every_version) in followers {
        let follower = in_time(read_to(follower, collections, "end", rng.fork())).await;
        assert_true(&follower.contract.picture, cluster, collections, every_version);
    }
    setup.daemon.stop().await;
}

/// Tells the seed of a run that fails.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "a test's output is shown when it fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat this run: {SEED}={}", self.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_streams_hold_their_contract_and_end_in_the_truth() {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse().expect("it is a number"));
    let runs = number(RUNS).unwrap_or(1);
    for run_number in 1..=runs {
        let seed = Seed(number(SEED).unwrap_or_else(|| fastrand::u64(..)));
        eprintln!("run {run_number} of {runs}");
        run(seed.0).await;
    }
}
