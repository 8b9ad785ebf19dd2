//! What a caller may see of what it asks for, now and from now on.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use daymark_proto::v1::Unreachable;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tonic::{Code, Status};

use super::Served;
use super::convert::View;
use super::error::{Reason, status, unreviewed};
use super::trusting::{no_more, otherwise};
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::cache::{Cache, Snapshot};
use crate::gate::withdrawn::{Lost, Withdrawn};
use crate::kind::Kind;
use crate::record::Key;
use crate::subscription::{Scope, Selection, Visible};

/// Namespaces that are tried one by one for who may not see all.
const MOST_NAMESPACES: usize = 500;
/// Rights that one request waits for at a time.
const AT_ONCE: usize = 16;

/// What is done with objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// They are read once.
    Read,
    /// They are followed.
    Follow,
}

impl Use {
    /// What that takes: of one object by name, or of all of a kind.
    fn verbs(self, is_named: bool) -> &'static [&'static str] {
        match (self, is_named) {
            (Self::Read, true) => &["get"],
            (Self::Read, false) => &["list"],
            (Self::Follow, true) => &["get", "watch"],
            (Self::Follow, false) => &["list", "watch"],
        }
    }
}

/// How much of an object may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Its state, and why.
    State,
    /// All of it.
    Whole,
}

/// What may be seen of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// By caches; nothing, if everything may be seen.
    pub(super) visible: Vec<Visible>,
    pub(super) grade: Grade,
    /// What may not be seen.
    pub(super) refused: Vec<Unreachable>,
}

impl Sight {
    pub(super) const EVERYTHING: Self = Self { visible: Vec::new(), grade: Grade::Whole, refused: Vec::new() };

    /// Nothing of a selection, because of that.
    pub(super) fn nothing(of: &Selection, denied: &Status) -> Self {
        let refused = of.caches.iter().map(|cache| unreachable(cache, denied.message().to_owned())).collect();
        Self { visible: of.caches.iter().map(|_| Visible::nothing()).collect(), grade: Grade::Whole, refused }
    }

    /// The selection as far as it may be seen.
    pub(super) fn narrow(&self, selection: Selection) -> Selection {
        match self.visible.is_empty() {
            true => selection,
            false => selection.seeing(self.visible.clone()),
        }
    }

    /// The same, if nothing was refused.
    fn whole(self) -> Result<Self, Status> {
        match self.refused.first() {
            None => Ok(self),
            Some(refused) => Err(status(Code::PermissionDenied, Reason::PermissionDenied, refused.message.clone(), [])),
        }
    }
}

