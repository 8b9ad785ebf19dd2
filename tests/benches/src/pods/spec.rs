//! A pod's `spec`.

use std::ops::Range;

use super::pattern::Slot;
use super::words;

/// A container of a workload.
pub(super) struct Container {
    /// Its name.
    pub(super) name: String,
    /// Its image by tag.
    pub(super) image: String,
    /// Its image by digest.
    pub(super) image_id: String,
    /// The names of its environment variables.
    pub(super) variables: Vec<String>,
    /// Names and paths of its volumes.
    pub(super) mounts: Vec<(String, String)>,
    /// Its requests and limits, as JSON.
    pub(super) resources: String,
    json: String,
}

impl Container {
    /// Some container with so many environment variables.
    pub(super) fn random(rng: &mut fastrand::Rng, name: &str, variables: Range<usize>) -> Self {
        let registry = format!("registry.example.com/{}/{name}", words::team(rng));
        let image = format!("{registry}:{}.{}.{}-{}", rng.u8(..9), rng.u8(..30), rng.u8(..99), words::hex(rng, 8));
        let image_id = format!("{registry}@sha256:{}", words::hex(rng, 64));
        let variables: Vec<_> = (0..rng.usize(variables)).map(|place| words::setting(rng, place)).collect();
        let mounts = vec![
            (format!("{name}-config"), format!("/etc/{name}")),
            (format!("{name}-tmp"), "/tmp".to_owned()),
            (format!("kube-api-access-{}", Slot::Token), "/var/run/secrets/kubernetes.io/serviceaccount".to_owned()),
        ];
        let resources = format!(
            r#"{{"limits":{{"memory":"{limit}Mi"}},"requests":{{"cpu":"{cpu}m","memory":"{limit}Mi"}}}}"#,
            limit = 64 * rng.u16(1..64),
            cpu = 25 * rng.u16(1..80),
        );
        let mut container =
            Self { name: name.to_owned(), image, image_id, variables, mounts, resources, json: String::new() };
        container.json = container.spec(rng);
        container
    }

    fn spec(&self, rng: &mut fastrand::Rng) -> String {
        let (name, image, resources) = (&self.name, &self.image, &self.resources);
        let port = rng.u16(1_024..32_000);
        let args: Vec<_> =
            (0..rng.usize(1..5)).map(|_| format!(r#""--{}={}""#, words::role(rng), words::value(rng))).collect();
        let env: Vec<_> =
            self.variables.iter().map(|v| format!(r#"{{"name":"{v}","value":"{}"}}"#, words::value(rng))).collect();
        let mounts: Vec<_> = self.mounts.iter().map(|mount| mounted(mount, false)).collect();
        format!(
            concat!(
                r#"{{"name":"{}","image":"{}","args":[{}],"ports":[{{"name":"http","containerPort":{},"#,
                r#""protocol":"TCP"}}],"env":[{}],"resources":{},"volumeMounts":[{}],"livenessProbe":{},"#,
                r#""readinessProbe":{},"terminationMessagePath":"/dev/termination-log","#,
                r#""terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","#,
                r#""securityContext":{{"capabilities":{{"drop":["ALL"]}},"readOnlyRootFilesystem":true,"#,
                r#""allowPrivilegeEscalation":false}}}}"#,
            ),
            name,
            image,
            args.join(","),
            port,
            env.join(","),
            resources,
            mounts.join(","),
            probe(rng, "/livez"),
            probe(rng, "/readyz"),
        )
    }
}

fn probe(rng: &mut fastrand::Rng, path: &str) -> String {
    let (delay, period, failures) = (rng.u8(1..30), rng.u8(5..20), rng.u8(2..6));
    format!(
        concat!(
            r#"{{"httpGet":{{"path":"{}","port":"http","scheme":"HTTP"}},"initialDelaySeconds":{},"#,
            r#""timeoutSeconds":1,"periodSeconds":{},"successThreshold":1,"failureThreshold":{}}}"#,
        ),
        path, delay, period, failures
    )
}

/// A volume mount; in a status it says a little more.
pub(super) fn mounted((name, path): &(String, String), in_status: bool) -> String {
    let read_only = if name.ends_with("-tmp") { "" } else { r#""readOnly":true,"# };
    let recursive = if in_status && !read_only.is_empty() { r#","recursiveReadOnly":"Disabled""# } else { "" };
    format!(r#"{{"name":"{name}",{read_only}"mountPath":"{path}"{recursive}}}"#)
}

/// A pod's `spec`.
pub(super) fn spec(rng: &mut fastrand::Rng, app: &str, containers: &[Container]) -> String {
    let (node, json) = (Slot::Node, containers.iter().map(|c| c.json.as_str()).collect::<Vec<_>>());
    format!(
        concat!(
            r#"{{"volumes":[{},{}],"containers":[{}],"restartPolicy":"Always","terminationGracePeriodSeconds":{},"#,
            r#""dnsPolicy":"ClusterFirst","serviceAccountName":"{}","serviceAccount":"{}","nodeName":"{}","#,
            r#""securityContext":{{"runAsUser":{},"runAsNonRoot":true,"fsGroup":{}}},"affinity":{},"#,
            r#""schedulerName":"default-scheduler","tolerations":[{},{}],"priorityClassName":"{}","priority":{},"#,
            r#""enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"}}"#,
        ),
        volumes(containers),
        token_volume(),
        json.join(","),
        rng.u8(10..90),
        app,
        app,
        node,
        rng.u16(1_000..60_000),
        rng.u16(1_000..60_000),
        affinity(app),
        toleration("not-ready"),
        toleration("unreachable"),
        words::one(rng, &["service-critical", "service-default", "batch"]),
        rng.u32(..1_000_000),
    )
}

fn volumes(containers: &[Container]) -> String {
    let each = containers.iter().map(|Container { name, .. }| {
        format!(
            r#"{{"name":"{name}-config","configMap":{{"name":"{name}","defaultMode":420}}}},{{"name":"{name}-tmp","emptyDir":{{}}}}"#
        )
    });
    each.collect::<Vec<_>>().join(",")
}

fn token_volume() -> String {
    format!(
        concat!(
            r#"{{"name":"kube-api-access-{}","projected":{{"sources":[{{"serviceAccountToken":{{"#,
            r#""expirationSeconds":3607,"path":"token"}}}},{{"configMap":{{"name":"kube-root-ca.crt","#,
            r#""items":[{{"key":"ca.crt","path":"ca.crt"}}]}}}},{{"downwardAPI":{{"items":[{{"path":"namespace","#,
            r#""fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.namespace"}}}}]}}}}],"defaultMode":420}}}}"#,
        ),
        Slot::Token
    )
}

fn affinity(app: &str) -> String {
    format!(
        concat!(
            r#"{{"podAntiAffinity":{{"preferredDuringSchedulingIgnoredDuringExecution":[{{"weight":100,"#,
            r#""podAffinityTerm":{{"labelSelector":{{"matchLabels":{{"app.kubernetes.io/name":"{}"}}}},"#,
            r#""topologyKey":"kubernetes.io/hostname"}}}}]}}}}"#,
        ),
        app
    )
}

fn toleration(of: &str) -> String {
    format!(r#"{{"key":"node.kubernetes.io/{of}","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}"#)
}
