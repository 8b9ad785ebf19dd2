//! Text with places to be filled in.

/// What is filled in, per pod or per version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The pod's name.
    Name,
    /// A UUID.
    Uid,
    /// The resourceVersion.
    Version,
    /// When it was created and scheduled.
    Created,
    /// When its containers started.
    Started,
    /// When it last became ready or unready.
    ReadyAt,
    /// Its node's name.
    Node,
    /// Its node's address.
    HostIp,
    /// Its address.
    PodIp,
    /// The five random characters of its token's volume.
    Token,
    /// An identifier of 64 hexadecimal digits; one each for its containers and
    /// its sandbox.
    Id(u64),
    /// How often a container was restarted.
    Restarts,
    /// The status of its Ready condition.
    Ready,
    /// The same as a JSON boolean.
    ReadyFlag,
    /// Why it is not ready, as the JSON fields that follow others; or nothing.
    Unready,
}

const SLOTS: [Slot; 18] = [
    Slot::Name,
    Slot::Uid,
    Slot::Version,
    Slot::Created,
    Slot::Started,
    Slot::ReadyAt,
    Slot::Node,
    Slot::HostIp,
    Slot::PodIp,
    Slot::Token,
    Slot::Restarts,
    Slot::Ready,
    Slot::ReadyFlag,
    Slot::Unready,
    Slot::Id(0),
    Slot::Id(1),
    Slot::Id(2),
    Slot::Id(3),
];

/// A slot's stand-in in text that is to become a [`Pattern`]: a control
/// character, which JSON never has as it is.
impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = SLOTS.iter().position(|slot| slot == self).and_then(|place| u8::try_from(place + 1).ok());
        write!(f, "{}", char::from(place.unwrap_or_default()))
    }
}

/// Text with slots.
pub(super) struct Pattern(Vec<(String, Option<Slot>)>);

impl Pattern {
    /// Text in which slots were written by their [`Display`](std::fmt::Display).
    pub(super) fn new(text: &str) -> Self {
        let parts = text.split_inclusive(|c: char| c < ' ').map(|part| {
            let last = part.chars().next_back().filter(|c| *c < ' ');
            let slot = last.and_then(|c| SLOTS.get(c as usize - 1)).copied();
            (part.trim_end_matches(|c: char| c < ' ').to_owned(), slot)
        });
        Self(parts.collect())
    }

    /// The text with its slots filled.
    pub(super) fn fill(&self, mut value: impl FnMut(Slot) -> String) -> String {
        let mut out = String::with_capacity(12 * 1024);
        for (text, slot) in &self.0 {
            out.push_str(text);
            if let Some(slot) = slot {
                out.push_str(&value(*slot));
            }
        }
        out
    }
}
