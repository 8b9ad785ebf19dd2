//! The command line as docs/cli-contract.md promises it: the real binary
//! against a daemon that plays a script. Each test names the rows it holds.

#![allow(
    clippy::unwrap_used,
    clippy::large_enum_variant,
    reason = "a test fails by panicking, and its scripts are short"
)]

mod any_command;
mod api_proxy;
mod ci_attacks;
mod ci_files;
mod closed_pipe;
mod completion;
mod completion_in_shells;
mod contexts;
mod contract;
mod control_plane;
mod credentials;
mod daemon_status;
mod describe;
mod describe_texts;
mod diagnose;
mod drain;
mod dump;
mod events;
mod expressions;
mod fake;
mod fake_completions;
mod fake_control_plane;
mod fake_diagnoses;
mod fake_drains;
mod fake_dumps;
mod fake_events;
mod fake_gates;
mod fake_logs;
mod fake_nodes;
mod fake_operations;
mod fake_pods;
mod fake_tunnels;
mod fake_views;
mod get;
mod get_documents;
mod kubectl;
mod logs;
mod lost_once;
mod manual;
mod namespaces;
mod node_list;
mod node_wait;
mod objects;
mod on;
mod on_entered;
mod on_restart;
mod process;
mod proxy;
mod quarantine;
mod remote;
mod root_cause;
mod stale;
mod standard_input;
mod terminal;
mod tls;
mod transitions;
mod tree;
mod tunnel;
mod version;
mod wait;
mod wait_ci;
mod wait_endless;
mod wait_lost;
mod wait_words;
mod watch;
mod watch_resume;
