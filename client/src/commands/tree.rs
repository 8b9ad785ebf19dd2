//! `daymark tree`

use std::time::Duration;

use daymark::api::{ObjectRef, State, Status, TreeNode, WatchTreeRequest, WatchTreeResponse};
use daymark::{Client, Followed};
use tokio::time::Instant;

use super::session;
use crate::args::{Global, Tree, TreeFormat};
use crate::exit::{Exit, Failure, exit_of};
use crate::layout::{Cell, Layout, Line};
use crate::live::Live;
use crate::printer::Printer;
use crate::staleness::{self, Staleness};
use crate::table::Columns;
use crate::targets::Selection;
use crate::tree::{Nested, row, rows};

/// A tree that is being shown.
struct Shower<'a> {
    args: &'a Tree,
    printer: &'a mut Printer,
    live: Live,
    layout: Layout,
    /// What was shown last.
    shown: Option<WatchTreeResponse>,
    /// Kinds that could not be looked at were told.
    said: Vec<String>,
    staleness: Staleness,
}

/// Shows an object with all that it owns, and goes on with what changes if asked to.
pub async fn run(global: &Global, args: &Tree, printer: &mut Printer) -> Result<Exit, Failure> {
    let request = request(global, args)?;
    let limit = args.timeout.filter(|limit| !limit.is_zero()).unwrap_or(session::FOREVER);
    let deadline = Instant::now() + limit;
    let client = tokio::time::timeout_at(deadline, session::connect(global)).await;
    let client = client.map_err(|_| Failure::new(Exit::Unreachable, "no connection within --timeout"))??;
    let shower = Shower {
        args,
        printer,
        live: Live::default(),
        layout: Layout::default(),
        shown: None,
        said: Vec::new(),
        staleness: Staleness::default(),
    };
    shower.follow(&client, request, (deadline, session::request_timeout(global))).await
}

