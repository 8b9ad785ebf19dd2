//! Writes `proto/src/gen` from `proto/daymark`, without protoc.
//!
//! Run as `cargo regenerate`. CI runs it and fails if anything differs.

use std::path::Path;
use std::{fs, io};

use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};

const PACKAGE: &str = "daymark.v1";
const FILES: [&str; 18] = [
    "daymark/v1/completion_service.proto",
    "daymark/v1/control_plane_service.proto",
    "daymark/v1/diagnosis_service.proto",
    "daymark/v1/event_service.proto",
    "daymark/v1/gate_service.proto",
    "daymark/v1/log_service.proto",
    "daymark/v1/node_readiness_service.proto",
    "daymark/v1/node_service.proto",
    "daymark/v1/object.proto",
    "daymark/v1/operation_service.proto",
    "daymark/v1/pod_service.proto",
    "daymark/v1/proxy_service.proto",
    "daymark/v1/server_service.proto",
    "daymark/v1/snapshot_service.proto",
    "daymark/v1/status_service.proto",
    "daymark/v1/table_service.proto",
    "daymark/v1/tree_service.proto",
    "daymark/v1/tunnel_service.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("src/gen");
    fs::create_dir_all(&out)?;
    let descriptors = protox::compile(FILES, [root])?;

    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".daymark.v1")
        .client_mod_attribute(PACKAGE, "#[cfg(feature = \"client\")]")
        .out_dir(&out)
        .compile_fds(descriptors.clone())?;
    servers(&descriptors, &out)?;
    // Comments are for people: clients that reflect do not need them.
    fs::write(out.join("descriptors.bin"), without_comments(descriptors).encode_to_vec())?;
    Ok(())
}

/// Servers are generated apart from the messages, because their streams carry
/// messages that were encoded once for all subscribers.
fn servers(descriptors: &FileDescriptorSet, out: &Path) -> io::Result<()> {
    for file in descriptors.file.iter().filter(|f| f.package() == PACKAGE) {
        let services: Vec<_> = file.service.iter().map(service).collect();
        tonic_build::manual::Builder::new().build_client(false).out_dir(out).compile(&services);
    }
    Ok(())
}

fn service(service: &ServiceDescriptorProto) -> tonic_build::manual::Service {
    let mut builder = tonic_build::manual::Service::builder()
        .name(service.name())
        .package(PACKAGE)
        .comment(format!("The server side of `{PACKAGE}.{}`.", service.name()));
    for m in &service.method {
        builder = builder.method(method(m));
    }
    builder.build()
}

fn method(method: &MethodDescriptorProto) -> tonic_build::manual::Method {
    let message = |full: &str| format!("crate::v1::{}", full.rsplit('.').next().unwrap_or(full));
    let (input, output) = (message(method.input_type()), message(method.output_type()));
    let builder = tonic_build::manual::Method::builder()
        .name(snake_case(method.name()))
        .route_name(method.name())
        .comment(format!("Serves `{}`.", method.name()))
        .input_type(input);
    let builder = if method.client_streaming() { builder.client_streaming() } else { builder };
    if method.server_streaming() {
        builder
            .output_type(format!("crate::Encoded<{output}>"))
            .codec_path("crate::EncodedCodec")
            .server_streaming()
            .build()
    } else {
        builder.output_type(output).codec_path("tonic_prost::ProstCodec").build()
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn without_comments(mut descriptors: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut descriptors.file {
        file.source_code_info = None;
    }
    descriptors
}
