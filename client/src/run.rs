//! From the words of the command line to the exit code.

use std::panic;
use std::process::ExitCode;

use crate::args::{Args, Command, Daemon, Gate, Node, Operation};
use crate::commands::{
    completion, context, control_plane, daemon_status, describe, diagnose, dump, events, gate, get, logs, man, node,
    on, operation, proxy, quarantine, release, session, tree, tunnel, version, wait,
};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::Signals;

/// Runs the process.
pub fn run() -> ExitCode {
    end_on_panic();
    let words: Vec<_> = std::env::args_os().collect();
    let args = match Args::of(&words) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout and are no error. A reader that has
            // gone changes neither.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    execute(args)
}

/// A panic is this program's own fault, and ends it with the code that says so, also where it is built so that panics cannot be
/// caught.
#[allow(clippy::exit, reason = "nothing that has panicked is gone on with")]
fn end_on_panic() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::exit(Exit::Fault as i32);
    }));
}

fn execute(args: Args) -> ExitCode {
    if let Command::Complete(complete) = &args.command {
        crate::completion::run(complete);
        return Exit::Passed.into();
    }
    let mut printer = Printer::new();
    if is_asked_for_its_code(&args.command) {
        printer.outlive_reader();
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.problem(&format!("cannot start: {error}"));
            return Exit::Fault.into();
        }
    };
    let outcome = runtime.block_on(until_interrupted(args, &mut printer));
    // What a thread still waits for, such as standard input, may never come.
    runtime.shutdown_background();
    let outcome = outcome.and_then(|exit| Ok(printer.flush().map(|()| exit)?));
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failure::ReaderGone) => Exit::Passed.into(),
        Err(Failure::Ended(code)) => code.into(),
        Err(Failure::Said { exit, message }) => {
            // What was written before is still data; the reason to end is this one.
            let _ = printer.flush();
            printer.problem(&message);
            exit.into()
        }
    }
}

/// Whether a command's exit code is what it is run for: a verdict, or what came of an act or of another program. That
/// nobody reads what it prints is no reason to end with another one.
fn is_asked_for_its_code(command: &Command) -> bool {
    match command {
        Command::Wait(_) | Command::ControlPlane(_) | Command::On(_) | Command::Tunnel(_) => true,
        Command::Quarantine(_) | Command::Release(_) => true,
        Command::Gate(gate) => matches!(gate, Gate::Wait(_)),
        Command::Node(node) => !matches!(node, Node::List(_)),
        Command::Operation(operation) => !matches!(operation, Operation::List(_)),
        Command::Diagnose(diagnose) => diagnose.exit_code,
        Command::Get(get) => !get.following.until.is_empty(),
        Command::Watch(watch) => !watch.following.until.is_empty(),
        Command::Describe(_)
        | Command::Tree(_)
        | Command::Events(_)
        | Command::Logs(_)
        | Command::Dump(_)
        | Command::Proxy(_)
        | Command::Context(_)
        | Command::Daemon(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Man(_)
        | Command::Complete(_) => false,
    }
}

async fn until_interrupted(args: Args, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let global = match &args.command {
        // What it says of the connection is to be changed, or need not be known.
        Command::Context(_) | Command::Version(_) | Command::Completion(_) | Command::Man(_) => args.global,
        _ => session::resolve(&args.global, None)?.global,
    };
    let global = &global;
    match args.command {
        Command::Get(get) => signals.or(get::run(global, &get, printer)).await,
        Command::Watch(watch) => signals.or(get::watch(global, &watch, printer)).await,
        Command::Describe(describe) => signals.or(describe::run(global, &describe, printer)).await,
        Command::Tree(tree) => signals.or(tree::run(global, &tree, printer)).await,
        Command::Events(args) => signals.or(events::run(global, &args, printer)).await,
        Command::Logs(logs) => signals.or(logs::run(global, &logs, printer)).await,
        Command::Diagnose(diagnose) => signals.or(diagnose::run(global, &diagnose, printer)).await,
        Command::ControlPlane(args) => signals.or(control_plane::run(global, &args, printer)).await,
        // A verdict that is there is told.
        Command::Gate(gate) => gate::run(global, &gate, printer, &mut signals).await,
        // What nobody waits for is to be cancelled.
        Command::Node(node) => node::run(global, &node, printer, &mut signals).await,
        Command::Quarantine(args) => quarantine::run(global, &args, printer, &mut signals).await,
        Command::Release(args) => signals.or(release::run(global, &args, printer)).await,
        Command::Operation(args) => operation::run(global, &args, printer, &mut signals).await,
        Command::Wait(wait) => wait::run(global, &wait, printer, &mut signals).await,
        // What there is by then is to be gone on with.
        Command::Dump(args) => dump::run(global, &args, printer, &mut signals).await,
        // What it runs is to end first.
        Command::On(on) => on::run(global, &on, printer, &mut signals).await,
        Command::Proxy(proxy) => signals.or(proxy::run(global, &proxy, printer)).await,
        // What it runs is to end first.
        Command::Tunnel(tunnel) => tunnel::run(global, &tunnel, printer, &mut signals).await,
        Command::Context(context) => signals.or(context::run(global, &context, printer)).await,
        Command::Daemon(Daemon::Status(status)) => signals.or(daemon_status::run(global, &status, printer)).await,
        Command::Version(version) => signals.or(version::run(global, &version, printer)).await,
        Command::Completion(args) => completion::run(&args, printer),
        Command::Man(args) => man::run(&args, printer),
        // It is answered before anything else.
        Command::Complete(_) => Ok(Exit::Passed),
    }
}
