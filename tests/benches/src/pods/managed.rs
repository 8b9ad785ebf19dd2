//! A pod's `metadata.managedFields`: who set which field.

use super::pattern::Slot;
use super::spec::Container;
use super::template::Map;

/// What the ReplicaSet controller, the network's plugin and the kubelet set.
pub(super) fn managed_fields(owner: &str, labels: &Map, annotations: &Map, containers: &[Container]) -> String {
    let of_plugin = |key: &str| key.starts_with("cni.");
    let (plugins, templates): (Vec<_>, Vec<_>) = annotations.iter().partition(|(key, _)| of_plugin(key));
    let created = format!(
        r#"{{"f:metadata":{{"f:annotations":{},"f:generateName":{{}},"f:labels":{},"f:ownerReferences":{{".":{{}},"k:{{\"uid\":\"{}\"}}":{{}}}}}},"f:spec":{}}}"#,
        set(templates.into_iter().map(|(key, _)| key.as_str())),
        set(labels.iter().map(|(key, _)| key.as_str())),
        owner,
        spec(containers),
    );
    let plugin =
        format!(r#"{{"f:metadata":{{"f:annotations":{}}}}}"#, set(plugins.into_iter().map(|(key, _)| key.as_str())));
    let entries = [
        entry("kube-controller-manager", Slot::Created, &created, ""),
        entry("calico", Slot::Started, &plugin, r#","subresource":"status""#),
        entry(
            "kubelet",
            Slot::ReadyAt,
            &STATUS.replace("POD_IP", &Slot::PodIp.to_string()),
            r#","subresource":"status""#,
        ),
    ];
    format!("[{}]", entries.join(","))
}

/// What a kubelet sets.
const STATUS: &str = concat!(
    r#"{"f:status":{"f:conditions":{"k:{\"type\":\"ContainersReady\"}":{".":{},"f:lastProbeTime":{},"#,
    r#""f:lastTransitionTime":{},"f:observedGeneration":{},"f:status":{},"f:type":{}},"#,
    r#""k:{\"type\":\"Initialized\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"#,
    r#""f:observedGeneration":{},"f:status":{},"f:type":{}},"#,
    r#""k:{\"type\":\"PodReadyToStartContainers\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"#,
    r#""f:observedGeneration":{},"f:status":{},"f:type":{}},"#,
    r#""k:{\"type\":\"Ready\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"#,
    r#""f:observedGeneration":{},"f:status":{},"f:type":{}}},"#,
    r#""f:containerStatuses":{},"f:hostIP":{},"f:hostIPs":{},"f:observedGeneration":{},"f:phase":{},"#,
    r#""f:podIP":{},"f:podIPs":{".":{},"k:{\"ip\":\"POD_IP\"}":{".":{},"f:ip":{}}},"f:startTime":{}}}"#,
);

fn entry(manager: &str, time: Slot, fields: &str, rest: &str) -> String {
    format!(
        concat!(
            r#"{{"manager":"{}","operation":"Update","apiVersion":"v1","time":"{}","#,
            r#""fieldsType":"FieldsV1","fieldsV1":{}{}}}"#,
        ),
        manager, time, fields, rest
    )
}

/// A map's fields.
fn set<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let fields: Vec<_> = keys.map(|key| format!(r#""f:{key}":{{}}"#)).collect();
    format!(r#"{{".":{{}},{}}}"#, fields.join(","))
}

fn spec(containers: &[Container]) -> String {
    let containers: Vec<_> = containers.iter().map(container).collect();
    format!(
        concat!(
            r#"{{"f:affinity":{{".":{{}},"f:podAntiAffinity":{{".":{{}},"#,
            r#""f:preferredDuringSchedulingIgnoredDuringExecution":{{}}}}}},"f:containers":{{{}}},"#,
            r#""f:dnsPolicy":{{}},"f:enableServiceLinks":{{}},"f:priorityClassName":{{}},"f:restartPolicy":{{}},"#,
            r#""f:schedulerName":{{}},"f:securityContext":{{".":{{}},"f:fsGroup":{{}},"f:runAsNonRoot":{{}},"#,
            r#""f:runAsUser":{{}}}},"f:serviceAccount":{{}},"f:serviceAccountName":{{}},"#,
            r#""f:terminationGracePeriodSeconds":{{}}}}"#,
        ),
        containers.join(",")
    )
}

fn container(Container { name, variables, .. }: &Container) -> String {
    let each = |v: &String| format!(r#""k:{{\"name\":\"{v}\"}}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}"#);
    let variables: Vec<_> = variables.iter().map(each).collect();
    format!(
        concat!(
            r#""k:{{\"name\":\"{}\"}}":{{".":{{}},"f:args":{{}},"f:env":{{".":{{}},{}}},"f:image":{{}},"#,
            r#""f:imagePullPolicy":{{}},"f:name":{{}},"f:ports":{{".":{{}},"f:containerPort":{{}}}},"#,
            r#""f:resources":{{".":{{}},"f:limits":{{".":{{}},"f:memory":{{}}}},"f:requests":{{".":{{}},"#,
            r#""f:cpu":{{}},"f:memory":{{}}}}}},"f:terminationMessagePath":{{}},"f:terminationMessagePolicy":{{}}}}"#,
        ),
        name,
        variables.join(",")
    )
}
