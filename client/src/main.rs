//! `daymark`: the states of a Kubernetes cluster's objects, on the command line.

mod args;
mod ask;
mod cause;
mod ci;
mod commands;
mod contexts;
mod criterion;
#[allow(dead_code, reason = "`get` does not print with it yet")]
mod custom_columns;
mod duration;
mod exit;
#[allow(dead_code, reason = "`get` does not print with it yet")]
mod expression;
mod go_template;
#[allow(dead_code, reason = "`get` does not print with it yet")]
mod go_text;
mod jq;
mod json;
#[allow(dead_code, reason = "`get` does not print with it yet")]
mod jsonpath;
mod layout;
mod live;
mod manifests;
#[allow(dead_code, reason = "`get` does not print with it yet")]
mod object_list;
#[cfg(test)]
mod output_cases;
mod policy_file;
mod printer;
mod run;
mod sanitize;
mod signals;
#[allow(dead_code, reason = "`get` does not sort yet")]
mod sort;
mod status_json;
mod table;
mod targets;
mod verdict;
mod whole_file;
mod words;
mod yaml;

fn main() -> std::process::ExitCode {
    // Its arguments are no user's.
    if expression::worker::is_wanted() {
        return expression::worker::run();
    }
    run::run()
}
