//! `daymark`: the states of a Kubernetes cluster's objects, on the command line.

mod args;
mod ask;
mod cause;
mod ci;
mod commands;
mod contexts;
mod criterion;
mod diagnosis;
mod duration;
mod exit;
mod json;
mod layout;
mod live;
mod manifests;
mod policy_file;
mod printer;
mod run;
mod sanitize;
mod signals;
mod status_json;
mod table;
mod targets;
mod verdict;
mod whole_file;
mod words;
mod yaml;

fn main() -> std::process::ExitCode {
    run::run()
}
