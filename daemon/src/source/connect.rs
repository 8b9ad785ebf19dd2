//! From a kubeconfig, or a pod's own credentials, to an API server.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::apiserver::{ApiServer, chain};

/// Which API server to talk to, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The kubeconfig; else `$KUBECONFIG`, else a pod's own credentials, else
    /// `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; else its current one.
    pub context: Option<String>,
}

/// A configuration that names no API server one could talk to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no kubeconfig.
    #[error("no kubeconfig: none was given, KUBECONFIG is not set, this is not a pod, and {0} does not exist")]
    NoKubeconfig(PathBuf),
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {path}: {problem}")]
    Kubeconfig {
        /// Which.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The kubeconfig does not have the context.
    #[error("kubeconfig {path}: no context {context:?}; it has {}", .known.join(", "))]
    NoContext {
        /// Which.
        path: String,
        /// The context that was asked for.
        context: String,
        /// The contexts that there are.
        known: Vec<String>,
    },
    /// The pod's own credentials cannot be used.
    #[error("the pod's service account: {0}")]
    InCluster(String),
}

/// Reads the configuration; does not talk to the API server yet.
///
/// # Errors
/// If there is none, or it cannot be used.
pub async fn connect(target: &Target) -> Result<ApiServer, ConnectError> {
    let given = target.kubeconfig.is_some() || target.context.is_some() || has_kubeconfig_variable();
    let (config, origin) = if !given && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        let config = kube::Config::incluster().map_err(|e| ConnectError::InCluster(chain(&e)))?;
        (config, "the pod's service account".to_owned())
    } else {
        from_kubeconfig(target).await?
    };
    let problem = |problem: String| ConnectError::Kubeconfig { path: origin.clone(), problem };
    server(config).map_err(|e| problem(chain(&e)))
}

async fn from_kubeconfig(target: &Target) -> Result<(kube::Config, String), ConnectError> {
    let path = match &target.kubeconfig {
        Some(path) => Some(path.clone()),
        None if has_kubeconfig_variable() => None,
        None => Some(home_kubeconfig()?),
    };
    let origin = path.as_deref().map_or("$KUBECONFIG".to_owned(), |p| p.display().to_string());
    let problem = |e: &dyn std::error::Error| ConnectError::Kubeconfig { path: origin.clone(), problem: chain(e) };
    let kubeconfig = match path {
        Some(path) => Kubeconfig::read_from(path).map_err(|e| problem(&e))?,
        None => Kubeconfig::from_env()
            .map_err(|e| problem(&e))?
            .ok_or_else(|| ConnectError::NoKubeconfig(PathBuf::from("$KUBECONFIG")))?,
    };
    if let Some(context) = &target.context
        && !kubeconfig.contexts.iter().any(|c| c.name == *context)
    {
        let known = kubeconfig.contexts.iter().map(|c| c.name.clone()).collect();
        return Err(ConnectError::NoContext { path: origin, context: context.clone(), known });
    }
    let options = KubeConfigOptions { context: target.context.clone(), ..Default::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|e| problem(&e))?;
    Ok((config, origin))
}

/// An empty variable is none, as for kubectl.
fn has_kubeconfig_variable() -> bool {
    std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty())
}

fn home_kubeconfig() -> Result<PathBuf, ConnectError> {
    let path = std::env::home_dir().unwrap_or_default().join(Path::new(".kube/config"));
    if path.exists() { Ok(path) } else { Err(ConnectError::NoKubeconfig(path)) }
}

fn server(mut config: kube::Config) -> Result<ApiServer, kube::Error> {
    if config.cluster_url.host().is_some_and(is_loopback) {
        // A proxy of the environment is for what lies beyond this machine.
        config.proxy_url = None;
    }
    ApiServer::new(config)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
