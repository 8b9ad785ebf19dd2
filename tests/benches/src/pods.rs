//! Pods as a real API server writes them: enough alike to be of one cluster,
//! enough unlike that nothing is won by sharing or compressing what never is
//! the same outside.
//!
//! Pods are instances of workload templates. Everything comes from a seed, and
//! a pod can be rendered again in another version at any time, so that none
//! needs to be kept.

mod managed;
mod pattern;
mod spec;
mod status;
mod template;
mod words;

use std::ops::Range;

use bytes::Bytes;

use self::pattern::Slot;
use self::template::Template;

/// What every object begins with that is not an item of a list.
pub const TYPE_META: &str = r#"{"kind":"Pod","apiVersion":"v1","#;
/// Workloads in a set.
const TEMPLATES: usize = 200;
/// Nodes that pods are on.
const NODES: u64 = 500;

/// A set of pods, by index from 0.
pub struct PodSet {
    templates: Vec<Template>,
    seed: u64,
    count: usize,
}

/// One version of a pod.
pub struct Pod {
    /// Its JSON, beginning with [`TYPE_META`].
    pub json: Bytes,
    /// Where in it the value of `metadata` is.
    pub metadata: Range<usize>,
}

impl PodSet {
    /// `count` pods; the same for the same seed.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let templates = (0..TEMPLATES).map(|_| Template::random(&mut rng)).collect();
        Self { templates, seed, count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// A pod's name.
    pub fn name(&self, index: usize) -> String {
        let suffix = words::suffix(&mut self.rng(index), 5);
        // The index makes it unique, as the API server's uniqueness check does.
        format!("{}-{suffix}{index:x}", self.template(index).replica_set)
    }

    /// A pod's namespace.
    pub fn namespace(&self, index: usize) -> &str {
        &self.template(index).namespace
    }

    /// How many containers a pod has.
    pub fn containers(&self, index: usize) -> usize {
        self.template(index).containers
    }

    /// A pod at a resourceVersion, ready or not.
    pub fn render(&self, index: usize, version: u64, ready: bool) -> Pod {
        let template = self.template(index);
        let mut rng = self.rng(index);
        let name = format!("{}-{}{index:x}", template.replica_set, words::suffix(&mut rng, 5));
        let node = rng.u64(..NODES);
        let age = rng.i64(60..86_400 * 30);
        let at = |after: i64| words::time(1_790_000_000 - age + after);
        let started = rng.i64(2..20);
        let token = words::suffix(&mut rng, 5);
        let why = if ready { "" } else { template.unready.as_str() };
        let json = template.pattern.fill(|slot| match slot {
            Slot::Name => name.clone(),
            Slot::Uid => words::uuid(&mut rng),
            Slot::Version => version.to_string(),
            Slot::Created => at(0),
            Slot::Started => at(started),
            Slot::ReadyAt => at(started + 3),
            Slot::Node => format!("ip-10-{}-{}.eu-central-1.compute.internal", node / 250, node % 250),
            Slot::HostIp => format!("10.{}.{}.17", node / 250, node % 250),
            Slot::PodIp => format!("100.{}.{}.{}", 64 + index / 65_536, index / 256 % 256, index % 256),
            Slot::Token => token.clone(),
            Slot::Id(place) => words::hex(&mut fastrand::Rng::with_seed(self.seed_of(index) ^ (1 << 60) ^ place), 64),
            Slot::Restarts => if rng.u8(..) < 16 { rng.u8(1..9) } else { 0 }.to_string(),
            Slot::Ready => if ready { "True" } else { "False" }.to_owned(),
            Slot::ReadyFlag => ready.to_string(),
            Slot::Unready => why.to_owned(),
        });
        let start = TYPE_META.len() + r#""metadata":"#.len();
        let end = json.find(r#","spec":{"#).unwrap_or(json.len());
        Pod { json: json.into(), metadata: start..end }
    }

    fn template(&self, index: usize) -> &Template {
        &self.templates[index % self.templates.len()]
    }

    fn seed_of(&self, index: usize) -> u64 {
        self.seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64)
    }

    fn rng(&self, index: usize) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed_of(index))
    }
}

/// `managedFields` taken out of a pod's JSON, to see what is left.
pub fn without_managed_fields(json: &str) -> String {
    let Some((before, rest)) = json.split_once(r#","managedFields":["#) else { return json.to_owned() };
    let after = rest.split_once(r#"]},"spec":{"#).map_or("", |(_, after)| after);
    format!(r#"{before}}},"spec":{{{after}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_json_of_the_size_they_should_have() {
        let set = PodSet::new(1_000, 7);
        let mut names = std::collections::HashSet::new();
        for index in 0..set.count() {
            let pod = set.render(index, 42, index % 2 == 0);
            let value: serde_json::Value = serde_json::from_slice(&pod.json).unwrap();
            assert!(pod.json.len() >= 7 * 1024, "{} bytes", pod.json.len());
            assert_eq!(value["metadata"]["name"], set.name(index));
            assert_eq!(value["metadata"]["namespace"], set.namespace(index));
            assert_eq!(value["spec"]["containers"].as_array().unwrap().len(), set.containers(index));
            let metadata: serde_json::Value = serde_json::from_slice(&pod.json[pod.metadata.clone()]).unwrap();
            assert_eq!(metadata, value["metadata"]);
            assert!(names.insert(set.name(index)));
        }
    }

    #[test]
    fn a_pod_is_the_same_again_but_for_what_changed() {
        let set = PodSet::new(10, 7);
        assert_eq!(set.render(3, 5, true).json, set.render(3, 5, true).json);
        assert_ne!(set.render(3, 5, true).json, set.render(3, 5, false).json);
    }

    #[test]
    fn managed_fields_can_be_taken_out() {
        let json = PodSet::new(1, 7).render(0, 5, true).json;
        let rest = without_managed_fields(std::str::from_utf8(&json).unwrap());
        let value: serde_json::Value = serde_json::from_str(&rest).unwrap();
        assert!(value["metadata"]["managedFields"].is_null() && value["status"].is_object());
    }
}
