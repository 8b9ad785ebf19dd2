//! Whose a stream is, and what its reader may see.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use tonic::Status;

use crate::access::Caller;
use crate::rpc::Served;
use crate::rpc::convert::View;
use crate::rpc::rights::{Sight, Use};
use crate::subscription::Selection;

/// Who reads, and what may be seen.
pub(in crate::rpc) struct Eyes {
    pub(in crate::rpc) caller: Caller,
    pub(in crate::rpc) sight: Sight,
}

impl Eyes {
    /// Resolves when they may see otherwise.
    pub(super) fn open(
        &self,
        served: &Arc<Served>,
        selection: &Arc<Selection>,
        view: View,
    ) -> BoxFuture<'static, Result<Sight, Status>> {
        self.open_for(served, selection, (Use::Follow, view))
    }

    /// The same, of what is used so.
    pub(in crate::rpc) fn open_for(
        &self,
        served: &Arc<Served>,
        selection: &Arc<Selection>,
        used: (Use, View),
    ) -> BoxFuture<'static, Result<Sight, Status>> {
        if !matches!(self.caller, Caller::User(_)) {
            return std::future::pending().boxed();
        }
        let (served, selection) = (Arc::clone(served), Arc::clone(selection));
        let (caller, sight) = (self.caller.clone(), self.sight.clone());
        let seen = async move { served.other_sight(&caller, &selection, used, &sight).await };
        seen.boxed()
    }
}
