//! The token of another caller's gate, by somebody who may see the same.

use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::{
    AppliedObject, ArmGateRequest, CancelGateRequest, GetGateRequest, OpenGateRequest, Outcome, WatchGateRequest,
};
use daymark_tests::in_process::{named, with_token};
use tonic::{Code, Status};

use crate::rights::Shared;
use crate::{Pods, code_and_reason};

/// How each rpc that takes a gate's token ends for that user.
async fn tried(shared: &Shared, user: &str, gate: &str) -> [Result<(), Status>; 4] {
    let mut gates = GateServiceClient::new(shared.channel().await);
    let (user, token) = (Some(user), || gate.to_owned());
    let r#ref = named(&[(Pods, "a")]).filter.unwrap().refs.remove(0);
    let applied = AppliedObject { r#ref: Some(r#ref), ..Default::default() };
    let get = gates.get_gate(with_token(GetGateRequest { token: token() }, user)).await.map(drop);
    let watch = gates.watch_gate(with_token(WatchGateRequest { token: token() }, user)).await.map(drop);
    let arm = ArmGateRequest { token: token(), applied: vec![applied] };
    let arm = gates.arm_gate(with_token(arm, user)).await.map(drop);
    let cancel = gates.cancel_gate(with_token(CancelGateRequest { token: token() }, user)).await.map(drop);
    [get, watch, arm, cancel]
}

#[tokio::test]
async fn a_gates_token_is_of_no_use_to_anybody_else() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "get,watch", "pods", "n");
    shared.rbac.grant("joe", "get,watch", "pods", "n");
    let open = OpenGateRequest { filter: named(&[(Pods, "a")]).filter, await_arming: true, ..Default::default() };
    let mut gates = GateServiceClient::new(shared.channel().await);
    let gate = gates.open_gate(with_token(open, Some("jane"))).await.unwrap().into_inner().token;

    for refused in tried(&shared, "joe", &gate).await {
        let refused = refused.expect_err("it is another's");
        // It is not even said that there is one.
        assert_eq!(code_and_reason(&refused), (Code::NotFound, "GATE_NOT_FOUND".to_owned()));
    }
    let request = with_token(GetGateRequest { token: gate.clone() }, Some("jane"));
    let left = gates.get_gate(request).await.unwrap().into_inner().gate.unwrap();
    assert_eq!((left.outcome(), left.armed), (Outcome::Unspecified, false), "{left:?}");
    for served in tried(&shared, "jane", &gate).await {
        served.unwrap();
    }
    shared.daemon.stop().await;
}
