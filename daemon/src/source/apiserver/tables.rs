//! Objects as the API server would print them: what `kubectl get` asks for.

use http::StatusCode;

use super::ApiServer;
use super::answer::{Failure, accept, malformed};
use crate::kind::{Kind, escape};
use crate::source::table::{Table, Wanted};
use crate::source::{Problem, ProblemReason};

impl ApiServer {
    /// A page of a kind's table, read now; `None` if the one object that is wanted is
    /// not there.
    pub(in crate::source) async fn read_table(
        &self,
        kind: &Kind,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Table>, Problem> {
        let body = match self.get(&path(kind, wanted), accept::TABLE).await {
            Ok(body) => body,
            Err(Failure { status: Some(StatusCode::NOT_FOUND), .. }) if wanted.name.is_some() => return Ok(None),
            Err(Failure { status: Some(StatusCode::GONE), .. }) => {
                let message = "the list has changed too much since its first page: read it anew";
                return Err(Problem::new(ProblemReason::Refused, message));
            }
            Err(failure) => return Err(failure.problem),
        };
        let table: Table = serde_json::from_slice(&body).map_err(|error| malformed("table", &error))?;
        if !table.is_one() {
            let message = "the API server that serves them gives no tables";
            return Err(Problem::new(ProblemReason::Refused, message));
        }
        Ok(Some(table))
    }
}

fn path(kind: &Kind, wanted: &Wanted<'_>) -> String {
    let collection = kind.path(wanted.namespace.filter(|_| kind.namespaced));
    if let Some(name) = wanted.name {
        return format!("{collection}/{}", escape(name));
    }
    let mut path = format!("{collection}?limit={}", wanted.limit);
    for (parameter, value) in
        [("labelSelector", wanted.labels), ("fieldSelector", wanted.fields), ("continue", wanted.token)]
    {
        if !value.is_empty() {
            path += &format!("&{parameter}={}", escape(value));
        }
    }
    path
}
