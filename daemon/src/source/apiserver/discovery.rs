//! Which kinds an API server serves.
//!
//! By aggregated discovery, which says everything in two answers, or, of an API
//! server that does not have it, by one answer for each group's version.

use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, header};
use serde::{Deserialize, Deserializer};

use super::ApiServer;
use super::answer::{Failure, accept, malformed};
use crate::kind::Kind;
use crate::source::{Problem, ProblemReason};

/// The two roots: the core group's, and that of the others.
const ROOTS: [&str; 2] = ["/api", "/apis"];
/// What is asked for: stable since Kubernetes 1.30, in beta since 1.27
/// (KEP-3352), else what every API server has.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// Versions of groups that are read at a time, where each needs a request.
const READS_AT_ONCE: usize = 8;

/// What is to be done with kinds that are followed.
const FOLLOW: &[&str] = &["list", "watch"];

/// What an API server said last, by which it says later that nothing changed.
#[derive(Debug)]
pub struct Discovery {
    /// What can be done with the kinds that are looked for.
    verbs: &'static [&'static str],
    etags: [Option<String>; 2],
    kinds: [Vec<Kind>; 2],
    /// Whether the kinds have changed since they were told.
    untold: bool,
}

impl Default for Discovery {
    /// Of kinds that can be followed.
    fn default() -> Self {
        Self { verbs: FOLLOW, etags: Default::default(), kinds: Default::default(), untold: false }
    }
}

impl Discovery {
    /// Of kinds that can be listed, whether or not they can be followed.
    #[must_use]
    pub fn of_listable() -> Self {
        Self { verbs: &["list"], ..Self::default() }
    }

    /// Asks which kinds can be listed and watched, or only listed, those of the core group first
    /// and then the groups in the API server's order, each at the version that
    /// the API server prefers. `None` if that is as before.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn discover(&mut self, server: &ApiServer) -> Result<Option<Vec<Kind>>, Problem> {
        for (place, root) in ROOTS.into_iter().enumerate() {
            let Some(answer) = ask(server, root, self.etags[place].as_deref()).await? else { continue };
            self.kinds[place] = match answer.document {
                Document::Aggregated { items } => items.into_iter().flat_map(|group| group.kinds(self.verbs)).collect(),
                Document::Groups { groups } => {
                    each_version(server, groups).await.kinds(&self.kinds[place], self.verbs)?
                }
                Document::Core { versions } => {
                    let versions = versions.into_iter().map(|version| Version { group_version: version }).collect();
                    let core = vec![LegacyGroup { versions, preferred_version: None }];
                    each_version(server, core).await.kinds(&self.kinds[place], self.verbs)?
                }
            };
            self.etags[place] = answer.etag;
            self.untold = true;
        }
        Ok(std::mem::take(&mut self.untold).then(|| self.kinds.concat()))
    }
}

struct Answer {
    document: Document,
    etag: Option<String>,
}

/// Asks for one root; `None` if it has not changed since `etag`.
async fn ask(server: &ApiServer, root: &str, etag: Option<&str>) -> Result<Option<Answer>, Problem> {
    let mut headers = HeaderMap::new();
    if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
        headers.insert(header::IF_NONE_MATCH, etag);
    }
    match server.get_with(root, ACCEPT, headers).await {
        Ok((headers, body)) => {
            let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            let document = serde_json::from_slice(&body).map_err(|e| malformed("list of its kinds", &e))?;
            Ok(Some(Answer { document, etag }))
        }
        Err(Failure { status: Some(http::StatusCode::NOT_MODIFIED), .. }) => Ok(None),
        Err(failure) => Err(failure.problem),
    }
}

/// What is left out or null is empty: API servers written in Go send either.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The documents that an API server may answer with: k8s.io/api
/// `apidiscovery/v2`, and k8s.io/apimachinery `meta/v1`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Aggregated { items: Vec<Group> },
    Groups { groups: Vec<LegacyGroup> },
    Core { versions: Vec<String> },
}

