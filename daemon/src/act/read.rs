//! Reading of the API server what an act is planned by.

use serde::Deserialize;
use serde_json::Value;

use super::actor::{Actor, NotDone};
use crate::diagnose::Object;
use crate::kind::escape;

/// Objects of a page.
const PAGE: usize = 500;

#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default)]
    r#continue: String,
}

/// Whether something is permitted; an error, if that is not known.
pub(super) fn permitted(may: Result<(), NotDone>) -> Result<bool, NotDone> {
    match may {
        Ok(()) => Ok(true),
        Err(NotDone::Denied { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Every page of a list; `path` has a query, if only its `?`.
pub(super) async fn list_all(
    actor: &Actor,
    path: &str,
    (api_version, kind): (&str, &str),
) -> Result<Vec<Object>, NotDone> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let go_on = if token.is_empty() { String::new() } else { format!("&continue={}", escape(&token)) };
        let page: Page = actor.read(&format!("{path}&limit={PAGE}{go_on}")).await?;
        all.extend(page.items.unwrap_or_default().into_iter().filter_map(|item| object(api_version, kind, item)));
        token = page.metadata.r#continue;
        if token.is_empty() {
            return Ok(all);
        }
    }
}

/// An object; those of lists do not say of which kind they are.
pub(super) fn object(api_version: &str, kind: &str, mut value: Value) -> Option<Object> {
    let fields = value.as_object_mut()?;
    fields.insert("apiVersion".into(), api_version.into());
    fields.insert("kind".into(), kind.into());
    Object::read(value)
}

/// What is there, if anything is.
pub(super) fn found<T>(read: Result<T, NotDone>) -> Result<Option<T>, NotDone> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(NotDone::Refused(refusal)) if refusal.status == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}
