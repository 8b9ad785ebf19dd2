//! What is seen of a node and its pods while it is drained.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::FutureExt as _;
use tokio::time::Instant;

use super::telling::ending;
use super::{Happened, LOOK_ANYWAY, Running};
use crate::act::actor::NotDone;
use crate::act::drain::NotReady;
use crate::act::drain::kubelet::{is_not_awaited, not_awaited};
use crate::act::drain::plan::NOT_AWAITED;
use crate::act::drain::read::{Look, look};
use crate::act::operation::StepState;
use crate::diagnose::Object;

/// The pods of the node are looked at again no sooner than that after the last time.
const LOOK: Duration = Duration::from_millis(500);

impl Running {
    /// When the node's pods are looked at next; while they are, not before long.
    pub(super) fn next_look(&self) -> Instant {
        match self.is_looking {
            true => Instant::now() + LOOK_ANYWAY,
            false => self.look_at.unwrap_or(self.looked + LOOK_ANYWAY),
        }
    }

    pub(super) fn on_time(&mut self) {
        let now = Instant::now();
        if self.next_look() <= now {
            (self.is_looking, self.look_at, self.looked) = (true, None, now);
            let (actor, node) = (self.actor.clone(), self.plan.node.clone());
            let selector = self.options.pod_selector.clone();
            let looked = async move { Happened::Looked(look(&actor, &node, &selector).await) };
            self.under_way.push(looked.boxed());
        }
    }

    pub(super) fn look_soon(&mut self) {
        let soon = self.looked + LOOK;
        self.look_at = Some(self.look_at.map_or(soon, |at| at.min(soon)));
    }

    /// The node and its pods were looked at.
    pub(super) fn looked(&mut self, seen: Result<Look, NotDone>) {
        (self.is_looking, self.looked) = (false, Instant::now());
        match seen {
            Ok(Look { pods, node }) => {
                if let Some(node) = node {
                    self.sees_node(&node);
                }
                self.sees_pods(&pods);
            }
            Err(error) => self.report.say("NotVisible", format!("the node's pods cannot be read: {error}")),
        }
    }

    fn sees_node(&mut self, node: &Object) {
        let not_ready = NotReady::of(node, &self.options);
        if not_ready != self.not_ready {
            self.not_ready = not_ready;
            self.say_how_it_stands();
        }
    }

    /// The node has these pods now.
    fn sees_pods(&mut self, pods: &[Object]) {
        let there: HashMap<_, _> = pods.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
        let left: Vec<_> = self.goings.left().collect();
        let (now, is_silent) = (self.clock.now(), self.not_ready.as_ref().is_some_and(|it| it.is_silent));
        for (number, is_going) in left {
            let Some(uid) = self.pods.get(number).map(|pod| pod.uid.clone()) else { continue };
            match there.get(&*uid) {
                None => {
                    self.goings.is_over(number);
                    let message = if is_going { "it is gone" } else { "it terminated by itself" };
                    self.tell(number, StepState::Done, "Gone", message);
                }
                Some(pod) if is_not_awaited(pod, &self.options, now) => {
                    self.goings.is_over(number);
                    self.tell(number, StepState::Skipped, NOT_AWAITED, not_awaited(pod));
                }
                Some(pod) if is_going => {
                    let (reason, message) = ending(pod, is_silent, now);
                    self.tell(number, StepState::Running, reason, message);
                }
                Some(_) => {}
            }
        }
    }
}
