//! What extends the API: CustomResourceDefinitions and APIServices.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// What is read of a CustomResourceDefinition.
pub(super) type Definition = super::kinds::Facet<DefinitionSpec, DefinitionStatus>;

/// `spec` of a definition.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DefinitionSpec {
    group: Box<str>,
    names: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    plural: Box<str>,
}

/// `status` of a definition.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DefinitionStatus {
    conditions: Vec<Condition>,
}

impl Facts for Definition {
    /// As kapp has it, and besides: an established kind is of use when discovery
    /// lists it, which lags (kubectl#1117, k8s#125471).
    fn judge(&self, _metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        if let Some(refused) = condition::find_false(&status.conditions, "NamesAccepted") {
            let judgement = Judgement::new(State::Failed, refused.reason_or("NamesNotAccepted"), refused.says());
            return judgement.with_doom(Doom::Persistent).into();
        }
        if condition::find_true(&status.conditions, "Established").is_none() {
            return Judgement::new(State::InProgress, "NotEstablished", "the API server does not serve it yet").into();
        }
        if view.serves(&spec.group, &spec.names.plural) == Some(false) {
            return Judgement::new(
                State::InProgress,
                "NotDiscovered",
                "established, but discovery does not list it yet",
            )
            .into();
        }
        Judgement::new(State::Ready, "Established", "its objects can be created").into()
    }
}

/// What is read of an APIService.
pub(super) type ApiService = super::kinds::Facet<IgnoredAny, ApiServiceStatus>;

/// `status` of an APIService.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ApiServiceStatus {
    conditions: Vec<Condition>,
}

impl Facts for ApiService {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let judgement = match condition::find(&self.status.conditions, "Available") {
            None => Judgement::new(State::InProgress, "NotChecked", "whether it answers is not known yet"),
            Some(c) if c.is_true() => Judgement::new(State::Ready, c.reason_or("Available"), c.says()),
            Some(c) if c.is_false() => {
                Judgement::new(State::Failed, c.reason_or("NotAvailable"), c.says()).with_doom(Doom::Persistent)
            }
            Some(c) => Judgement::new(State::InProgress, c.reason_or("NotChecked"), c.says()),
        };
        judgement.into()
    }
}
