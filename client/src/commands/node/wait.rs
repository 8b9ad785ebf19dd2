//! `daymark node wait`

mod telling;

use std::time::Duration;

use daymark::api::WatchNodesRequest;
use daymark::{Client, Error, Followed};
use tokio::time::{Instant, sleep_until, timeout_at};

use self::telling::Telling;
use crate::args::{Global, NodeWait};
use crate::commands::session;
use crate::exit::{Exit, Failure, exit_of};
use crate::printer::Printer;

/// The deadline, where none is given.
const DEADLINE: Duration = Duration::from_secs(600);
/// The part that `--first-pod` asks for.
const FIRST_POD: &str = "firstPod";

/// Waits until nodes are usable, or the deadline.
pub async fn run(global: &Global, args: &NodeWait, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.ci);
    let begun = Instant::now();
    let request = request(global, args)?;
    let is_once = args.timeout == Some(Duration::ZERO);
    // Looking once takes as long as a single call may.
    let limit = if is_once { session::request_timeout(global) } else { args.timeout.unwrap_or(DEADLINE) };
    let deadline = begun + limit;
    let client = timeout_at(deadline, session::connect(global)).await;
    let client = client.map_err(|_| Failure::new(Exit::Unreachable, "no connection before the deadline"))??;
    let telling = Telling::new(printer, args, request.required_parts.clone(), begun);
    wait(&client, request, telling, (deadline, is_once)).await
}

fn request(global: &Global, args: &NodeWait) -> Result<WatchNodesRequest, Failure> {
    let cluster = session::cluster(global);
    let names = args.names.iter().map(|word| Ok(super::named(cluster, word)?.name));
    Ok(WatchNodesRequest {
        cluster: cluster.to_owned(),
        names: names.collect::<Result<_, Failure>>()?,
        label_selector: args.selector.clone(),
        min: args.min.unwrap_or_default(),
        tolerated_taints: args.tolerated.clone(),
        required_parts: args.first_pod.then(|| FIRST_POD.to_owned()).into_iter().collect(),
    })
}

async fn wait(
    client: &Client,
    request: WatchNodesRequest,
    mut telling: Telling<'_>,
    (deadline, is_once): (Instant, bool),
) -> Result<Exit, Failure> {
    let mut watch = client.watch_nodes(request);
    loop {
        tokio::select! {
            biased;
            event = watch.next() => match event? {
                Followed::Told(told) => {
                    telling.told(*told);
                    if telling.has_passed() || is_once {
                        return telling.finish();
                    }
                }
                Followed::Lost(error) if is_once => return Err(error.into()),
                Followed::Lost(error) => telling.problem(&session::lost(client, &error)),
                Followed::Restored => {}
            },
            () = sleep_until(deadline) => return end(telling, watch.lost()),
            () = sleep_until(telling.silent_until()) => telling.go_on(),
        }
    }
}

/// What there is to be said at the deadline.
fn end(mut telling: Telling<'_>, lost: Option<&Error>) -> Result<Exit, Failure> {
    match lost {
        None if telling.was_told() => telling.finish(),
        None => Err(Failure::new(Exit::Unreachable, "no answer from the daemon before the deadline")),
        Some(error) => {
            telling.lose()?;
            Err(Failure::new(exit_of(error), format!("undecided: the daemon is lost: {error}")))
        }
    }
}
