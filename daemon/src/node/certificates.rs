//! The certificates that kubelets ask for: without the first of them a node cannot register.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use x509_cert::der::Decode as _;
use x509_cert::request::CertReq;

use crate::access::certificate::subject;
use crate::diagnose::fields::text;

/// Who signs certificates of kubelets (kubernetes.io, "Certificates and Certificate Signing
/// Requests", Kubernetes signers).
pub const SIGNERS: [&str; 2] = ["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"];
/// What a kubelet is called (kubernetes.io, "Using Node Authorization").
const NODE: &str = "system:node:";
/// No request of a kubelet is longer.
const LONGEST: usize = 64 << 10;

/// The node whose kubelet asks by a CertificateSigningRequest; empty if it does not say. That is who
/// asks, or, while that is whoever holds a bootstrap token, the subject of the certificate.
#[must_use]
pub fn asked_for(request: &Value) -> String {
    let asker = text(request, "/spec/username").strip_prefix(NODE);
    let named = || node_of(&der(text(request, "/spec/request"))?);
    asker.map(str::to_owned).or_else(named).unwrap_or_default()
}

/// The node whose kubelet asks by a request in DER (PKCS #10), if its subject is one.
#[must_use]
pub fn node_of(request: &[u8]) -> Option<String> {
    let (name, _) = subject(&CertReq::from_der(request).ok()?.info.subject)?;
    name.strip_prefix(NODE).map(str::to_owned)
}

/// The DER of a request, which is PEM in base64.
fn der(request: &str) -> Option<Vec<u8>> {
    if request.len() > LONGEST {
        return None;
    }
    let pem = String::from_utf8(STANDARD.decode(request).ok()?).ok()?;
    let lines = pem.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN"));
    let body: String = lines.skip(1).take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_tells_its_node_by_who_asks_or_by_its_subject() {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, "system:node:n1");
        let pem = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let encoded = STANDARD.encode(pem);
        let node =
            |username: &str, request: &str| asked_for(&json!({"spec": {"username": username, "request": request}}));
        assert_eq!(node("system:bootstrap:abcdef", &encoded), "n1");
        assert_eq!(node("system:node:n2", ""), "n2");
        for broken in ["", "%", &STANDARD.encode("x"), &STANDARD.encode("-----BEGIN X-----\nMAA=\n-----END X-----")] {
            assert_eq!(node("jane", broken), "", "{broken}");
        }
        assert_eq!(node("jane", &"A".repeat(LONGEST + 4)), "");
    }
}
