//! `daymark operation`, and following what another command has started.

use std::time::Duration;

use daymark::api::{ListOperationsRequest, Operation, OperationStage, Step, StepState, WatchOperationResponse};
use daymark::{Backoff, Client, Error, Followed, Recovery, recovery};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::session;
use crate::args::{Global, Operation as Asked, OperationId, OperationList, Output};
use crate::exit::{Exit, Failure, exit_of};
use crate::layout::{self, Cell};
use crate::operation_json::{ListJson, OutcomeJson};
use crate::printer::Printer;
use crate::signals::Signals;
use crate::{sanitize, words};

/// How long an operation may take to end once it is cancelled.
const CANCELLING: Duration = Duration::from_secs(3);
/// Operations per page.
const PAGE: i32 = 500;

/// An operation that has ended, as far as is known.
pub struct Ended {
    pub operation: Operation,
    /// Every step, in their order.
    pub steps: Vec<Step>,
}

impl Ended {
    /// Prints it, and says what the process ends with.
    pub fn finish(&self, printer: &mut Printer, output: Output) -> Result<Exit, Failure> {
        let message = sanitize::line(&self.operation.message).into_owned();
        match output {
            Output::Json => printer.json(&OutcomeJson::of(&self.operation, &self.steps))?,
            Output::Text if self.operation.stage() == OperationStage::Succeeded => printer.line(&message)?,
            Output::Text => {}
        }
        self.exit()
    }

    /// What the process ends with.
    pub fn exit(&self) -> Result<Exit, Failure> {
        let message = sanitize::line(&self.operation.message).into_owned();
        match self.operation.stage() {
            OperationStage::Succeeded => Ok(Exit::Passed),
            _ if self.operation.reason == "DeadlineExceeded" => Err(Failure::new(Exit::Undecided, message)),
            _ => Err(Failure::new(Exit::Failed, message)),
        }
    }
}

/// Looks after operations.
pub async fn run(global: &Global, args: &Asked, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    match args {
        Asked::List(args) => signals.or(list(global, args, printer)).await,
        Asked::Watch(args) => watch(global, args, printer, signals).await,
        Asked::Cancel(args) => signals.or(cancel(global, args, printer)).await,
    }
}

async fn list(global: &Global, args: &OperationList, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    let (mut all, mut request) = (Vec::new(), ListOperationsRequest { page_size: PAGE, ..Default::default() });
    loop {
        let page = client.list_operations(request.clone()).await?;
        all.extend(page.operations);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    if args.output == Output::Json {
        printer.json(&ListJson::of(&all))?;
        return Ok(Exit::Passed);
    }
    if all.is_empty() {
        printer.note("No operations found.");
        return Ok(Exit::Passed);
    }
    let header = ["ID", "ACT", "TARGET", "STAGE", "STEPS", "BY", "MESSAGE"];
    printer.table(Some(layout::header(header)), all.iter().map(row))?;
    Ok(Exit::Passed)
}

fn row(operation: &Operation) -> Vec<Cell> {
    let target = operation.target.as_ref().map(name_of).unwrap_or_default();
    layout::plain([
        &operation.id,
        &operation.act,
        &target,
        &stage(operation.stage()).to_owned(),
        &format!("{}/{}", operation.done, operation.total),
        &operation.started_by,
        &operation.message,
    ])
}

async fn watch(
    global: &Global,
    args: &OperationId,
    printer: &mut Printer,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let client = signals.or(session::connect(global)).await?;
    let mut following = Following::new(&client, printer);
    // Whoever only watches ends nothing.
    let ended = signals.or(following.follow(&args.id)).await?;
    match ended {
        Some(ended) => ended.finish(printer, args.output),
        None => Err(Failure::new(Exit::NotFound, "the daemon restarted and lost this operation")),
    }
}

async fn cancel(global: &Global, args: &OperationId, printer: &mut Printer) -> Result<Exit, Failure> {
    let client = session::connect(global).await?;
    client.cancel_operation(&args.id).await?;
    let ended = Following::quiet(&client, printer).follow(&args.id).await?;
    let Some(ended) = ended else { return Ok(Exit::Passed) };
    match args.output {
        Output::Json => printer.json(&OutcomeJson::of(&ended.operation, &ended.steps))?,
        Output::Text => printer.line(&sanitize::line(&ended.operation.message))?,
    }
    Ok(Exit::Passed)
}

/// Starts something, and again if the daemon has forgotten it, and follows it to its end. Who
/// interrupts it cancels it.
pub async fn carry_out(
    client: &Client,
    printer: &mut Printer,
    signals: &mut Signals,
    patience: Duration,
    start: impl AsyncFn(&mut Printer) -> Result<Operation, Error>,
) -> Result<Ended, Failure> {
    let deadline = Instant::now().checked_add(patience).unwrap_or_else(|| Instant::now() + session::FOREVER);
    loop {
        let operation = signals.or(begin(client, printer, deadline, &start)).await?;
        // It has its deadline from when it is begun.
        let ends = Instant::now().checked_add(patience).unwrap_or_else(|| Instant::now() + session::FOREVER);
        let id = operation.id.clone();
        let mut following = Following::new(client, printer);
        let ended = tokio::select! {
            biased;
            ending = signals.next() => {
                // Nobody waits for it any more. It says what is left.
                let late = Instant::now() + CANCELLING;
                let cancelled = async {
                    client.cancel_operation(&id).await?;
                    following.follow(&id).await
                };
                return Err(match (timeout_at(late, cancelled).await, Failure::from(ending)) {
                    (Ok(Ok(Some(ended))), Failure::Said { exit, message }) => {
                        Failure::new(exit, format!("{message}: {}", ended.operation.message))
                    }
                    (_, failure) => failure,
                });
            }
            ended = timeout_at(ends, following.follow(&id)) => match ended {
                Ok(ended) => ended?,
                Err(_) => return Err(following.no_end(&id)),
            },
        };
        match ended {
            Some(ended) => return Ok(ended),
            None => printer.problem("the daemon restarted and lost this operation; replanning"),
        }
    }
}

/// Starts something, as soon as the daemon answers.
async fn begin(
    client: &Client,
    printer: &mut Printer,
    deadline: Instant,
    start: &impl AsyncFn(&mut Printer) -> Result<Operation, Error>,
) -> Result<Operation, Failure> {
    let (mut is_told, mut backoff) = (false, Backoff::default());
    loop {
        let error = match start(printer).await {
            Ok(operation) => return Ok(operation),
            Err(error) if recovery(&error) == Recovery::Stop => return Err(error.into()),
            Err(error) => error,
        };
        // Nothing is begun behind the deadline.
        let again = Instant::now().checked_add(backoff.wait(&error)).filter(|again| *again < deadline);
        let Some(again) = again else {
            return Err(Failure::new(exit_of(&error), error.to_string()));
        };
        if !std::mem::replace(&mut is_told, true) {
            printer.problem(&session::lost(client, &error));
        }
        sleep_until(again).await;
    }
}

/// An operation on its way.
struct Following<'a> {
    client: &'a Client,
    printer: &'a mut Printer,
    steps: Vec<Step>,
    says: bool,
    /// Why the daemon is lost, while it is.
    lost: Option<Error>,
}

