//! One rule in CEL.

use std::sync::LazyLock;

use serde_saphyr::Spanned;

use super::{RuleError, Texts};
use crate::expression::{Compiler, Program, Scope};
use crate::rule::custom::CustomRule;
use crate::state::{Doom, Judgement, State};

/// The longest expression in bytes.
const LONGEST: usize = 4096;
/// How deeply it may be nested: it is evaluated on the stack of whoever decodes.
const DEEPEST: usize = 24;

/// What can be said in a rule. `None` if CEL's own functions clash.
static COMPILER: LazyLock<Option<Compiler>> = LazyLock::new(|| Compiler::new(&["object"]).ok());

/// A rule, compiled, or why it could not be.
#[derive(Debug)]
pub(super) enum Rule {
    Compiled(Box<(Texts, Programs)>),
    Broken(String),
}

#[derive(Debug)]
pub(super) struct Programs {
    observed: Option<Program>,
    fatal: Option<Program>,
    failed: Option<Program>,
    paused: Option<Program>,
    ready: Program,
    in_progress: Option<Program>,
    reason: Option<Program>,
    message: Option<Program>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Compiled(rule), Self::Compiled(other)) => rule.0.says_the_same(&other.0),
            (Self::Broken(why), Self::Broken(others)) => why == others,
            _ => false,
        }
    }
}

impl Texts {
    fn says_the_same(&self, other: &Self) -> bool {
        let texts = |texts: &Self| {
            let Self { group, kind, observed, failed, fatal, paused, ready, in_progress, reason, message } =
                texts.clone();
            let optional = [observed, failed, fatal, paused, Some(ready), in_progress, reason, message];
            (group, kind, optional.map(|text| text.map(|text| text.value)))
        };
        texts(self) == texts(other)
    }
}

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub(super) fn compile(texts: Texts) -> Result<Self, (u64, String)> {
        let optional = |field, text: &Option<_>| text.as_ref().map(|text| compile(field, text)).transpose();
        let programs = Programs {
            observed: optional("observed", &texts.observed)?,
            fatal: optional("fatal", &texts.fatal)?,
            failed: optional("failed", &texts.failed)?,
            paused: optional("paused", &texts.paused)?,
            ready: compile("ready", &texts.ready)?,
            in_progress: optional("inProgress", &texts.in_progress)?,
            reason: optional("reason", &texts.reason)?,
            message: optional("message", &texts.message)?,
        };
        Ok(Self::Compiled(Box::new((texts, programs))))
    }

    /// A rule that says what is wrong with it.
    pub(super) fn broken(error: &RuleError) -> Self {
        Self::Broken(error.to_string())
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

fn compile(field: &str, text: &Spanned<String>) -> Result<Program, (u64, String)> {
    let error = |problem: String| (text.referenced.line(), format!("{field}: {problem}"));
    if text.value.len() > LONGEST {
        return Err(error(format!("longer than {LONGEST} bytes")));
    }
    let compiler = COMPILER.as_ref().ok_or_else(|| error("CEL is not available".into()))?;
    let program = compiler.compile(&text.value).map_err(error)?;
    if program.depth() > DEEPEST {
        return Err(error("nested too deeply".into()));
    }
    Ok(program)
}

impl CustomRule for Rule {
    fn says_what_is_observed(&self) -> bool {
        matches!(self, Self::Compiled(rule) if rule.1.observed.is_some())
    }

    fn judge(&self, json: &[u8]) -> Judgement {
        let programs = match self {
            Self::Compiled(rule) => &rule.1,
            Self::Broken(why) => return Judgement::new(State::Unknown, "RuleBroken", why.clone()),
        };
        let judge = || {
            let scope = COMPILER.as_ref().and_then(|compiler| compiler.scope("object", json).ok())?;
            Some(programs.judge(&scope))
        };
        // One object and one rule are to blame, and nothing else is to stop.
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge)) {
            Ok(Some(judgement)) => judgement,
            Ok(None) => Judgement::new(State::Unknown, "Undecodable", "it is nested too deeply to be judged"),
            Err(_panic) => Judgement::new(State::Unknown, "RuleBroken", "its rule cannot be evaluated for it"),
        }
    }
}

impl Programs {
    fn judge(&self, scope: &Scope<'_>) -> Judgement {
        let holds = |program: &Option<Program>| program.as_ref().is_some_and(|program| program.holds(scope));
        if self.observed.is_some() && !holds(&self.observed) {
            let message =
                "its controller has not observed the current specification: its rule's `observed` is not true";
            return Judgement::new(State::InProgress, "GenerationNotObserved", message);
        }
        let (state, reason, message) = if holds(&self.failed) {
            (State::Failed, "Failed", "its rule's `failed` is true")
        } else if holds(&self.paused) {
            (State::Paused, "Paused", "its rule's `paused` is true")
        } else if self.ready.holds(scope) {
            (State::Ready, "Ready", "its rule's `ready` is true")
        } else if self.in_progress.is_none() || holds(&self.in_progress) {
            (State::InProgress, "InProgress", "its rule's `ready` is not true")
        } else {
            (State::Unknown, "NoRuleApplies", "none of its rule's expressions is true")
        };
        let text = |program: &Option<Program>, otherwise: &'static str| {
            let text = program.as_ref().and_then(|program| program.text(scope)).filter(|text| !text.is_empty());
            text.map_or(otherwise.into(), std::borrow::Cow::Owned)
        };
        let judgement = Judgement::new(state, text(&self.reason, reason), text(&self.message, message));
        match state {
            State::Failed if holds(&self.fatal) => judgement.with_doom(Doom::Fatal),
            State::Failed => judgement.with_doom(Doom::Persistent),
            _ => judgement,
        }
    }
}
