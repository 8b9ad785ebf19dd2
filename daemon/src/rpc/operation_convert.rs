//! Operations as the API tells them.

use daymark_proto::v1::{self, OperationStage};

use super::Served;
use super::convert::timestamp;
use crate::act::operation::{Operation, Progress, Stage, Step, StepState, Target};

impl Served {
    pub(super) fn target(&self, target: &Target) -> v1::ObjectRef {
        self.object_ref(&target.kind, &target.key, target.uid.clone())
    }

    pub(super) fn operation(&self, operation: &Operation, progress: &Progress) -> v1::Operation {
        let over = progress.steps.iter().filter(|step| step.state.is_over()).count();
        v1::Operation {
            id: operation.id.to_string(),
            act: operation.act.to_string(),
            target: Some(self.target(&operation.target)),
            started_by: operation.caller.to_string(),
            start_time: Some(timestamp(operation.started)),
            deadline: Some(timestamp(operation.deadline)),
            end_time: progress.ended.map(timestamp),
            stage: stage(progress.stage).into(),
            reason: progress.reason.to_owned(),
            message: progress.message.clone(),
            done: i32::try_from(over).unwrap_or(i32::MAX),
            total: i32::try_from(progress.steps.len()).unwrap_or(i32::MAX),
            detached: operation.detached,
        }
    }

    pub(super) fn step(&self, step: &Step) -> v1::Step {
        v1::Step {
            r#ref: Some(self.target(&step.object)),
            state: step_state(step.state).into(),
            reason: step.reason.to_owned(),
            message: step.message.clone(),
            controller: step.controller.as_ref().map(|controller| self.target(controller)),
        }
    }
}

fn stage(stage: Stage) -> OperationStage {
    match stage {
        Stage::Running => OperationStage::Running,
        Stage::Succeeded => OperationStage::Succeeded,
        Stage::Failed => OperationStage::Failed,
        Stage::Cancelled => OperationStage::Cancelled,
    }
}

fn step_state(state: StepState) -> v1::StepState {
    match state {
        StepState::Waiting => v1::StepState::Waiting,
        StepState::Blocked => v1::StepState::Blocked,
        StepState::Running => v1::StepState::Running,
        StepState::Done => v1::StepState::Done,
        StepState::Failed => v1::StepState::Failed,
        StepState::Skipped => v1::StepState::Skipped,
    }
}
