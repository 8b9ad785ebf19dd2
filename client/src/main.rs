//! `daymark`: the states of a Kubernetes cluster's objects, on the command line.

mod args;
mod ask;
mod cause;
mod ci;
mod commands;
mod completion;
mod contexts;
mod control_plane;
mod criterion;
mod custom_columns;
mod describe;
mod diagnosis;
mod event_json;
mod event_table;
mod exit;
mod layout;
mod live;
mod manifests;
mod node_report;
mod operation_json;
mod output;
#[cfg(test)]
mod output_cases;
mod policy_file;
mod printer;
mod quarantine_json;
mod run;
mod signals;
mod sort;
mod staleness;
mod status_json;
mod table;
mod tabwriter;
mod targets;
mod tree;
mod verdict;
mod whole_file;
mod words;
mod yaml;

// The names by which the other modules know them.
use daymark::{duration, expression, json, jsonpath, object_list, sanitize};

fn main() -> std::process::ExitCode {
    // Its arguments are no user's.
    if expression::worker::is_wanted() {
        return expression::worker::run();
    }
    run::run()
}
