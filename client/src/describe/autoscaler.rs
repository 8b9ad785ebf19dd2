//! HorizontalPodAutoscalers, of `autoscaling/v2`.

use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{ago, counts, fields, items, scalar, text};
use super::related::Question;

/// What an autoscaler has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Autoscaler");
    let target = (text(object, "/spec/scaleTargetRef/kind"), text(object, "/spec/scaleTargetRef/name"));
    section.fact("Target", format!("{}/{}", target.0, target.1));
    section.fact(
        "Replicas",
        counts(
            object,
            &[
                ("/spec/minReplicas", "min"),
                ("/spec/maxReplicas", "max"),
                ("/status/currentReplicas", "current"),
                ("/status/desiredReplicas", "desired"),
            ],
        ),
    );
    section.fact("Last scaled", ago(object, "/status/lastScaleTime", it.now.as_ref()));
    let current: Vec<_> = items(object, "/status/currentMetrics").collect();
    let rows = items(object, "/spec/metrics").map(|metric| {
        let name = name(metric);
        let now = current.iter().find(|other| self::name(other) == name).map(|metric| values(metric, "current"));
        vec![name, now.filter(|now| !now.is_empty()).unwrap_or_else(|| "unknown".to_owned()), values(metric, "target")]
    });
    document.section("Metrics").table(&["METRIC", "CURRENT", "TARGET"], rows);
}

/// The workload that it scales.
pub fn ask(it: &Described) -> Vec<Question> {
    let [api_version, kind, name] =
        ["apiVersion", "kind", "name"].map(|field| text(&it.object, &format!("/spec/scaleTargetRef/{field}")));
    let kind = kind.to_lowercase();
    let kind = match api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind,
    };
    if name.is_empty() { Vec::new() } else { vec![it.named(&kind, &name)] }
}

/// The source of a metric: the field that is named as its type says.
fn source(metric: &Value) -> Option<&Value> {
    fields(metric, "").find(|(name, _)| *name != "type").map(|(_, source)| source)
}

/// `Resource cpu`, `Object requests of Ingress/web`
fn name(metric: &Value) -> String {
    let Some(source) = source(metric) else { return text(metric, "/type") };
    let [plain, named] = ["/name", "/metric/name"].map(|path| text(source, path));
    let name = if plain.is_empty() { named } else { plain };
    let of = match (text(source, "/container"), text(source, "/describedObject/kind")) {
        (container, kind) if container.is_empty() && kind.is_empty() => String::new(),
        (container, kind) if kind.is_empty() => format!(" of container {container}"),
        (_, kind) => format!(" of {kind}/{}", text(source, "/describedObject/name")),
    };
    format!("{} {name}{of}", text(metric, "/type"))
}

/// `62% (125m)`
fn values(metric: &Value, which: &str) -> String {
    let Some(values) = source(metric).and_then(|source| source.get(which)) else { return String::new() };
    let percent = text(values, "/averageUtilization");
    let amount = ["averageValue", "value"].iter().find_map(|field| values.get(*field).and_then(scalar));
    match (percent.is_empty(), amount) {
        (true, amount) => amount.unwrap_or_default(),
        (false, None) => format!("{percent}%"),
        (false, Some(amount)) => format!("{percent}% ({amount})"),
    }
}
