//! Volumes: claims, volumes, their classes and attachments.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::{Named, Related, View};
use super::{Facts, Ruling};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::quantity::Quantity;
use crate::record::{Detail, Link};
use crate::state::{Doom, Judgement, State};

/// What is read of a PersistentVolumeClaim.
pub(super) type Claim = super::kinds::Facet<ClaimSpec, ClaimStatus>;

/// `spec` of a claim.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClaimSpec {
    /// Unset means the default class, empty means none.
    storage_class_name: Option<Box<str>>,
    volume_name: Box<str>,
    resources: Resources,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: Size,
}

/// A quantity of storage; empty if there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Size {
    storage: Box<str>,
}

/// `status` of a claim.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClaimStatus {
    phase: Box<str>,
    /// What its volume has had since the last resize was done.
    capacity: Size,
    conditions: Vec<Condition>,
}

impl Facts for Claim {
    fn judge(&self, metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        match &*self.status.phase {
            "Bound" => bound(self, metadata, view).into(),
            "Lost" => {
                let message = format!("its volume {} is gone", self.spec.volume_name);
                Judgement::new(State::Failed, "Lost", message).with_doom(Doom::Fatal).into()
            }
            _ => pending(self, metadata, view).into(),
        }
    }
}

fn bound(claim: &Claim, metadata: &Metadata, view: &dyn View) -> Judgement {
    let failed = ["ControllerResizeError", "NodeResizeError", "ModifyVolumeError"];
    if let Some(failed) = failed.iter().find_map(|r#type| condition::find_true(&claim.status.conditions, r#type)) {
        let judgement = Judgement::new(State::Failed, failed.r#type.to_string(), failed.says());
        return judgement.with_doom(Doom::Persistent);
    }
    let resizing = ["Resizing", "FileSystemResizePending", "ModifyingVolume"];
    if let Some(changing) = resizing.iter().find_map(|r#type| condition::find_true(&claim.status.conditions, r#type)) {
        return Judgement::new(State::InProgress, changing.r#type.to_string(), changing.says());
    }
    if asks_for_more(claim, metadata, view) {
        let (asked, has) = (&claim.spec.resources.requests.storage, &claim.status.capacity.storage);
        let message = format!("it asks for {asked}, and volume {} has {has}", claim.spec.volume_name);
        return Judgement::new(State::InProgress, "ResizePending", message);
    }
    Judgement::new(State::Ready, "Bound", format!("bound to volume {}", claim.spec.volume_name))
}

/// Whether its volume is to be made larger, of which the conditions tell nothing before somebody has begun
/// (kubernetes `pkg/controller/volume/expand/expand_controller.go` compares the same). Who binds a claim to a volume by
/// hand may do so to a smaller one, which nobody makes larger: a request can be raised only if the class allows it.
fn asks_for_more(claim: &Claim, metadata: &Metadata, view: &dyn View) -> bool {
    let asked = Quantity::parse(&claim.spec.resources.requests.storage);
    let has = Quantity::parse(&claim.status.capacity.storage);
    if asked.zip(has).is_none_or(|(asked, has)| asked <= has) {
        return false;
    }
    match class(claim, metadata).map(|class| view.named(Related::StorageClasses, "", class)) {
        Some(Named::There(class)) => matches!(class.detail, Detail::StorageClass { expands: true, .. }),
        Some(Named::NotVisible) => true,
        Some(Named::Absent) | None => false,
    }
}

/// The class that a claim names; empty if it is to have none.
fn class<'a>(claim: &'a Claim, metadata: &'a Metadata) -> Option<&'a str> {
    let old = metadata.annotations.as_ref().map(|a| &*a.class).filter(|class| !class.is_empty());
    old.or(claim.spec.storage_class_name.as_deref())
}

/// A claim whose class waits for the first pod that needs it is as it should be
/// (krane's rule; kstatus, Helm and Argo CD wait for ever).
fn pending(claim: &Claim, metadata: &Metadata, view: &dyn View) -> Judgement {
    if metadata.annotations.as_ref().is_some_and(|a| !a.selected_node.is_empty()) {
        return Judgement::new(State::InProgress, "Provisioning", "a pod needs it, its volume is being created");
    }
    if !claim.spec.volume_name.is_empty() {
        let message = format!("volume {} is not bound to it yet", claim.spec.volume_name);
        return Judgement::new(State::InProgress, "Pending", message);
    }
    let class = match class(claim, metadata) {
        Some("") => return Judgement::new(State::InProgress, "NoVolume", "it names no class, and no volume fits yet"),
        Some(name) => match view.named(Related::StorageClasses, "", name) {
            Named::Absent => {
                let judgement =
                    Judgement::new(State::Failed, "NoSuchClass", format!("there is no StorageClass {name}"));
                return judgement.with_doom(Doom::Persistent);
            }
            class => class.there(),
        },
        None => match view.linked(Related::StorageClasses, "", &Link::Default) {
            Some(classes) if classes.is_empty() => {
                let message = "it names no class, there is no default class, and no volume fits yet";
                return Judgement::new(State::InProgress, "NoVolume", message);
            }
            classes => classes.into_iter().flatten().next(),
        },
    };
    match class.as_ref().map(|class| (&class.key.name, &class.detail)) {
        Some((name, Detail::StorageClass { waits: true, .. })) => {
            let message = format!("its class {name} creates a volume when the first pod needs it");
            Judgement::new(State::Ready, "WaitForFirstConsumer", message)
        }
        _ => Judgement::new(State::InProgress, "Pending", "no volume is bound to it yet"),
    }
}

/// What is read of a StorageClass.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct StorageClass {
    volume_binding_mode: Box<str>,
    allow_volume_expansion: bool,
}

impl Facts for StorageClass {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        super::plain::exists().into()
    }

    fn detail(&self, metadata: &Metadata, _texts: &mut Interner<str>) -> Detail {
        let default = metadata.annotations.as_ref().is_some_and(|a| &*a.default_class == "true");
        let waits = &*self.volume_binding_mode == "WaitForFirstConsumer";
        Detail::StorageClass { default, waits, expands: self.allow_volume_expansion }
    }
}

