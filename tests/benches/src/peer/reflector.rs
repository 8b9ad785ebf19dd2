//! kube-rs' reflector, used as its documentation shows: a watcher, and a store
//! that it fills.

use std::fmt::Debug;
use std::hash::Hash;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::store::Writer;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::process::Process;
use crate::raw;

/// Which reflector.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Objects of any kind, instead of typed pods
    #[arg(long)]
    pub dynamic: bool,
    /// Lists in pages of 500, instead of a WatchList
    #[arg(long)]
    pub paged: bool,
    /// Clears managedFields of every object
    #[arg(long)]
    pub trimmed: bool,
}

/// A reflector's arguments.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where the cluster is
    #[arg(long)]
    kubeconfig: PathBuf,
    #[command(flatten)]
    kind: Kind,
}

/// Starts a reflector as a process of its own. It says `ready` when its store is.
pub fn start(kubeconfig: &str, kind: Kind) -> Result<Process> {
    let program = std::env::current_exe().context("where is this program?")?;
    Process::start(&program, kubeconfig, None, |folder| {
        let mut arguments = vec!["reflector".to_owned(), format!("--kubeconfig={}/kubeconfig", folder.display())];
        arguments.extend(kind.dynamic.then(|| "--dynamic".to_owned()));
        arguments.extend(kind.trimmed.then(|| "--trimmed".to_owned()));
        arguments.extend(kind.paged.then(|| "--paged".to_owned()));
        arguments
    })
}

/// Runs a reflector of all pods until it is killed.
pub async fn run(arguments: Arguments) -> Result<()> {
    let client = raw::client(&arguments.kubeconfig).await?;
    if arguments.kind.dynamic {
        let resource = ApiResource::erase::<Pod>(&());
        let api: Api<DynamicObject> = Api::all_with(client, &resource);
        reflect(api, Writer::new(resource), arguments.kind).await
    } else {
        let api: Api<Pod> = Api::all(client);
        reflect(api, Writer::new(()), arguments.kind).await
    }
}

async fn reflect<K>(api: Api<K>, writer: Writer<K>, kind: Kind) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone + Send + Sync,
{
    let config = if kind.paged { watcher::Config::default() } else { watcher::Config::default().streaming_lists() };
    let store = writer.as_reader();
    tokio::spawn(async move {
        if store.wait_until_ready().await.is_ok() {
            println!("ready {}", store.len());
        }
    });
    let stream = watcher(api, config).default_backoff();
    if kind.trimmed {
        let stream = stream.modify(|object| object.meta_mut().managed_fields = None);
        stream.reflect(writer).touched_objects().for_each(|_| std::future::ready(())).await;
    } else {
        stream.reflect(writer).touched_objects().for_each(|_| std::future::ready(())).await;
    }
    Ok(())
}
