//! Daymark's client: reads the states of a Kubernetes cluster's objects from a
//! daemon, and follows them over streams that resume by themselves.
//!
//! - [`Client`] connects to the daemon at an [`Address`] and makes single calls. [`Options`]
//!   say whom it trusts there ([`Tls`]), through what it goes ([`Proxy`]), and what it proves
//!   itself with ([`Credentials`]).
//! - [`Watch`] follows objects. It reconnects, resumes where it left off, and
//!   tells when the connection was lost and when it came back.
//! - [`EventWatch`] does so with Kubernetes' events, and tells each version once.
//! - [`Follow`] and [`FollowToEnd`] do so with what tells all of itself again after a break:
//!   trees, diagnoses, nodes, the control plane, gates and operations.
//! - [`Picture`] is the reader's own view of what a watch follows. It turns the
//!   stream's messages into [`Change`]s, each told once, whatever was lost.
//! - [`recovery`] is the one place that tells which errors are worth another try, and [`Backoff`]
//!   after how long.
//!
//! ```no_run
//! use daymark::api::{Filter, View, WatchStatusesRequest};
//! use daymark::{Address, Client, Options, Picture, WatchEvent};
//!
//! # async fn follow() -> Result<(), daymark::Error> {
//! let client = Client::connect(Address::default_socket(), Options::default()).await?;
//! let filter = Some(Filter { kinds: vec!["deployments".to_owned()], ..Filter::default() });
//! let mut watch = client.watch(WatchStatusesRequest { filter, ..Default::default() });
//! let mut picture = Picture::new(View::Basic);
//! loop {
//!     let WatchEvent::Told(told) = watch.next().await? else { continue };
//!     for change in picture.apply(told.event) {
//!         let name = change.status.r#ref.map(|object| object.name).unwrap_or_default();
//!         println!("{:?} {name}: {}", change.kind, change.status.reason);
//!     }
//! }
//! # }
//! ```

// The languages that objects are written by are the command line's, and so is the reading of files
// that people write: they are here so that its tests can reach them, or because the library needs
// them, too, and are no part of what it promises.
#[doc(hidden)]
pub mod duration;
#[doc(hidden)]
pub mod expression;
#[doc(hidden)]
pub mod go_template;
#[doc(hidden)]
pub mod go_text;
#[doc(hidden)]
pub mod jq;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod jsonpath;
#[doc(hidden)]
pub mod object_list;
#[doc(hidden)]
pub mod sanitize;
#[doc(hidden)]
pub mod text_file;

mod address;
mod backoff;
mod client;
mod connect;
mod credentials;
mod dump_stream;
mod error;
mod event_watch;
mod fetch;
mod followed;
mod log_watch;
mod options;
#[cfg(test)]
mod output_cases;
mod picture;
mod proxy;
mod recover;
mod resumed;
mod secret_file;
mod socket;
mod tls;
mod token;
mod tunnel;
mod watch;

pub use address::{Address, AddressError};
pub use backoff::Backoff;
pub use client::{Client, Pages};
pub use credentials::{Credentials, CredentialsError};
pub use daymark_proto::v1 as api;
pub use dump_stream::{DumpEvent, DumpStream};
pub use error::{Error, RpcError};
pub use event_watch::{EventWatch, EventsTold};
pub use followed::{
    ControlPlaneWatch, DiagnosisWatch, Follow, FollowToEnd, Followed, Follows, FollowsToEnd, GateWatch, NodeWatch,
    OperationWatch, TreeWatch,
};
pub use log_watch::{LogWatch, LogWatchEvent};
pub use options::{Options, OptionsError};
pub use picture::{Change, ChangeKind, NOT_PERMITTED, Picture, lacks};
pub use proxy::{Proxy, ProxyError};
pub use recover::{Recovery, recovery};
pub use secret_file::SecretFileError;
pub use tls::{Distrust, Identity, Tls, TlsError, TlsPeer};
pub use token::{Token, TokenError};
pub use tunnel::{Fetched, Tunnel, TunnelClosed, TunnelPart, TunnelReceiver, TunnelSender};
pub use watch::{Told, Watch, WatchEvent};