impl<'a> Following<'a> {
    fn new(client: &'a Client, printer: &'a mut Printer) -> Self {
        Self { client, printer, steps: Vec::new(), says: true, lost: None }
    }

    fn quiet(client: &'a Client, printer: &'a mut Printer) -> Self {
        Self { says: false, ..Self::new(client, printer) }
    }

    /// Follows it to its end; `None`, if the daemon knows it no longer.
    async fn follow(&mut self, id: &str) -> Result<Option<Ended>, Failure> {
        let mut watch = self.client.watch_operation(id);
        let mut last = Operation::default();
        loop {
            match watch.next().await {
                Ok(Some(Followed::Told(told))) => {
                    self.lost = None;
                    last = self.told(*told);
                }
                Ok(Some(Followed::Lost(error))) => {
                    if self.says && self.lost.is_none() {
                        self.printer.problem(&session::lost(self.client, &error));
                    }
                    self.lost = Some(error);
                }
                Ok(Some(Followed::Restored)) => {}
                Ok(None) => return Ok(Some(Ended { operation: last, steps: std::mem::take(&mut self.steps) })),
                Err(Error::Rpc(error)) if error.reason == "OPERATION_NOT_FOUND" && !last.id.is_empty() => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The deadline is long over, and no end was told.
    fn no_end(&self, id: &str) -> Failure {
        let why = match &self.lost {
            Some(error) => format!("the daemon is lost: {error}"),
            None => "the daemon has told no end".to_owned(),
        };
        let exit = self.lost.as_ref().map_or(Exit::Unreachable, exit_of);
        Failure::new(
            exit,
            format!(
                "the deadline of operation {id} came, and {why}; daymark operation watch {id} follows it, daymark operation cancel {id} ends it"
            ),
        )
    }

    fn told(&mut self, told: WatchOperationResponse) -> Operation {
        for step in told.steps {
            let known = self.steps.iter().position(|known| known.r#ref == step.r#ref);
            let before = known.map(|place| self.steps[place].clone());
            let is_news = match &before {
                None => !matches!(step.state(), StepState::Waiting | StepState::Skipped),
                Some(before) => before.state != step.state || before.reason != step.reason,
            };
            if is_news && self.says {
                self.printer.note(&line(&step));
            }
            match known {
                Some(place) => self.steps[place] = step,
                None => self.steps.push(step),
            }
        }
        told.operation.unwrap_or_default()
    }
}

/// `pod/web-1 in shop: Blocked (DisruptionBudget): why`
fn line(step: &Step) -> String {
    let name = step.r#ref.as_ref().map(name_of).unwrap_or_default();
    let state = match step.state() {
        StepState::Unspecified | StepState::Waiting => "waiting",
        StepState::Blocked => "blocked",
        StepState::Running => "under way",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Skipped => "left as it is",
    };
    let reason = if step.reason.is_empty() { String::new() } else { format!(" ({})", step.reason) };
    let message = if step.message.is_empty() { String::new() } else { format!(": {}", step.message) };
    sanitize::cell(&format!("{name}: {state}{reason}{message}")).into_owned()
}

/// `shop/pods/web-1`, or `nodes/n1`.
pub fn name_of(object: &daymark::api::ObjectRef) -> String {
    let name = words::object("", object);
    if object.namespace.is_empty() { name } else { format!("{}/{name}", object.namespace) }
}

fn stage(stage: OperationStage) -> &'static str {
    match stage {
        OperationStage::Unspecified => "Unknown",
        OperationStage::Running => "Running",
        OperationStage::Succeeded => "Succeeded",
        OperationStage::Failed => "Failed",
        OperationStage::Cancelled => "Cancelled",
    }
}

/// Says which cluster is about to be changed, and what of it: on stderr, before anything is.
pub async fn announce(client: &Client, printer: &mut Printer, what: &str) -> Result<(), Failure> {
    let info = client.server_info().await?;
    let cluster = info.clusters.first().map(super::version::cluster_line).unwrap_or_default();
    printer.note(&sanitize::line(&format!("{cluster}: {what}")));
    Ok(())
}

/// An id for a request, by which it is known when it is sent again.
pub fn request_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    // The standard library draws keys for each thread, and changes them for each hasher.
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
