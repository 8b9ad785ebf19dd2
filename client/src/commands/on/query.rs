//! What `on` was asked for.

use daymark::api::Filter;

use super::state_file::Subject;
use crate::args::{Global, On};
use crate::commands::session;
use crate::exit::Failure;
use crate::targets::{Selection, Target, escape_field};

/// Each object that is named has a stream of its own, and a connection carries
/// 200 streams.
const MOST_NAMES: usize = 100;

/// What `on` was asked for.
pub struct Query<'a> {
    global: &'a Global,
    args: &'a On,
    selection: Selection,
}

impl<'a> Query<'a> {
    pub fn new(global: &'a Global, args: &'a On) -> Result<Self, Failure> {
        let selection = Selection::parse(&args.words)?;
        if let Selection::Objects(targets) = &selection {
            session::one_namespace(global)?;
            if args.all_namespaces || !args.selector.is_empty() {
                return Err(Failure::usage("object names cannot be used with --all-namespaces or --selector"));
            }
            if targets.len() > MOST_NAMES {
                let count = targets.len();
                return Err(Failure::usage(format!(
                    "{count} objects are named, and {MOST_NAMES} can be: select them by their labels, with -l"
                )));
            }
        }
        Ok(Self { global, args, selection })
    }

    /// One filter for each stream. The daemon takes no expression for objects by
    /// name, but one for those of a kind that have the name.
    pub fn filters(&self) -> Vec<Filter> {
        let named = |target: &Target| {
            let kind = Selection::Kinds(vec![target.kind.clone()]);
            let field_selector = format!("metadata.name={}", escape_field(&target.name));
            Filter { field_selector, ..self.narrowed(&kind) }
        };
        match &self.selection {
            Selection::Kinds(_) => vec![self.narrowed(&self.selection)],
            Selection::Objects(targets) => targets.iter().map(named).collect(),
        }
    }

    /// What a state file is to be of.
    pub fn subject(&self) -> Result<Subject, Failure> {
        let targets = match &self.selection {
            Selection::Kinds(kinds) => kinds.clone(),
            Selection::Objects(targets) => targets.iter().map(ToString::to_string).collect(),
        };
        Ok(Subject {
            address: session::address(self.global)?.to_string(),
            cluster: session::cluster(self.global).to_owned(),
            targets,
            namespace: session::namespace(self.global).unwrap_or_default().to_owned(),
            all_namespaces: self.args.all_namespaces,
            selector: self.args.selector.clone(),
            when: self.args.when.clone(),
        })
    }

    fn narrowed(&self, selection: &Selection) -> Filter {
        Filter {
            cluster: session::cluster(self.global).to_owned(),
            label_selector: self.args.selector.clone(),
            cel: self.args.when.clone(),
            ..selection.filter(session::namespace(self.global), self.args.all_namespaces)
        }
    }
}
