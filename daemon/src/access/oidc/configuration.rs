//! The file that names issuers: `AuthenticationConfiguration` of `apiserver.config.k8s.io`, as
//! kube-apiserver's `--authentication-config`.

use std::fmt;
use std::path::Path;
use std::thread;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Issuer;
use super::discovery::{Discovery, https};
use super::keyring::Keyring;
use super::mapping;

/// What the parser may recurse into.
const STACK: usize = 32 << 20;
/// The largest file, in bytes.
const LARGEST: usize = 1 << 20;
/// The versions that are the same in what is read here.
const VERSIONS: [&str; 2] = ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1"];

/// What is wrong with the file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The file.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

impl std::error::Error for ConfigurationError {}

/// `issuers.yaml:7: username: expression: unknown name clams at character 1`.
impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.problem),
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    jwt: Vec<Spanned<Jwt>>,
}

/// One issuer, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Jwt {
    issuer: Spanned<IssuerText>,
    #[serde(default)]
    pub(super) claim_validation_rules: Vec<Spanned<ClaimRuleText>>,
    pub(super) claim_mappings: Mappings,
    #[serde(default)]
    pub(super) user_validation_rules: Vec<Spanned<UserRuleText>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssuerText {
    url: String,
    #[serde(rename = "discoveryURL")]
    discovery_url: Option<String>,
    certificate_authority: Option<String>,
    audiences: Vec<String>,
    audience_match_policy: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClaimRuleText {
    pub(super) claim: Option<String>,
    pub(super) required_value: Option<String>,
    pub(super) expression: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserRuleText {
    pub(super) expression: String,
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mappings {
    pub(super) username: Spanned<MappedText>,
    pub(super) groups: Option<Spanned<MappedText>>,
    pub(super) uid: Option<Spanned<MappedText>>,
    #[serde(default)]
    pub(super) extra: Vec<Spanned<ExtraText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappedText {
    pub(super) claim: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) expression: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExtraText {
    pub(super) key: String,
    pub(super) value_expression: String,
}

/// The issuers of a file.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) async fn read(path: &Path) -> Result<Vec<Issuer>, ConfigurationError> {
    let file = path.display().to_string();
    let error = |line, problem: String| ConfigurationError { file: file.clone(), line, problem };
    let text = tokio::fs::read_to_string(path).await.map_err(|e| error(None, e.to_string()))?;
    if text.len() > LARGEST {
        return Err(error(None, format!("larger than {LARGEST} bytes")));
    }
    // The parsers recurse, deeply for what is nested too deeply.
    let parsed = thread::scope(|scope| {
        let parsing = thread::Builder::new().name("issuers".into()).stack_size(STACK);
        match parsing.spawn_scoped(scope, || parse(&text)).map(thread::ScopedJoinHandle::join) {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(_panic)) => Err((None, "it cannot be read".into())),
            Err(error) => Err((None, error.to_string())),
        }
    });
    parsed.map_err(|(line, problem)| error(line, problem))
}

/// What is wrong, and in which line.
type Wrong = (Option<u64>, String);

fn parse(text: &str) -> Result<Vec<Issuer>, Wrong> {
    let file: File = serde_saphyr::from_str(text).map_err(|problem| {
        let text = problem.without_snippet().to_string();
        (problem.location().map(|at| at.line()), text.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    let (version, kind) = (&file.api_version, &file.kind);
    if !VERSIONS.contains(&version.value.as_str()) {
        return Err((Some(version.referenced.line()), format!("apiVersion: not {}", VERSIONS[0])));
    }
    if kind.value != "AuthenticationConfiguration" {
        return Err((Some(kind.referenced.line()), "kind: not AuthenticationConfiguration".into()));
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for jwt in &file.jwt {
        let at = Some(jwt.value.issuer.referenced.line());
        let issuer = issuer(&jwt.value).map_err(|(line, problem)| (line.or(at), problem))?;
        if issuers.iter().any(|other| other.url == issuer.url) {
            return Err((at, format!("issuer: {:?} is there twice", issuer.url)));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn issuer(jwt: &Jwt) -> Result<Issuer, Wrong> {
    let wrong = |problem: String| (None, format!("issuer: {problem}"));
    let IssuerText { url, discovery_url, certificate_authority, audiences, audience_match_policy } = &jwt.issuer.value;
    https(url).map_err(wrong)?;
    if discovery_url.as_ref() == Some(url) {
        return Err(wrong("discoveryURL must be another than url".into()));
    }
    if audiences.is_empty() || audiences.iter().any(String::is_empty) {
        return Err(wrong("audiences: name those that tokens for this daemon are for".into()));
    }
    match audience_match_policy.as_deref() {
        Some("MatchAny") => {}
        None | Some("") if audiences.len() == 1 => {}
        _ => {
            return Err(wrong(
                "audienceMatchPolicy: MatchAny is the only one, and needed for several audiences".into(),
            ));
        }
    }
    let mapping = mapping::compile(jwt).map_err(|(line, problem)| (Some(line), problem))?;
    let discovery = Discovery::new(url, discovery_url.as_deref(), certificate_authority.as_deref()).map_err(wrong)?;
    let keyring = Keyring::new(url, discovery);
    Ok(Issuer { url: url.clone(), audiences: audiences.clone(), mapping, keyring })
}