/// What is read of a PersistentVolume.
pub(super) type Volume = super::kinds::Facet<VolumeSpec, VolumeStatus>;

/// `spec` of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VolumeSpec {
    persistent_volume_reclaim_policy: Box<str>,
}

/// `status` of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeStatus {
    phase: Box<str>,
    message: String,
}

impl Facts for Volume {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        let judgement = match &*status.phase {
            "Available" => Judgement::new(State::Ready, "Available", "no claim has it yet"),
            "Bound" => Judgement::new(State::Ready, "Bound", "a claim has it"),
            "Released" if &*spec.persistent_volume_reclaim_policy == "Retain" => {
                Judgement::new(State::Ready, "Released", "its claim is gone; it is retained until somebody decides")
            }
            "Released" => Judgement::new(State::InProgress, "Released", "its claim is gone; it is being reclaimed"),
            "Failed" => {
                Judgement::new(State::Failed, "ReclaimFailed", status.message.clone()).with_doom(Doom::Persistent)
            }
            _ => Judgement::new(State::InProgress, "Pending", "it is not available yet"),
        };
        judgement.into()
    }
}

/// What is read of a VolumeAttachment.
pub(super) type Attachment = super::kinds::Facet<IgnoredAny, AttachmentStatus>;

/// `status` of an attachment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AttachmentStatus {
    attached: bool,
    attach_error: Option<VolumeError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VolumeError {
    message: String,
}

impl Facts for Attachment {
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let judgement = match (&self.status.attach_error, self.status.attached) {
            (_, true) => Judgement::new(State::Ready, "Attached", "the volume is attached"),
            (Some(error), false) => {
                Judgement::new(State::Failed, "AttachFailed", error.message.clone()).with_doom(Doom::Persistent)
            }
            (None, false) => Judgement::new(State::InProgress, "Attaching", "the volume is being attached"),
        };
        judgement.into()
    }
}