fn request(global: &Global, args: &Tree) -> Result<WatchTreeRequest, Failure> {
    let Selection::Objects(targets) = Selection::parse(&args.words)? else {
        return Err(Failure::usage("name one object, such as deployment/web"));
    };
    let [target] = targets.as_slice() else {
        return Err(Failure::usage("name one object: a tree has one root"));
    };
    let cluster = session::cluster(global).to_owned();
    let object = ObjectRef { cluster, ..target.object_ref(session::one_namespace(global)?) };
    Ok(WatchTreeRequest { r#ref: Some(object), kinds: args.kinds.clone(), interval: None })
}

impl Shower<'_> {
    async fn follow(
        mut self,
        client: &Client,
        request: WatchTreeRequest,
        (deadline, once): (Instant, Duration),
    ) -> Result<Exit, Failure> {
        let mut watch = client.watch_tree(request);
        let deadline = if self.args.watch { deadline } else { Instant::now() + once };
        loop {
            let event = match tokio::time::timeout_at(deadline, watch.next()).await {
                Ok(event) => event?,
                Err(_) if self.shown.is_some() && watch.lost().is_none() => return Ok(Exit::Passed),
                Err(_) => {
                    let exit = watch.lost().map_or(Exit::Unreachable, exit_of);
                    return Err(Failure::new(exit, "timed out before the daemon sent the tree"));
                }
            };
            match event {
                Followed::Told(tree) => {
                    self.show(*tree)?;
                    if !self.args.watch {
                        return Ok(Exit::Passed);
                    }
                }
                Followed::Lost(error) if !self.args.watch => return Err(error.into()),
                Followed::Lost(error) => self.say(session::lost(client, &error))?,
                Followed::Restored => {}
            }
        }
    }

    fn show(&mut self, tree: WatchTreeResponse) -> Result<(), Failure> {
        let warnings: Vec<_> = tree.unreachable.iter().map(session::unreachable).collect();
        for warning in warnings {
            if !self.said.contains(&warning) {
                self.say(warning.clone())?;
                self.said.push(warning);
            }
        }
        let news = self.staleness.news(tree.freshness.as_ref(), &tree.unreachable);
        if news.is_some() {
            self.live.clear(self.printer)?;
        }
        staleness::tell(news, self.printer);
        match (self.args.output, self.args.watch) {
            (TreeFormat::Json, false) => self.printer.json(&Nested::of(&tree))?,
            (TreeFormat::Json, true) => self.printer.json_line(&Nested::of(&tree))?,
            (_, true) if self.printer.on_terminal() => self.draw(&tree)?,
            _ => self.rows(&tree)?,
        }
        self.printer.flush()?;
        self.shown = Some(tree);
        Ok(())
    }

    /// The whole tree, over what was drawn before.
    fn draw(&mut self, tree: &WatchTreeResponse) -> Result<(), Failure> {
        let columns = self.columns(tree);
        let rows = rows(&columns, tree);
        let mut layout = Layout::default();
        let header = columns.header();
        header.iter().chain(&rows).for_each(|row| layout.fit(row));
        let header = header.map(|row| layout.line(&row));
        let mut lines: Vec<Line> = rows.iter().map(|row| layout.line(row)).collect();
        lines.extend(omitted(tree).map(Line::plain));
        Ok(self.live.draw(self.printer, header, lines)?)
    }

    /// The tree, and later what is otherwise in it.
    fn rows(&mut self, tree: &WatchTreeResponse) -> Result<(), Failure> {
        let columns = self.columns(tree);
        let rows = match &self.shown {
            None => columns.header().into_iter().chain(rows(&columns, tree)).collect(),
            Some(before) => changes(&columns, before, tree),
        };
        self.printer.rows(&mut self.layout, rows)?;
        if self.shown.as_ref().is_none_or(|before| before.omitted != tree.omitted) {
            omitted(tree).into_iter().for_each(|text| self.printer.note(&text));
        }
        Ok(())
    }

    fn columns(&self, tree: &WatchTreeResponse) -> Columns {
        let namespaces: Vec<_> = tree.nodes.iter().map(namespace).collect();
        Columns {
            namespaces: namespaces.iter().any(|namespace| *namespace != namespaces[0]),
            kinds: true,
            wide: self.args.output == TreeFormat::Wide,
            header: !self.args.no_headers,
            ..Columns::default()
        }
    }

    fn say(&mut self, text: String) -> Result<(), Failure> {
        self.live.clear(self.printer)?;
        self.printer.problem(&text);
        Ok(())
    }
}

fn namespace(node: &TreeNode) -> &str {
    node.status.as_ref().and_then(|status| status.r#ref.as_ref()).map_or("", |object| &object.namespace)
}

/// A row for each object that is otherwise than before, or gone.
fn changes(columns: &Columns, before: &WatchTreeResponse, tree: &WatchTreeResponse) -> Vec<Vec<Cell>> {
    let find = |in_tree: &WatchTreeResponse, uid: &str| {
        let mut statuses = in_tree.nodes.iter().filter_map(|node| node.status.as_ref());
        statuses.find(|status| self::uid(status) == uid).cloned()
    };
    let mut rows = Vec::new();
    for status in before.nodes.iter().filter_map(|node| node.status.as_ref()) {
        if find(tree, uid(status)).is_none() {
            let gone = Status { state: State::Absent.into(), reason: "Deleted".to_owned(), ..status.clone() };
            rows.push(row(columns, &gone, tree));
        }
    }
    for status in tree.nodes.iter().filter_map(|node| node.status.as_ref()) {
        let like = |old: Status| {
            (old.state, &old.reason, old.progress.as_ref()) == (status.state, &status.reason, status.progress.as_ref())
        };
        if !find(before, uid(status)).is_some_and(like) {
            rows.push(row(columns, status, tree));
        }
    }
    rows
}

fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |object| &object.uid)
}

fn omitted(tree: &WatchTreeResponse) -> Option<String> {
    (tree.omitted > 0).then(|| format!("... and {} more, which are too many for a tree", tree.omitted))
}
