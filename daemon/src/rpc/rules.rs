//! Who may call which rpc. What it shows of a cluster is a matter of its handler, which asks
//! for its caller's rights.

/// Who may call an rpc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Anybody: it says nothing of a cluster.
    Anybody,
    /// Whoever has proven who they are.
    Callers,
}

/// An rpc that has none is for nobody.
const RULES: &[(&str, Rule)] = &[
    ("/daymark.v1.CompletionService/Complete", Rule::Callers),
    ("/daymark.v1.ControlPlaneService/GetControlPlane", Rule::Callers),
    ("/daymark.v1.ControlPlaneService/WatchControlPlane", Rule::Callers),
    ("/daymark.v1.EventService/ListEvents", Rule::Callers),
    ("/daymark.v1.EventService/WatchEvents", Rule::Callers),
    ("/daymark.v1.DiagnosisService/Diagnose", Rule::Callers),
    ("/daymark.v1.DiagnosisService/WatchDiagnosis", Rule::Callers),
    ("/daymark.v1.GateService/ArmGate", Rule::Callers),
    ("/daymark.v1.GateService/CancelGate", Rule::Callers),
    ("/daymark.v1.GateService/GetGate", Rule::Callers),
    ("/daymark.v1.GateService/OpenGate", Rule::Callers),
    ("/daymark.v1.GateService/WatchGate", Rule::Callers),
    ("/daymark.v1.LogService/StreamLogs", Rule::Callers),
    ("/daymark.v1.NodeService/Cordon", Rule::Callers),
    ("/daymark.v1.NodeService/PlanDrain", Rule::Callers),
    ("/daymark.v1.NodeService/StartDrain", Rule::Callers),
    ("/daymark.v1.NodeService/Uncordon", Rule::Callers),
    ("/daymark.v1.OperationService/CancelOperation", Rule::Callers),
    ("/daymark.v1.OperationService/GetOperation", Rule::Callers),
    ("/daymark.v1.OperationService/ListOperations", Rule::Callers),
    ("/daymark.v1.OperationService/WatchOperation", Rule::Callers),
    ("/daymark.v1.NodeReadinessService/ListNodes", Rule::Callers),
    ("/daymark.v1.NodeReadinessService/WatchNodes", Rule::Callers),
    ("/daymark.v1.ProxyService/Fetch", Rule::Callers),
    ("/daymark.v1.PodService/ListQuarantined", Rule::Callers),
    ("/daymark.v1.PodService/Release", Rule::Callers),
    ("/daymark.v1.PodService/StartQuarantine", Rule::Callers),
    ("/daymark.v1.ServerService/GetServerInfo", Rule::Callers),
    ("/daymark.v1.ServerService/ListCaches", Rule::Callers),
    ("/daymark.v1.SnapshotService/Dump", Rule::Callers),
    ("/daymark.v1.StatusService/GetStatus", Rule::Callers),
    ("/daymark.v1.StatusService/ListStatuses", Rule::Callers),
    ("/daymark.v1.StatusService/WatchStatuses", Rule::Callers),
    ("/daymark.v1.TableService/ListTables", Rule::Callers),
    ("/daymark.v1.TreeService/WatchTree", Rule::Callers),
    ("/daymark.v1.TunnelService/Forward", Rule::Callers),
    ("/daymark.v1.TunnelService/Resolve", Rule::Callers),
    ("/grpc.health.v1.Health/Check", Rule::Anybody),
    ("/grpc.health.v1.Health/Watch", Rule::Anybody),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Rule::Callers),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Rule::Callers),
];

/// Who may call the rpc of that path; `None` if there is none, or nobody may.
pub(super) fn rule(path: &str) -> Option<Rule> {
    RULES.iter().find(|(known, _)| *known == path).map(|(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use daymark_proto::FILE_DESCRIPTOR_SET;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_rpc_has_a_rule_and_every_rule_an_rpc() {
        let mut paths = Vec::new();
        for descriptors in [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET] {
            for file in FileDescriptorSet::decode(descriptors).unwrap().file {
                for service in &file.service {
                    let service_name = format!("/{}.{}", file.package(), service.name());
                    paths.extend(service.method.iter().map(|method| format!("{service_name}/{}", method.name())));
                }
            }
        }
        assert!(paths.len() > 5, "{paths:?}");
        for path in &paths {
            assert!(rule(path).is_some(), "{path} has no rule: who may call it?");
        }
        for (path, _) in RULES.iter().filter(|(path, _)| !path.starts_with("/grpc.reflection.")) {
            assert!(paths.iter().any(|known| known == path), "{path} is no rpc");
        }
    }
}
