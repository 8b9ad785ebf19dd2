//! What a caller may have of a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{Refusal, Refused};
use crate::access::Caller;
use crate::access::authorizer::{Authorizer, Right};
use crate::decode;
use crate::kind::Kind;
use crate::source::listing::{Listable, NoPage, PageRequest};
use crate::source::{Problem, Source};

/// Namespaces that are tried one by one for who may not list a kind in all.
const MOST_NAMESPACES: usize = 500;
/// Rights that are waited for at a time.
const AT_ONCE: usize = 16;

/// What a caller may have.
pub(super) struct Rights {
    pub(super) caller: Caller,
    pub(super) authorizer: Arc<Authorizer>,
    /// The namespaces that are tried.
    pub(super) known: Vec<Arc<str>>,
}

/// Where a kind is listed, `None` being everywhere at once, and what is left out.
pub(super) struct Places {
    pub(super) lists: Vec<Option<Arc<str>>>,
    pub(super) refused: Vec<Refused>,
}

impl Rights {
    /// Where a kind is to be listed, of those namespaces.
    pub(super) async fn places(&self, kind: &Kind, wanted: Option<&[Arc<str>]>) -> Result<Places, Problem> {
        let everywhere = Right::to("list", kind, None);
        let wanted = wanted.filter(|_| kind.namespaced);
        if self.authorizer.may(&self.caller, everywhere.clone()).await? {
            let lists = wanted.map_or_else(|| vec![None], |wanted| wanted.iter().cloned().map(Some).collect());
            return Ok(Places { lists, refused: Vec::new() });
        }
        let tried = match wanted {
            Some(wanted) => wanted,
            None if kind.namespaced => &self.known,
            None => &[],
        };
        let each: Vec<_> = tried
            .iter()
            .map(|namespace| self.authorizer.may(&self.caller, Right::to("list", kind, Some(namespace))))
            .collect();
        let may: Vec<bool> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        let permitted: Vec<_> = tried.iter().zip(&may).filter(|(_, may)| **may).map(|(it, _)| Arc::clone(it)).collect();
        let refused = match wanted {
            None => vec![self.refused(kind, &everywhere, &permitted)],
            Some(_) => {
                let denied = tried.iter().zip(&may).filter(|(_, may)| !**may);
                denied.map(|(it, _)| self.refused(kind, &Right::to("list", kind, Some(it)), &[])).collect()
            }
        };
        Ok(Places { lists: permitted.into_iter().map(Some).collect(), refused })
    }

    /// Whether a kind may still be listed there.
    pub(super) async fn may_list(&self, kind: &Kind, place: Option<&str>) -> Result<bool, Problem> {
        if self.authorizer.may(&self.caller, Right::to("list", kind, None)).await? {
            return Ok(true);
        }
        match place {
            Some(_) => self.authorizer.may(&self.caller, Right::to("list", kind, place)).await,
            None => Ok(false),
        }
    }

    /// Whether the logs of the pods in a namespace may be read; else why not.
    pub(super) async fn may_read_logs(&self, namespace: &str) -> Result<Result<(), String>, Problem> {
        let right = Right::to_any("get", "", "pods", Some(namespace)).below("log");
        Ok(match self.authorizer.may(&self.caller, right.clone()).await? {
            true => Ok(()),
            false => Err(format!("{} may not {right}", self.caller)),
        })
    }

    /// Whether nodes' kubelets may be asked what they tell of them; else why not.
    pub(super) async fn may_ask_nodes(&self) -> Result<Result<(), String>, Problem> {
        let right = Right::to_any("get", "", "nodes", None).below("proxy");
        Ok(match self.authorizer.may(&self.caller, right.clone()).await? {
            true => Ok(()),
            false => Err(format!("{} may not {right}", self.caller)),
        })
    }

    fn refused(&self, kind: &Kind, right: &Right, only: &[Arc<str>]) -> Refused {
        let mut message = format!("{} may not {right}", self.caller);
        if !only.is_empty() {
            message += &format!(", only in {}", only.join(", "));
        }
        if kind.namespaced && right.namespace.is_empty() && self.known.len() == MOST_NAMESPACES {
            message += &format!("; more than {MOST_NAMESPACES} namespaces are not tried: name the ones you need");
        }
        let (kind, namespace) = (kind.to_string(), right.namespace.to_string());
        Refused { kind, namespace, name: String::new(), reason: Refusal::Denied, message }
    }
}

/// The namespaces that there are, as far as the daemon may see them: which are tried tells nobody
/// anything.
pub(super) async fn namespaces(source: &Source, kinds: &[Listable]) -> Vec<Arc<str>> {
    let mut names = BTreeSet::new();
    let found = kinds.iter().find(|it| it.kind.group.is_empty() && it.kind.resource == "namespaces");
    let Some(Listable { kind, .. }) = found else { return Vec::new() };
    let wanted = PageRequest { namespace: None, limit: MOST_NAMESPACES, token: "", at: "" };
    let read = async {
        let mut page = source.open_page(kind, &wanted).await?;
        while let Some(item) = page.next_item().await? {
            names.extend(decode::identity(&item).map(|identity| identity.key.name));
        }
        Ok::<_, NoPage>(())
    };
    if let Err(problem) = read.await {
        tracing::debug!(?problem, "the namespaces are not known: none is tried");
    }
    names.into_iter().collect()
}
