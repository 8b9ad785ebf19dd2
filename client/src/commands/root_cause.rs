//! What is behind the cause that a verdict names.

use std::time::Duration;

use daymark::Client;
use daymark::api::Filter;
use tokio::time::timeout;

use super::following::Following;

/// How long a verdict is held back for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has the object that did not pass diagnosed, while the cluster is as it was. The verdict stands,
/// whatever comes of it.
pub async fn look_for(client: &Client, cluster: &str, following: &mut Following<'_>) {
    let Some(object) = following.at_fault() else { return };
    let filter = Filter { cluster: cluster.to_owned(), refs: vec![object.clone()], ..Filter::default() };
    following.take_root_cause(match timeout(PATIENCE, client.diagnose(filter)).await {
        Ok(Ok(answer)) => Ok(answer.diagnosis.and_then(|it| it.causes.into_iter().next())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("not found out within {PATIENCE:?}; try daymark diagnose")),
    });
}
