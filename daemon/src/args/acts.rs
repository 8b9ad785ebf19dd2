//! What others than the daemon's owner may have done to the cluster.

use clap::Args;

use crate::act::Acts;

/// Flags of acts.
#[derive(Debug, Args)]
pub struct ActArgs {
    /// Acts to perform for callers other than the daemon's owner, within their own rights: cordon,
    /// drain, quarantine, tunnel, proxy, dry-run, or all
    #[arg(long, value_name = "ACTS", value_delimiter = ',', conflicts_with = "replay")]
    remote_acts: Vec<Acts>,
}

impl From<ActArgs> for Acts {
    fn from(args: ActArgs) -> Self {
        args.remote_acts.into_iter().collect()
    }
}
