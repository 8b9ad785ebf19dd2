//! Daymark's gRPC API: messages, clients and servers, generated from
//! `proto/daymark` by `cargo regenerate` and committed.

mod encoded;

pub use encoded::{Encoded, EncodedCodec, EncodedEncoder};

/// The API, version 1.
pub mod v1 {
    #![allow(clippy::all, clippy::pedantic, missing_docs, rustdoc::all)]
    include!("gen/daymark.v1.rs");

    #[cfg(feature = "server")]
    include!("gen/daymark.v1.CompletionService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.ControlPlaneService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.DiagnosisService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.EventService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.GateService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.LogService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.NodeReadinessService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.NodeService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.OperationService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.PodService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.ProxyService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.ServerService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.SnapshotService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.StatusService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.TableService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.TreeService.rs");
    #[cfg(feature = "server")]
    include!("gen/daymark.v1.TunnelService.rs");
}

/// The encoded `FileDescriptorSet` of the API, for server reflection.
#[cfg(feature = "server")]
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.bin");

/// The `domain` of every `google.rpc.ErrorInfo` that Daymark sends.
pub const ERROR_DOMAIN: &str = "daymark.dev";
