//! What is asked for.

use std::time::Duration;

use daymark::api::{Filter, Unreachable, View};

use super::Found;
use crate::args::{ColumnArgs, Following, Get, Global, Shown, Watch};
use crate::commands::session;
use crate::exit::{Exit, Failure};
use crate::output::{Language, Output, OutputArg};
use crate::sort::SortField;
use crate::table::Columns;
use crate::targets::{self, Selection, escape_field};
use crate::words;

/// What `get` or `watch` was asked for.
pub struct Query<'a> {
    pub selection: Selection,
    pub cluster: &'a str,
    pub namespace: Option<&'a str>,
    pub shown: &'a Shown,
    pub following: &'a Following,
    pub columns: &'a ColumnArgs,
    pub output: Output,
    pub mode: Mode,
    /// Whether strings that jq gives are printed without their quotation marks.
    pub raw: bool,
    pub sort_by: Option<&'a str>,
    /// Whether a key that is not there is no error of a template's.
    pub allows_missing_keys: bool,
}

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Once,
    /// What is there, and what changes.
    Watch,
    /// Transitions, from now on.
    Transitions,
}

impl<'a> Query<'a> {
    /// What `get` was asked for.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn of_get(global: &'a Global, args: &'a Get) -> Result<Self, Failure> {
        let output = OutputArg::resolve(args.output.as_ref(), args.template.as_deref())?;
        let query = Self {
            selection: Selection::parse(&args.shown.words)?,
            cluster: session::cluster(global),
            namespace: session::namespace(global),
            shown: &args.shown,
            following: &args.following,
            columns: &args.columns,
            mode: if args.watch { Mode::Watch } else { Mode::Once },
            output,
            raw: args.raw_output,
            sort_by: args.sort_by.as_deref(),
            allows_missing_keys: args.allow_missing_template_keys,
        };
        query.check()?;
        query.check_output()?;
        Ok(query)
    }

    /// What `watch` was asked for.
    ///
    /// # Errors
    /// If it makes no sense.
    pub fn of_watch(global: &'a Global, args: &'a Watch) -> Result<Self, Failure> {
        let output = OutputArg::resolve(args.output.as_ref(), None)?;
        if !output.is_table() && !matches!(output, Output::Name | Output::StatusJson) {
            let message = "watch shows transitions: -o table, wide, name or status-json; get --watch shows objects";
            return Err(Failure::usage(message));
        }
        let query = Self {
            selection: Selection::parse(&args.shown.words)?,
            cluster: session::cluster(global),
            namespace: session::namespace(global),
            shown: &args.shown,
            following: &args.following,
            columns: &args.columns,
            mode: if args.initial { Mode::Watch } else { Mode::Transitions },
            output,
            raw: false,
            sort_by: None,
            allows_missing_keys: true,
        };
        query.check()?;
        Ok(query)
    }

    fn check(&self) -> Result<(), Failure> {
        let Shown { all_namespaces, selector, field_selector, cel, state, .. } = self.shown;
        if self.is_of_kinds() {
            return Ok(());
        }
        if let Some(several) = self.namespace.filter(|namespace| namespace.contains(',')) {
            return Err(targets::in_several(several));
        }
        if *all_namespaces {
            return Err(Failure::usage("object names cannot be used with -A: leave out -A, or the names"));
        }
        if [selector, field_selector, cel].iter().any(|it| !it.is_empty()) || !state.is_empty() {
            return Err(Failure::usage(
                "object names cannot be used with selectors: leave out the names, or the selectors",
            ));
        }
        Ok(())
    }

    /// Whether what is said of the output and of following goes together.
    fn check_output(&self) -> Result<(), Failure> {
        let Following { history, until, timeout } = self.following;
        let is_watch = self.mode != Mode::Once;
        let is_jq = matches!(self.output, Output::Expression(Language::Jq, _));
        let is_kubectl = matches!(self.output, Output::Kubectl { .. });
        let has_columns = self.columns.show_labels || !self.columns.label_columns.is_empty();
        let selects = !self.shown.cel.is_empty() || !self.shown.state.is_empty();
        let problems = [
            (*history && !is_watch, "--history needs --watch"),
            (!until.is_empty() && !is_watch, "--until needs --watch"),
            (timeout.is_some() && !is_watch, "--timeout needs --watch"),
            (self.sort_by.is_some() && is_watch, "--sort-by cannot be used with --watch: leave out one of them"),
            (self.raw && !is_jq, "--raw-output needs -o jq=EXPRESSION"),
            (has_columns && !self.output.is_table() && !is_kubectl, "label columns need a table: leave out -o"),
            (is_kubectl && is_watch, "-o kubectl cannot be used with --watch: it reads once, from the API server"),
            (
                is_kubectl && selects,
                "-o kubectl cannot be used with --state or --cel: the API server does not know them",
            ),
            (
                is_kubectl && self.sort_by.is_some(),
                "-o kubectl cannot be used with --sort-by: it keeps the API server's order",
            ),
        ];
        match problems.iter().find(|(is_so, _)| *is_so) {
            Some((_, problem)) => Err(Failure::usage(*problem)),
            None => Ok(()),
        }
    }

    /// Whether kinds are named, not objects.
    pub fn is_of_kinds(&self) -> bool {
        matches!(self.selection, Selection::Kinds(_))
    }

    /// The objects, as the daemon is asked for them.
    pub fn filter(&self) -> Filter {
        Filter {
            cluster: self.cluster.to_owned(),
            label_selector: self.shown.selector.clone(),
            field_selector: self.shown.field_selector.clone(),
            cel: self.shown.cel.clone(),
            states: self.shown.state.iter().map(|state| words::selected(*state).into()).collect(),
            ..self.selection.filter(self.namespace, self.shown.all_namespaces)
        }
    }

    /// Those of the objects of which `--until` is true. The daemon takes no expression for
    /// objects by name, but one for those of a kind that have the name.
    pub fn until(&self) -> Vec<Filter> {
        let until = &self.following.until;
        if until.is_empty() {
            return Vec::new();
        }
        let Selection::Objects(targets) = &self.selection else {
            let cel = match self.shown.cel.as_str() {
                "" => until.clone(),
                cel => format!("({cel}) && ({until})"),
            };
            return vec![Filter { cel, ..self.filter() }];
        };
        let named = targets.iter().map(|target| Filter {
            cluster: self.cluster.to_owned(),
            field_selector: format!("metadata.name={}", escape_field(&target.name)),
            cel: until.clone(),
            ..Selection::Kinds(vec![target.kind.clone()]).filter(self.namespace, false)
        });
        named.collect()
    }

    /// The view that the output needs.
    pub fn view(&self) -> View {
        let reads = self.output.reads_objects() || self.sort_by.is_some() || self.shows_labels();
        if reads { View::Full } else { View::Basic }
    }

    /// Whether objects of several namespaces may be shown.
    pub fn shows_namespaces(&self) -> bool {
        self.shown.all_namespaces || self.namespace.is_some_and(|namespace| namespace.contains(','))
    }

    fn shows_labels(&self) -> bool {
        self.output.is_table() && (self.columns.show_labels || !self.columns.label_columns.is_empty())
    }

    /// The table's columns.
    pub fn columns(&self) -> Columns {
        Columns {
            time: self.mode == Mode::Transitions,
            namespaces: self.shows_namespaces(),
            kinds: self.selection.has_several_kinds(),
            wide: self.output == Output::Wide,
            header: !self.columns.no_headers,
            labels: self.columns.label_columns.clone(),
            all_labels: self.columns.show_labels,
        }
    }

    /// How long it is followed; `None` for no limit.
    pub fn limit(&self) -> Option<Duration> {
        self.following.timeout.filter(|limit| !limit.is_zero())
    }

    /// The objects in the order of `--sort-by`.
    pub fn sorted(&self, mut found: Found) -> Result<Found, Failure> {
        let Some(path) = self.sort_by else { return Ok(found) };
        let objects: Vec<_> = found.statuses.iter().map(super::object).collect::<Result<_, _>>()?;
        let problem = |error: &dyn std::fmt::Display| Failure::usage(format!("--sort-by: {error}"));
        let field = SortField::parse(path).map_err(|error| problem(&error))?;
        let keys: Vec<_> = objects
            .iter()
            .map(|object| field.key(object))
            .collect::<Result<_, _>>()
            .map_err(|error| problem(&error))?;
        let order = field.order(&keys).map_err(|error| problem(&error))?;
        let mut statuses: Vec<_> = found.statuses.into_iter().map(Some).collect();
        found.statuses = order.into_iter().filter_map(|place| statuses.get_mut(place)?.take()).collect();
        Ok(found)
    }

    /// The exit code when `unreachable` kinds leave nothing to show; `None`
    /// when something else was read.
    pub fn all_unreachable(&self, unreachable: &[Unreachable]) -> Option<Exit> {
        let places = session::places(self.namespace, self.shown.all_namespaces);
        session::all_unreachable(&self.selection, places, unreachable)
    }
}
