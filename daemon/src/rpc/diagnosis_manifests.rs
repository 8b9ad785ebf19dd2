//! Manifests whose objects are diagnosed: whether the API server would take them, and which
//! objects they are of.

use std::time::Duration;

use bytes::Bytes;
use daymark_proto::v1::{Filter, Manifest, ObjectRef};
use futures::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

use super::Served;
use super::acting::Note;
use super::diagnosis_gather::Gathering;
use super::diagnosis_observe::Asked;
use super::error::{Reason, status, unknown_kinds};
use crate::access::Caller;
use crate::act::Act;
use crate::act::actor::Actor;
use crate::act::manifest::attempt;
use crate::diagnose::{self, Ruling};
use crate::kind::Kind;

/// Manifests of one request.
const MOST: usize = 100;
/// Their bytes, all together.
const BYTES: usize = 3 << 20;
/// Dry runs at a time.
const AT_ONCE: usize = 8;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A manifest, and what it is of.
struct Known {
    manifest: Manifest,
    /// The kind, in the version of the manifest; `None` if the cluster has none such.
    kind: Option<Kind>,
    /// Empty, where the kind has none.
    namespace: String,
}

impl Served {
    /// What is known of the objects of manifests, and what the API server says of these.
    pub(super) async fn observe_manifests<'a>(
        &'a self,
        caller: &'a Caller,
        filter: &Filter,
        manifests: Vec<Manifest>,
        note: &Note,
    ) -> Result<(Gathering<'a>, Asked), Status> {
        self.check_cluster(&filter.cluster)?;
        check(filter, &manifests)?;
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let said = filter.namespaces.first().filter(|namespace| !namespace.is_empty());
        let namespace = said.unwrap_or(&self.default_namespace);
        let mut all = self.known(manifests, namespace).await;
        let ruled = self.rulings(caller, &mut all, note).await;
        let mut gathering = self.gather(caller).await;
        gathering.observation.manifests = ruled;
        let asked = self.several(&mut gathering, filter, all.iter().filter_map(Known::object).collect()).await;
        self.look_around(caller, &mut gathering, &asked).await;
        Ok((gathering, asked))
    }

    /// What manifests are of. If there are kinds that are not known, the API server is asked, once.
    async fn known(&self, manifests: Vec<Manifest>, namespace: &str) -> Vec<Known> {
        let catalog = self.caches.catalog();
        let find = |it: &Manifest| catalog.find_exactly((group(it), &it.kind));
        if let Some(unknown) = manifests.iter().find(|it| find(it).is_none()) {
            catalog.resolve(&format!("{}.{}", unknown.kind, group(unknown))).await;
        }
        let known = |manifest: Manifest| {
            let kind = find(&manifest).map(|kind| Kind { version: version(&manifest).to_owned(), ..(*kind).clone() });
            let namespace = match (&kind, &*manifest.namespace) {
                (Some(kind), _) if !kind.namespaced => String::new(),
                (_, "") => namespace.to_owned(),
                (_, said) => said.to_owned(),
            };
            Known { manifest, kind, namespace }
        };
        manifests.into_iter().map(known).collect()
    }

    /// What the API server says of each. Their texts are taken.
    async fn rulings(&self, caller: &Caller, all: &mut [Known], note: &Note) -> Vec<diagnose::Manifest> {
        let actor = self.actor(caller, Act::DryRun).await;
        if let Err(status) = &actor {
            note.at(format!("{} manifests", all.len())).tell("refused", status.message());
        }
        let ends = Instant::now() + PATIENCE;
        let made: Vec<_> = all.iter().map(|it| (it.manifest.kind.clone(), it.manifest.name.clone())).collect();
        let each: Vec<_> = all
            .iter_mut()
            .map(|it| {
                let (text, it, actor) = (std::mem::take(&mut it.manifest.text), &*it, actor.as_ref());
                async move {
                    let ruling = match actor {
                        Err(status) => Ruling::NotChecked(status.message().to_owned()),
                        Ok(actor) => timeout_at(ends, it.rule(actor, text, note)).await.unwrap_or_else(late),
                    };
                    (it, ruling)
                }
            })
            .collect();
        let ruled: Vec<_> = stream::iter(each).buffered(AT_ONCE).collect().await;
        let manifest = |(it, ruling): (&Known, Ruling)| {
            let Manifest { place, kind, name, .. } = it.manifest.clone();
            diagnose::Manifest { place, kind, name, ruling: it.unless_awaited(ruling, &made) }
        };
        ruled.into_iter().map(manifest).collect()
    }
}

fn late<E>(_: E) -> Ruling {
    Ruling::NotChecked("the API server has not said in time".to_owned())
}

impl Known {
    async fn rule(&self, actor: &Actor, text: Bytes, note: &Note) -> Ruling {
        let Manifest { api_version, kind: said, name, .. } = &self.manifest;
        let Some(kind) = &self.kind else {
            return Ruling::Invalid(vec![format!("the cluster serves no {said} of {api_version:?}")]);
        };
        let ruling = attempt(actor, kind, (&self.namespace, name), text.into()).await;
        let outcome = match ruling {
            Ruling::Valid(_) => "valid",
            Ruling::Invalid(_) => "not valid",
            Ruling::NotChecked(_) => "not checked",
        };
        let place = if self.namespace.is_empty() { String::new() } else { format!("{}/", self.namespace) };
        // What the API server says may be of what the manifest holds.
        note.at(format!("{kind} {place}{name}")).tell(outcome, "");
        ruling
    }

