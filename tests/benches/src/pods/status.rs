//! A pod's `status`.

use super::pattern::Slot;
use super::spec::{Container, mounted};

/// The status of a pod that runs.
pub(super) fn status(containers: &[Container]) -> String {
    let (host, ip, created) = (Slot::HostIp, Slot::PodIp, Slot::Created);
    let statuses: Vec<_> = containers.iter().zip(0..).map(|(container, place)| running(container, place)).collect();
    format!(
        concat!(
            r#"{{"observedGeneration":1,"phase":"Running","conditions":[{},{},{},{},{}],"hostIP":"{host}","#,
            r#""hostIPs":[{{"ip":"{host}"}}],"podIP":"{ip}","podIPs":[{{"ip":"{ip}"}}],"startTime":"{created}","#,
            r#""containerStatuses":[{statuses}],"qosClass":"Burstable"}}"#,
        ),
        condition("PodReadyToStartContainers", "True", Slot::Started, ""),
        condition("Initialized", "True", Slot::Created, ""),
        condition("Ready", &Slot::Ready.to_string(), Slot::ReadyAt, &Slot::Unready.to_string()),
        condition("ContainersReady", &Slot::Ready.to_string(), Slot::ReadyAt, &Slot::Unready.to_string()),
        condition("PodScheduled", "True", Slot::Created, ""),
        host = host,
        ip = ip,
        created = created,
        statuses = statuses.join(","),
    )
}

/// Why a pod of these containers is not ready, as fields of a condition.
pub(super) fn unready(containers: &[Container]) -> String {
    let name = containers.first().map_or("", |container| &container.name);
    format!(r#","reason":"ContainersNotReady","message":"containers with unready status: [{name}]""#)
}

fn condition(name: &str, status: &str, since: Slot, why: &str) -> String {
    format!(
        concat!(
            r#"{{"type":"{}","observedGeneration":1,"status":"{}","lastProbeTime":null,"#,
            r#""lastTransitionTime":"{}"{}}}"#,
        ),
        name, status, since, why
    )
}

fn running(container: &Container, place: u64) -> String {
    // The first is the one that becomes unready.
    let ready = if place == 0 { Slot::ReadyFlag.to_string() } else { "true".to_owned() };
    let mounts: Vec<_> = container.mounts.iter().map(|mount| mounted(mount, true)).collect();
    format!(
        concat!(
            r#"{{"name":"{}","state":{{"running":{{"startedAt":"{}"}}}},"lastState":{{}},"ready":{},"#,
            r#""restartCount":{},"image":"{}","imageID":"{}","containerID":"containerd://{}","started":true,"#,
            r#""resources":{},"volumeMounts":[{}],"user":{{"linux":{{"uid":1000,"gid":1000,"#,
            r#""supplementalGroups":[1000]}}}}}}"#,
        ),
        container.name,
        Slot::Started,
        ready,
        Slot::Restarts,
        container.image,
        container.image_id,
        Slot::Id(place),
        container.resources,
        mounts.join(","),
    )
}