impl Served {
    /// What the caller may see of a selection. It is an error if that is nothing, or
    /// too little of an object.
    pub(super) async fn sight(&self, caller: &Caller, of: &Selection, r#use: Use, view: View) -> Result<Sight, Status> {
        if !matches!(caller, Caller::User(_)) {
            return Ok(Sight::EVERYTHING);
        }
        let sight = match &of.scope {
            Scope::Named(_) => self.sight_of_named(caller, of, r#use).await?,
            Scope::All | Scope::Namespaces(_) => self.sight_of_kinds(caller, of, r#use).await?,
        };
        let reads_objects = view == View::Full || of.predicate.is_some() || !of.fields.is_empty();
        if sight.grade < Grade::Whole && reads_objects {
            let message =
                format!("{caller} may see states only: no objects, and nothing that is selected by what they hold");
            return Err(status(Code::PermissionDenied, Reason::PermissionDenied, message, []));
        }
        Ok(sight)
    }

    /// What the caller may see of a gate's objects: all, or it is an error, because what
    /// is not seen cannot be judged. And when that is over.
    pub(super) async fn judges(
        self: &Arc<Self>,
        caller: &Caller,
        of: &Selection,
        view: View,
    ) -> Result<Withdrawn, Status> {
        let sight = self.sight(caller, of, Use::Follow, view).await?.whole()?;
        if !matches!(caller, Caller::User(_)) {
            return Ok(Withdrawn::never());
        }
        let (served, caller, of) = (Arc::clone(self), caller.clone(), of.seeing(Vec::new()));
        Ok(Withdrawn::when(async move {
            let mut before = sight;
            loop {
                match served.other_sight(&caller, &of, (Use::Follow, view), &before).await.and_then(Sight::whole) {
                    Ok(sight) => before = sight,
                    Err(error) if error.code() == Code::Unavailable => {
                        return Lost::Unknown(error.message().to_owned());
                    }
                    Err(error) => return Lost::Forbidden(error.message().to_owned()),
                }
            }
        }))
    }

    /// Whether the caller may list all that a cache holds.
    pub(super) async fn may_list(&self, caller: &Caller, cache: &Cache) -> Result<bool, Status> {
        let namespace = cache.collection().namespace.as_deref();
        self.may(caller, Right::to("list", cache.kind(), namespace)).await
    }

    /// Whether the caller may read one object.
    pub(super) async fn may_get(&self, caller: &Caller, kind: &Kind, key: &Key, view: View) -> Result<(), Status> {
        let asked = Asked { kind, namespace: &key.namespace, name: Some(&key.name), r#use: Use::Read };
        match self.grade(caller, asked).await? {
            Some(Grade::Whole) => Ok(()),
            Some(Grade::State) if view == View::Basic => Ok(()),
            Some(Grade::State) | None => Err(denied(caller, &asked.right())),
        }
    }

    /// Resolves when the caller may no longer read that object: why.
    pub(super) async fn hidden(&self, caller: &Caller, kind: &Kind, key: &Key) -> Status {
        no_more(caller, self.authorizer.trust(), || self.may_get(caller, kind, key, View::Basic)).await
    }

    /// What the caller may see of a selection whose caches hold something, and what of it
    /// cannot be read. Who may see nothing is not told whether it can.
    pub(super) async fn seen(
        &self,
        caller: &Caller,
        of: &Selection,
        r#use: Use,
        view: View,
    ) -> Result<(Sight, Vec<Unreachable>), Status> {
        let sight = self.sight(caller, of, r#use, view).await;
        // Which namespaces to try is known best when there are objects in them.
        let tries_again =
            matches!(&of.scope, Scope::All) && matches!(&sight, Err(denied) if denied.code() == Code::PermissionDenied);
        if tries_again {
            let unreachable = self.await_listed(of).await?;
            return Ok((self.sight(caller, of, r#use, view).await?, unreachable));
        }
        let sight = sight?;
        Ok((sight, self.await_listed(of).await?))
    }

    async fn sight_of_named(&self, caller: &Caller, of: &Selection, r#use: Use) -> Result<Sight, Status> {
        let Scope::Named(named) = &of.scope else { return Ok(Sight::EVERYTHING) };
        let mut asked = Vec::with_capacity(named.len());
        for named in named {
            let kind = of.caches[named.cache].kind();
            let object = Asked { kind, namespace: &named.key.namespace, name: Some(&named.key.name), r#use };
            asked.push(self.grade_of_one(caller, object));
        }
        let grades: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let grade = grades.into_iter().min().unwrap_or(Grade::Whole);
        Ok(Sight { grade, ..Sight::EVERYTHING })
    }

    async fn sight_of_kinds(&self, caller: &Caller, of: &Selection, r#use: Use) -> Result<Sight, Status> {
        let each: Vec<_> = of.caches.iter().map(|cache| self.sight_of_kind(caller, cache, &of.scope, r#use)).collect();
        let seen: Vec<_> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        let (mut visible, mut refused, mut grade) = (Vec::new(), Vec::new(), Grade::Whole);
        for (cache, (visible_here, grade_here, refused_here)) in of.caches.iter().zip(seen) {
            if !visible_here.is_nothing() {
                grade = grade.min(grade_here);
            }
            refused.extend(refused_here.map(|message| unreachable(cache, message)));
            visible.push(visible_here);
        }
        if visible.iter().all(Visible::is_nothing) && !visible.is_empty() {
            let message = refused.into_iter().next().map(|refused| refused.message).unwrap_or_default();
            return Err(status(Code::PermissionDenied, Reason::PermissionDenied, message, []));
        }
        Ok(Sight { visible, grade, refused })
    }

    /// What of a cache may be seen, how much of it, and what may not, in a sentence.
    async fn sight_of_kind(
        &self,
        caller: &Caller,
        cache: &Cache,
        scope: &Scope,
        r#use: Use,
    ) -> Result<(Visible, Grade, Option<String>), Status> {
        let kind = cache.kind();
        let asked: Vec<Arc<str>> = match (&cache.collection().namespace, scope) {
            _ if !kind.namespaced => Vec::new(),
            (Some(only), _) => vec![(**only).into()],
            (None, Scope::Namespaces(namespaces)) => namespaces.iter().filter(|n| !n.is_empty()).cloned().collect(),
            (None, _) => Vec::new(),
        };
        let is_everywhere = asked.is_empty();
        if is_everywhere
            && let Some(grade) = self.grade(caller, Asked { kind, namespace: "", name: None, r#use }).await?
        {
            return Ok((Visible::All, grade, None));
        }
        let (tried, is_too_many) = match is_everywhere {
            false => (asked, false),
            true if !kind.namespaced => (Vec::new(), false),
            true => self.namespaces(cache).await,
        };
        let each: Vec<_> =
            tried.iter().map(|namespace| self.grade(caller, Asked { kind, namespace, name: None, r#use })).collect();
        let grades: Vec<_> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        let seen: Vec<_> =
            tried.iter().zip(grades).filter_map(|(namespace, grade)| Some((namespace, grade?))).collect();
        let grade = seen.iter().map(|(_, grade)| *grade).min().unwrap_or(Grade::Whole);
        let is_all = !is_everywhere && seen.len() == tried.len();
        let visible: BTreeSet<_> = seen.into_iter().map(|(namespace, _)| Arc::clone(namespace)).collect();
        let refused = (!is_all).then(|| {
            let first = tried.iter().find(|namespace| !is_everywhere && !visible.contains(*namespace));
            let namespace = first.map_or("", |namespace| namespace);
            let right = Asked { kind, namespace, name: None, r#use }.right();
            refusal(caller, &right, &visible, is_too_many)
        });
        Ok((Visible::In(visible), grade, refused))
    }

    /// The namespaces that there are, those with objects of a cache first, and whether they
    /// are too many.
    async fn namespaces(&self, cache: &Cache) -> (Vec<Arc<str>>, bool) {
        let mut all: Vec<_> = Snapshot::take([cache], &self.log).namespaces(0).take(MOST_NAMESPACES + 1).collect();
        let kind = self.caches.catalog().find_exactly(("", "Namespace"));
        let leases = match kind {
            Some(kind) => self.caches.lease(&kind).await.unwrap_or_default(),
            None => Vec::new(),
        };
        for lease in &leases {
            // Where they may not be read, those with objects have to do.
            if lease.listed().await.is_ok() {
                let snapshot = Snapshot::take([&**lease], &self.log);
                let names = snapshot.objects(0, None).map(|(key, _)| &key.name);
                let known: BTreeSet<_> = all.iter().cloned().collect();
                all.extend(names.filter(|name| !known.contains(*name)).take(MOST_NAMESPACES + 1).cloned());
            }
        }
        let is_too_many = all.len() > MOST_NAMESPACES;
        all.truncate(MOST_NAMESPACES);
        (all, is_too_many)
    }

    /// How much the caller may see of one object; it is an error if that is nothing.
    async fn grade_of_one(&self, caller: &Caller, asked: Asked<'_>) -> Result<Grade, Status> {
        self.grade(caller, asked).await?.ok_or_else(|| denied(caller, &asked.right()))
    }

    /// How much the caller may see of what is asked for, if anything.
    async fn grade(&self, caller: &Caller, asked: Asked<'_>) -> Result<Option<Grade>, Status> {
        let mut all = true;
        for verb in asked.r#use.verbs(asked.name.is_some()) {
            all = all && self.may(caller, asked.to(verb)).await?;
        }
        Ok(match all {
            true => Some(Grade::Whole),
            false if self.status_only && self.may(caller, asked.to("get").below("status")).await? => Some(Grade::State),
            false => None,
        })
    }

    async fn may(&self, caller: &Caller, right: Right) -> Result<bool, Status> {
        self.authorizer.may(caller, right).await.map_err(|problem| unreviewed(&problem))
    }

    /// Resolves when the caller may see otherwise than before; it is an error if that
    /// is nothing any more, or for long nobody says what it is.
    pub(super) async fn other_sight(
        &self,
        caller: &Caller,
        of: &Selection,
        (r#use, view): (Use, View),
        before: &Sight,
    ) -> Result<Sight, Status> {
        let look = || async { Ok(Some(self.sight(caller, of, r#use, view).await?).filter(|sight| sight != before)) };
        otherwise(caller, self.authorizer.trust(), look).await
    }
}

/// Objects that somebody asks for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    kind: &'a Kind,
    /// Empty for all, or where the kind has none.
    namespace: &'a str,
    name: Option<&'a Arc<str>>,
    r#use: Use,
}

impl Asked<'_> {
    fn to(&self, verb: &'static str) -> Right {
        let right = Right::to(verb, self.kind, Some(self.namespace));
        match self.name {
            Some(name) => right.of(name),
            None => right,
        }
    }

    /// What it takes first.
    fn right(&self) -> Right {
        self.to(self.r#use.verbs(self.name.is_some()).first().copied().unwrap_or("get"))
    }
}

fn refusal(caller: &Caller, right: &Right, visible: &BTreeSet<Arc<str>>, is_too_many: bool) -> String {
    let mut message = format!("{caller} may not {right}");
    if !visible.is_empty() {
        let namespaces: Vec<_> = visible.iter().map(|namespace| &**namespace).collect();
        message += &format!(", only in {}", namespaces.join(", "));
    }
    if is_too_many {
        message += &format!("; more than {MOST_NAMESPACES} namespaces are not tried: name the ones you need");
    }
    message
}

fn unreachable(cache: &Cache, message: String) -> Unreachable {
    Unreachable {
        kind: cache.kind().to_string(),
        namespace: cache.collection().namespace.as_deref().unwrap_or_default().to_owned(),
        reason: "PermissionDenied".to_owned(),
        message,
    }
}

/// The caller may not.
pub(super) fn denied(caller: &Caller, right: &Right) -> Status {
    status(Code::PermissionDenied, Reason::PermissionDenied, format!("{caller} may not {right}"), [])
}

/// A number for what may be seen; 0 for everything.
pub(super) fn number(visible: &[Visible]) -> u64 {
    if visible.iter().all(|visible| *visible == Visible::All) {
        return 0;
    }
    // The same for the same, within one run of the daemon.
    let mut hasher = DefaultHasher::new();
    visible.hash(&mut hasher);
    hasher.finish().max(1)
}
