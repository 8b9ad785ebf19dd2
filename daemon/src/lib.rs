//! Daymark's daemon: watch caches of a Kubernetes cluster, judged by rules and
//! streamed over gRPC.
//!
//! Data flows through it as through a pipeline, with the modules in this order:
//! source, decode, cache, rule, event log, subscription, rpc.

pub mod source;

pub mod decode;

pub mod body;
pub mod cache;

pub mod rule;

pub mod errands;
pub mod event_log;

pub mod subscription;

pub mod rpc;

pub mod access;
pub mod act;
pub mod app;
pub mod args;
pub mod assess;
pub mod caches;
pub mod catalog;
pub mod cause;
pub mod clock;
pub mod completion;
pub mod control_plane;
pub mod diagnose;
pub mod dump;
pub mod event_store;
mod expression;
pub mod gate;
mod intern;
mod json_path;
pub mod kind;
pub mod label;
pub mod lifecycle;
pub mod logs;
pub mod metrics;
pub mod node;
pub mod object;
mod one_line;
pub mod panics;
pub mod predicate;
pub mod proof;
pub mod quantity;
pub mod record;
pub mod recording;
pub mod rulebook;
pub mod state;
pub mod tree;
pub mod wishes;
