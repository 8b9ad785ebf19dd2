//! `daymark`: the states of a Kubernetes cluster's objects, on the command line.

mod args;
mod commands;
mod duration;
mod exit;
mod json;
mod layout;
mod live;
mod printer;
mod run;
mod sanitize;
mod status_json;
mod table;
mod targets;
mod verdict;
mod words;
mod yaml;

fn main() -> std::process::ExitCode {
    run::run()
}
