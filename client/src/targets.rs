//! What the words of a command line name: kinds, or objects.

use std::collections::BTreeSet;

use daymark::api::{Filter, ObjectRef};

use crate::exit::Failure;

/// What the words of a command line name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All objects of some kinds.
    Kinds(Vec<String>),
    /// Objects, one by one.
    Objects(Vec<Target>),
}

/// An object as it was named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The kind, in any of its forms.
    pub kind: String,
    pub name: String,
}

impl Selection {
    /// Reads `KIND`, `KIND,KIND`, `KIND NAME...` or `KIND/NAME...`.
    pub fn parse(words: &[String]) -> Result<Self, Failure> {
        if words.iter().any(|word| word.contains('/')) {
            return objects(words);
        }
        let (kinds, names) = words.split_first().ok_or_else(|| Failure::usage("name a kind, such as pods"))?;
        let kinds: Vec<String> = kinds.split(',').map(str::to_owned).collect();
        if kinds.iter().chain(names).any(String::is_empty) {
            return Err(Failure::usage("an argument is empty: name a kind or an object"));
        }
        if names.is_empty() {
            return Ok(Self::Kinds(unique(kinds)));
        }
        let target = |kind: &String, name: &String| Target { kind: kind.clone(), name: name.clone() };
        let targets = kinds.iter().flat_map(|kind| names.iter().map(move |name| target(kind, name)));
        Ok(Self::Objects(unique(targets.collect())))
    }

    /// Whether more than one kind is named.
    pub fn has_several_kinds(&self) -> bool {
        match self {
            Self::Kinds(kinds) => kinds.len() > 1,
            Self::Objects(targets) => targets.windows(2).any(|pair| pair[0].kind != pair[1].kind),
        }
    }

    /// Whether it is one object by name.
    pub fn is_one_object(&self) -> bool {
        matches!(self, Self::Objects(targets) if targets.len() == 1)
    }

    /// The filter that selects it.
    pub fn filter(&self, namespace: Option<&str>, all_namespaces: bool) -> Filter {
        match self {
            Self::Kinds(kinds) => Filter {
                kinds: kinds.clone(),
                namespaces: in_namespaces(namespace.filter(|_| !all_namespaces)),
                all_namespaces,
                ..Filter::default()
            },
            Self::Objects(targets) => Filter {
                refs: targets.iter().map(|target| target.object_ref(namespace)).collect(),
                ..Filter::default()
            },
        }
    }
}

impl Target {
    /// The object, in the namespace or in the daemon's default one.
    pub fn object_ref(&self, namespace: Option<&str>) -> ObjectRef {
        ObjectRef {
            resource: self.kind.clone(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: self.name.clone(),
            ..ObjectRef::default()
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The namespaces of `-n NAMESPACE,NAMESPACE`.
pub fn namespaces(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// The same, as the daemon is asked for them; none for its default one.
pub fn in_namespaces(text: Option<&str>) -> Vec<String> {
    text.into_iter().flat_map(namespaces).map(str::to_owned).collect()
}

/// What is said where an object is named, and several namespaces.
pub fn in_several(namespaces: &str) -> Failure {
    Failure::usage(format!("objects are named in one namespace, not in {namespaces:?}: name one, or kinds alone"))
}

/// A value of a field selector.
pub fn escape_field(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,")
}

fn objects(words: &[String]) -> Result<Selection, Failure> {
    let target = |word: &String| match word.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(Target { kind: kind.to_owned(), name: name.to_owned() })
        }
        _ => Err(Failure::usage(format!("{word:?} is not an object: expected KIND/NAME like the other arguments"))),
    };
    Ok(Selection::Objects(unique(words.iter().map(target).collect::<Result<_, _>>()?)))
}

/// The first of each, in order.
fn unique<T: Ord + Clone>(items: Vec<T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(item.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Option<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Some(match Selection::parse(&words).ok()? {
            Selection::Kinds(kinds) => kinds.join(" "),
            Selection::Objects(targets) => targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        })
    }

    #[test]
    fn each_form_is_read() {
        for (words, read) in [
            (&["pods"][..], "pods"),
            (&["pods,deploy,pods"], "pods deploy"),
            (&["pod", "a", "b", "a"], "pod/a pod/b"),
            (&["pod,svc", "a"], "pod/a svc/a"),
            (&["pod/a", "deployments.apps/b"], "pod/a deployments.apps/b"),
        ] {
            assert_eq!(parse(words).as_deref(), Some(read), "{words:?}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for words in [&[][..], &[""], &["pods,"], &["pod/"], &["/a"], &["pod/a", "b"], &["pod/a/b"], &["pod", ""]] {
            assert_eq!(parse(words), None, "{words:?}");
        }
    }
}
