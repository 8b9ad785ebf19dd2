//! `daymark`: the states of a Kubernetes cluster's objects, on the command line.

mod args;
mod ask;
mod cause;
mod ci;
mod commands;
mod contexts;
mod criterion;
mod describe;
mod duration;
mod exit;
mod json;
mod layout;
mod live;
mod manifests;
mod output;
mod policy_file;
mod printer;
mod run;
mod sanitize;
mod signals;
mod sort;
mod status_json;
mod table;
mod tabwriter;
mod targets;
mod tree;
mod verdict;
mod whole_file;
mod words;
mod yaml;

fn main() -> std::process::ExitCode {
    run::run()
}
