//! What was let in goes on for as long as its caller may, and that is known.

use tonic::{Code, Status};

use crate::access::Caller;
use crate::access::trust::Trust;

/// Looks again and again, until it turns out otherwise than before, or the caller may no more.
/// While the cluster does not say, it is left as it was; but not for ever.
pub(super) async fn otherwise<T, L>(caller: &Caller, mut trust: Trust, mut look: impl FnMut() -> L) -> Result<T, Status>
where
    L: Future<Output = Result<Option<T>, Status>>,
{
    loop {
        tokio::time::sleep_until(trust.ask_at()).await;
        match look().await {
            Ok(None) => trust.is_known(),
            Ok(Some(other)) => return Ok(other),
            Err(error) if error.code() == Code::Unavailable && !trust.is_lost() => {}
            Err(error) => {
                let (caller, why) = (caller.to_string(), error.message());
                tracing::warn!(target: "daymark::audit", caller, why, "audit: withdrawn");
                return Err(error);
            }
        }
    }
}

/// The same, where there is nothing but to be let or not: why no more.
pub(super) async fn no_more<L>(caller: &Caller, trust: Trust, mut look: impl FnMut() -> L) -> Status
where
    L: Future<Output = Result<(), Status>>,
{
    let look = || {
        let look = look();
        async { look.await.map(|()| None::<std::convert::Infallible>) }
    };
    match otherwise(caller, trust, look).await {
        Ok(never) => match never {},
        Err(why) => why,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::access::authorizer::Authorizer;
    use crate::access::trust::GRACE;

    const LASTS: Duration = Duration::from_secs(30);

    fn trust() -> Trust {
        Authorizer::new(None, LASTS).0.trust()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_for_long_ends() {
        let begun = Instant::now();
        let look = || async { Err(Status::unavailable("nobody says")) };
        let why = no_more(&Caller::Owner, trust(), look).await;
        assert_eq!(why.code(), Code::Unavailable);
        assert_eq!(begun.elapsed(), LASTS * GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_again_in_between_goes_on() {
        let unknown = || Err(Status::unavailable("nobody says"));
        let once = || (1..2 * GRACE).map(|_| unknown()).chain([Ok(())]);
        let end = [Err(Status::permission_denied("withdrawn"))];
        let mut answers: VecDeque<_> = once().chain(once()).chain(end).collect();
        let why = no_more(&Caller::Owner, trust(), || std::future::ready(answers.pop_front().unwrap())).await;
        assert_eq!(why.code(), Code::PermissionDenied);
        assert!(answers.is_empty());
    }
}
