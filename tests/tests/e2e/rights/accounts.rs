//! Who asks.

use daymark_tests::cluster::{Cluster, Namespace};

/// ServiceAccounts that may see different things of two namespaces.
pub(crate) fn accounts(cluster: &Cluster, here: &Namespace<'_>) {
    let n = &here.name;
    cluster.apply(&format!(
        r#"
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: nobody, namespace: {n}}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: local, namespace: {n}}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: everywhere, namespace: {n}}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: single, namespace: {n}}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: keeper, namespace: {n}}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: keeper-{n}}}
rules:
- {{apiGroups: [""], resources: [nodes], verbs: [get, list, watch, patch]}}
- {{apiGroups: [""], resources: [pods], verbs: [get, list, watch]}}
- {{apiGroups: [""], resources: [pods/eviction], verbs: [create]}}
- {{apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [list]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: keeper-{n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: keeper-{n}}}
subjects: [{{kind: ServiceAccount, name: keeper, namespace: {n}}}]
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: curator, namespace: {n}}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: curator, namespace: {n}}}
rules:
- {{apiGroups: [""], resources: [pods], verbs: [get, patch]}}
- {{apiGroups: [""], resources: [services], verbs: [list]}}
- {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: curator, namespace: {n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: curator}}
subjects: [{{kind: ServiceAccount, name: curator, namespace: {n}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: local, namespace: {n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{kind: ServiceAccount, name: local, namespace: {n}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: everywhere-{n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{kind: ServiceAccount, name: everywhere, namespace: {n}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: single, namespace: {n}}}
rules: [{{apiGroups: [""], resources: [pods], resourceNames: [one], verbs: [get, watch]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: single, namespace: {n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: single}}
subjects: [{{kind: ServiceAccount, name: single, namespace: {n}}}]
"#
    ));
}