#[derive(Deserialize)]
struct Group {
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Named,
    #[serde(default, deserialize_with = "null_is_default")]
    versions: Vec<GroupVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    #[serde(default, deserialize_with = "null_is_default")]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    #[serde(default, deserialize_with = "null_is_default")]
    response_kind: ResponseKind,
    #[serde(default, deserialize_with = "null_is_default")]
    scope: String,
    #[serde(default, deserialize_with = "null_is_default")]
    singular_resource: String,
    #[serde(default, deserialize_with = "null_is_default")]
    verbs: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    short_names: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    subresources: Vec<Subresource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subresource {
    subresource: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

impl Group {
    /// A resource counts at the first version that has it: the API server lists
    /// its preferred version first.
    fn kinds(self, wanted: &[&str]) -> Vec<Kind> {
        let group = self.metadata.name;
        let mut kinds: Vec<Kind> = Vec::new();
        for GroupVersion { version, resources } in self.versions {
            for resource in resources.into_iter().filter(|resource| has(&resource.verbs, wanted)) {
                if kinds.iter().any(|kind| kind.resource == resource.resource) {
                    continue;
                }
                kinds.push(Kind {
                    group: group.clone(),
                    version: version.clone(),
                    singular: singular(resource.singular_resource, &resource.response_kind.kind),
                    kind: resource.response_kind.kind,
                    resource: resource.resource,
                    short_names: resource.short_names,
                    namespaced: resource.scope == "Namespaced",
                    has_status: resource.subresources.iter().any(|it| it.subresource == STATUS),
                });
            }
        }
        kinds
    }
}

/// The subresource by which controllers write the status of an object.
const STATUS: &str = "status";

/// Whether all that is wanted can be done with a resource of these verbs.
fn has(verbs: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|verb| verbs.iter().any(|v| v == verb))
}

/// Some API servers leave the singular out: it is the kind in small letters.
fn singular(given: String, kind: &str) -> String {
    if given.is_empty() { kind.to_ascii_lowercase() } else { given }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyGroup {
    #[serde(default, deserialize_with = "null_is_default")]
    versions: Vec<Version>,
    preferred_version: Option<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    group_version: String,
}

/// The resources of a version, one by one.
#[derive(Deserialize)]
struct Resources {
    #[serde(default, deserialize_with = "null_is_default")]
    resources: Vec<LegacyResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyResource {
    name: String,
    kind: String,
    #[serde(default, deserialize_with = "null_is_default")]
    singular_name: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    verbs: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    short_names: Vec<String>,
}

/// What was answered of each group's version, or why nothing was.
struct EachVersion(Vec<(String, Result<Vec<LegacyResource>, Problem>)>);

async fn each_version(server: &ApiServer, groups: Vec<LegacyGroup>) -> EachVersion {
    let versions = groups.into_iter().flat_map(|group| {
        let preferred = group.preferred_version.map(|version| version.group_version);
        let mut versions: Vec<_> = group.versions.into_iter().map(|version| version.group_version).collect();
        versions.sort_by_key(|version| Some(version) != preferred.as_ref());
        versions
    });
    let answers = stream::iter(versions).map(|version| async move {
        let root = if version.contains('/') { "/apis" } else { "/api" };
        let resources = match server.get(&format!("{root}/{version}"), accept::JSON).await {
            Ok(body) => serde_json::from_slice::<Resources>(&body).map_err(|e| malformed("list of its kinds", &e)),
            Err(failure) => Err(failure.problem),
        };
        (version, resources.map(|answer| answer.resources))
    });
    EachVersion(answers.buffered(READS_AT_ONCE).collect().await)
}

impl EachVersion {
    /// The kinds of all. An extension's API server that does not answer takes nothing along: its kinds
    /// are those from `before`. One that does not know the version has none.
    fn kinds(self, before: &[Kind], wanted: &[&str]) -> Result<Vec<Kind>, Problem> {
        let mut kinds: Vec<Kind> = Vec::new();
        for (version, answer) in self.0 {
            match answer {
                Ok(resources) => add_version(&mut kinds, &version, resources, wanted),
                // There is no cluster without it.
                Err(problem) if !version.contains('/') => return Err(problem),
                Err(problem) => {
                    tracing::warn!(
                        "the kinds of {version} are as before, because it is not known: {}",
                        problem.message
                    );
                    if problem.reason != ProblemReason::NotServed {
                        keep_version(&mut kinds, &version, before);
                    }
                }
            }
        }
        Ok(kinds)
    }
}

fn keep_version(kinds: &mut Vec<Kind>, group_version: &str, before: &[Kind]) {
    let Some((group, version)) = group_version.split_once('/') else { return };
    for kind in before.iter().filter(|kind| kind.group == group && kind.version == version) {
        if !kinds.iter().any(|known| known.group == group && known.resource == kind.resource) {
            kinds.push(kind.clone());
        }
    }
}

fn add_version(kinds: &mut Vec<Kind>, group_version: &str, resources: Vec<LegacyResource>, wanted: &[&str]) {
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    let (subresources, resources): (Vec<_>, Vec<_>) = resources.into_iter().partition(|r| r.name.contains('/'));
    let of_status = |resource: &str| subresources.iter().any(|it| it.name.split_once('/') == Some((resource, STATUS)));
    for resource in resources.into_iter().filter(|resource| has(&resource.verbs, wanted)) {
        if kinds.iter().any(|kind| kind.group == group && kind.resource == resource.name) {
            continue;
        }
        kinds.push(Kind {
            group: group.into(),
            version: version.into(),
            has_status: of_status(&resource.name),
            resource: resource.name,
            singular: singular(resource.singular_name, &resource.kind),
            kind: resource.kind,
            short_names: resource.short_names,
            namespaced: resource.namespaced,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_counts_once_at_the_preferred_version_if_it_can_be_watched() {
        let document = br#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"autoscaling"},"versions":[
            {"version":"v2","resources":[{"resource":"horizontalpodautoscalers","scope":"Namespaced",
              "responseKind":{"group":"","version":"","kind":"HorizontalPodAutoscaler"},
              "singularResource":"horizontalpodautoscaler","verbs":["get","list","watch"],"shortNames":["hpa"]},
             {"resource":"reviews","scope":"Cluster","responseKind":{"kind":"Review"},"verbs":["create"]},
             {"resource":"halves","scope":"Cluster","responseKind":null,"verbs":null,"shortNames":null}]},
            {"version":"v1","resources":[{"resource":"horizontalpodautoscalers","verbs":["list","watch"]},
             {"resource":"olds","scope":"Cluster","responseKind":{"kind":"Old"},"verbs":["list","watch"]}]}]}]}"#;
        let Document::Aggregated { items } = serde_json::from_slice(document).unwrap() else { panic!("aggregated") };
        let kinds: Vec<_> = items.into_iter().flat_map(|group| group.kinds(FOLLOW)).collect();
        let told: Vec<_> = kinds.iter().map(|k| (k.to_string(), &*k.version, &*k.singular, k.namespaced)).collect();
        assert_eq!(
            told,
            [
                ("horizontalpodautoscalers.autoscaling".to_owned(), "v2", "horizontalpodautoscaler", true),
                ("olds.autoscaling".to_owned(), "v1", "old", false)
            ]
        );
    }

    #[test]
    fn the_older_documents_are_known_by_their_fields() {
        let groups: Document = serde_json::from_str(
            r#"{"kind":"APIGroupList","groups":[{"name":"a","versions":[{"groupVersion":"a/v1","version":"v1"}]}]}"#,
        )
        .unwrap();
        assert!(matches!(groups, Document::Groups { .. }));
        let core: Document = serde_json::from_str(r#"{"kind":"APIVersions","versions":["v1"]}"#).unwrap();
        assert!(matches!(core, Document::Core { .. }));
    }

    #[test]
    fn a_version_that_is_not_answered_is_as_before_and_the_core_is_not_done_without() {
        let resource = |name: &str| -> LegacyResource {
            serde_json::from_value(serde_json::json!({"name": name, "kind": "K", "verbs": FOLLOW})).unwrap()
        };
        let lost = |reason| Err(Problem::new(reason, "no answer"));
        let answers = |middle| {
            let all = [("a/v1", Ok(vec![resource("as")])), ("b/v1", middle), ("v1", Ok(vec![resource("pods")]))];
            EachVersion(all.map(|(version, answer)| (version.to_owned(), answer)).into())
        };
        let before = answers(Ok(vec![resource("bs")])).kinds(&[], FOLLOW).unwrap();
        assert_eq!(before.len(), 3);
        assert_eq!(answers(lost(ProblemReason::Unreachable)).kinds(&before, FOLLOW), Ok(before.clone()));
        let gone = answers(lost(ProblemReason::NotServed)).kinds(&before, FOLLOW).unwrap();
        assert_eq!(gone.iter().map(|kind| &*kind.resource).collect::<Vec<_>>(), ["as", "pods"]);
        let core = EachVersion(vec![("v1".to_owned(), lost(ProblemReason::Unreachable))]);
        assert_eq!(core.kinds(&before, FOLLOW).unwrap_err().reason, ProblemReason::Unreachable);
    }
}