    /// The ruling, unless another of the manifests has to be applied before there can be one.
    fn unless_awaited(&self, ruling: Ruling, made: &[(String, String)]) -> Ruling {
        let Ruling::Invalid(reasons) = &ruling else { return ruling };
        let (what, is_made) = match &self.kind {
            None => {
                let of_group = format!(".{}", group(&self.manifest));
                let defines = |kind: &str, name: &str| kind == "CustomResourceDefinition" && name.ends_with(&of_group);
                ("kind", made.iter().any(|(kind, name)| defines(kind, name)))
            }
            Some(_) => {
                let is_missing = reasons[..] == [format!("namespaces {:?} not found", self.namespace)];
                let makes = |kind: &str, name: &str| kind == "Namespace" && *name == self.namespace;
                ("namespace", is_missing && made.iter().any(|(kind, name)| makes(kind, name)))
            }
        };
        match is_made {
            true => Ruling::NotChecked(format!("its {what} is made by another of the manifests, and is not there yet")),
            false => ruling,
        }
    }

    /// The object, as it is named in a request.
    fn object(&self) -> Option<ObjectRef> {
        let kind = self.kind.as_ref()?;
        Some(ObjectRef {
            group: kind.group.clone(),
            resource: kind.resource.clone(),
            namespace: self.namespace.clone(),
            name: self.manifest.name.clone(),
            ..ObjectRef::default()
        })
    }
}

fn group(it: &Manifest) -> &str {
    it.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn version(it: &Manifest) -> &str {
    it.api_version.split_once('/').map_or(it.api_version.as_str(), |(_, version)| version)
}

/// Whether the request makes sense: what goes into a path can lead nowhere else.
fn check(filter: &Filter, manifests: &[Manifest]) -> Result<(), Status> {
    let rest = Filter { cluster: String::new(), namespaces: Vec::new(), ..filter.clone() };
    if rest != Filter::default() || filter.namespaces.len() > 1 {
        return Err(invalid("with manifests, a filter takes one namespace only".to_owned()));
    }
    if manifests.len() > MOST {
        return Err(invalid(format!("{} are more than {MOST}", manifests.len())));
    }
    if manifests.iter().map(|it| it.text.len()).sum::<usize>() > BYTES {
        return Err(invalid(format!("they hold more than {} MiB", BYTES >> 20)));
    }
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_part = |text: &str| !text.contains(['/', '%']) && text != "." && text != "..";
    if !filter.namespaces.iter().all(|namespace| is_part(namespace)) {
        return Err(invalid("there is no namespace of that name".to_owned()));
    }
    for it in manifests {
        let parts = [&it.name, &it.namespace];
        if it.name.is_empty() || !is_word(&it.kind) || !is_word(version(it)) || !parts.into_iter().all(|it| is_part(it))
        {
            return Err(invalid(format!("{:?} does not say which object it is of: apiVersion, kind, name", it.place)));
        }
    }
    Ok(())
}

fn invalid(message: String) -> Status {
    status(Code::InvalidArgument, Reason::InvalidManifest, format!("invalid manifests: {message}"), [])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(api_version: &str, kind: &str, namespace: &str, name: &str) -> Manifest {
        let [api_version, kind, namespace, name] = [api_version, kind, namespace, name].map(str::to_owned);
        Manifest { place: "a#1".to_owned(), api_version, kind, namespace, name, text: Bytes::new() }
    }

    #[test]
    fn what_would_lead_to_another_path_is_refused() {
        let is_taken = |it: Manifest| check(&Filter::default(), &[it]).is_ok();
        assert!(is_taken(manifest("apps/v1", "Deployment", "", "web")));
        assert!(is_taken(manifest("v1", "ClusterRole", "shop", "system:a")));
        for (api_version, kind, namespace, name) in [
            ("apps/v1/namespaces/kube-system/secrets", "Deployment", "", "web"),
            ("apps/../v1", "Deployment", "", "web"),
            ("", "Pod", "", "a"),
            ("v1?x", "Pod", "", "a"),
            ("v1", "", "", "a"),
            ("v1", "Pod", "", ""),
            ("v1", "Pod", "", ".."),
            ("v1", "Pod", "a/b", "a"),
            ("v1", "Pod", "", "a%2fb"),
        ] {
            assert!(!is_taken(manifest(api_version, kind, namespace, name)), "{api_version} {kind} {namespace} {name}");
        }
    }

    #[test]
    fn requests_have_an_end() {
        let many = vec![manifest("v1", "Pod", "", "a"); MOST + 1];
        assert!(check(&Filter::default(), &many[..MOST]).is_ok() && check(&Filter::default(), &many).is_err());
        let large = Manifest { text: vec![b' '; BYTES + 1].into(), ..manifest("v1", "Pod", "", "a") };
        assert!(check(&Filter::default(), &[large]).is_err());
        let kinds = Filter { kinds: vec!["pods".to_owned()], ..Filter::default() };
        let namespaces = |namespace: &str| Filter { namespaces: vec![namespace.to_owned()], ..Filter::default() };
        assert!(check(&namespaces("shop"), &many[..1]).is_ok());
        for filter in [kinds, namespaces(".."), namespaces("a/b")] {
            assert!(check(&filter, &many[..1]).is_err(), "{filter:?}");
        }
    }
}
