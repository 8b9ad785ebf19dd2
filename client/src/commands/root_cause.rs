//! What is behind the cause that a verdict names.

use std::time::Duration;

use daymark::Client;
use daymark::api::Filter;
use tokio::time::timeout;

use super::following::Following;
use crate::signals::Signals;

/// How long a verdict is held back for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has the object that did not pass diagnosed, while the cluster is as it was. The verdict stands,
/// whatever comes of it, and is told at once to whoever interrupts this.
pub async fn look_for(client: &Client, cluster: &str, following: &mut Following<'_>, signals: &mut Signals) {
    let Some(object) = following.at_fault() else { return };
    let filter = Filter { cluster: cluster.to_owned(), refs: vec![object.clone()], ..Filter::default() };
    let found = tokio::select! {
        biased;
        _ending = signals.next() => return,
        found = timeout(PATIENCE, client.diagnose(filter)) => found,
    };
    following.take_root_cause(match found {
        Ok(Ok(answer)) => Ok(answer.diagnosis.and_then(|it| it.causes.into_iter().next())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not found out within {PATIENCE:?}; try daymark diagnose")),
    });
}
