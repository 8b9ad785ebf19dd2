//! What must hold of every stream of `WatchStatuses`, as a program that reads
//! one and names the clause that it breaks.

mod picture;

use std::fmt;

use daymark_proto::ERROR_DOMAIN;
use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{Freshness, Status, View, WatchStatusesRequest, WatchStatusesResponse};
use daymarkd::event_log::cursor::Cursor;
use tonic_types::StatusExt as _;

pub use self::picture::Picture;

/// A clause of the contract that a stream has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The clause.
    pub clause: &'static str,
    /// What broke it.
    pub by: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}: by {}", self.clause, self.by)
    }
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened.
    pub event: Event,
    /// Where the event stands, if it is the last of its message.
    pub cursor: Option<Vec<u8>>,
    /// How new the view was.
    pub freshness: Freshness,
}

impl Told {
    /// The events of a message, in their order.
    ///
    /// # Errors
    /// If it breaks a clause.
    pub fn of(message: WatchStatusesResponse) -> Result<Vec<Self>, Broken> {
        let broken = |clause| Broken { clause, by: format!("{message:?}") };
        let freshness = message.freshness.clone().filter(|freshness| freshness.time.is_some());
        let freshness = freshness.ok_or_else(|| broken("a message says how new it is"))?;
        let events: Option<Vec<_>> = message.events.iter().map(|event| event.event.clone()).collect();
        let events = events.filter(|events| !events.is_empty());
        let events = events.ok_or_else(|| broken("a message says what happened"))?;
        let mut told: Vec<_> =
            events.into_iter().map(|event| Self { event, cursor: None, freshness: freshness.clone() }).collect();
        if let Some(last) = told.last_mut() {
            last.cursor = Some(message.cursor.to_vec());
        }
        Ok(told)
    }
}

/// Reads one client's streams: a first one, and those by which it resumed.
#[derive(Debug)]
pub struct Contract {
    proven: bool,
    history: bool,
    /// What the client knows.
    pub picture: Picture,
    /// The newest cursor that the client may resume by; empty before the first.
    pub cursor: Vec<u8>,
    /// Why the last snapshot began.
    pub last_reset: Option<Cause>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing came yet of a stream that begins, or resumes.
    Beginning { resumes: bool },
    /// A snapshot has begun.
    Items,
    /// Changes have come behind the items of a snapshot.
    Behind,
    /// The picture is whole.
    Live,
    /// The stream has ended.
    Ended,
}

impl Contract {
    /// The contract of the stream that answers `request`, which has no cursor.
    #[must_use]
    pub fn new(request: &WatchStatusesRequest) -> Self {
        let (proven, history) = (request.proven, request.history);
        let picture = Picture::new(request.view() == View::Full, history);
        let phase = Phase::Beginning { resumes: false };
        Self { proven, history, picture, cursor: Vec::new(), last_reset: None, phase }
    }

    /// The client goes on with another stream, from [`Contract::cursor`].
    pub fn resume(&mut self) {
        self.phase = Phase::Beginning { resumes: !self.cursor.is_empty() };
        self.picture.resume();
    }

    /// Whether the picture is whole: between `current` or `resumed` and the
    /// next `reset`.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Takes one event.
    ///
    /// # Errors
    /// If it breaks a clause.
    pub fn take(&mut self, told: &Told) -> Result<(), Broken> {
        self.check(told).map_err(|clause| Broken { clause, by: format!("{}, {told:?}", describe(told)) })
    }

    /// Takes the end of the stream: `None` if it was OK.
    ///
    /// # Errors
    /// If it breaks a clause.
    pub fn end(&mut self, error: Option<&tonic::Status>) -> Result<(), Broken> {
        let broken = |clause| Err(Broken { clause, by: format!("{error:?}") });
        self.phase = Phase::Ended;
        let Some(error) = error else { return broken("a stream never ends with OK") };
        match error.get_details_error_info() {
            Some(info) if info.domain == ERROR_DOMAIN && !info.reason.is_empty() => Ok(()),
            _ => broken("an error carries its reason"),
        }
    }

    fn check(&mut self, Told { event, cursor, .. }: &Told) -> Result<(), &'static str> {
        match (event, cursor) {
            (_, None) => {}
            (Event::Reset(_) | Event::Item(_), Some(cursor)) if !cursor.is_empty() => {
                return Err("a snapshot has no cursor before it is complete");
            }
            (Event::Reset(_) | Event::Item(_), Some(_)) => {}
            (Event::Current(_) | Event::Resumed(_) | Event::Progress(_), Some(cursor)) => {
                self.advance(cursor, false)?
            }
            (_, Some(cursor)) => self.advance(cursor, true)?,
        }
        self.phase = self.next_phase(event)?;
        match event {
            Event::Reset(reset) => {
                self.last_reset = Some(reset.cause());
                self.picture.begin();
                Ok(())
            }
            Event::Item(status) => self.picture.item(status),
            Event::Entered(status) => self.picture.entered(status),
            Event::Changed(status) => self.picture.changed(status),
            Event::Left(status) => self.picture.left(status),
            Event::Deleted(status) => self.picture.deleted(status),
            Event::Gap(_) if !self.history => Err("gaps are told where history was asked for"),
            Event::Current(_) | Event::Resumed(_) | Event::Progress(_) | Event::Gap(_) => Ok(()),
        }
    }

    fn next_phase(&self, event: &Event) -> Result<Phase, &'static str> {
        let resumes = self.phase == Phase::Beginning { resumes: true };
        match (self.phase, event) {
            (Phase::Ended, _) => Err("nothing follows the end"),
            (_, Event::Reset(_)) => Ok(Phase::Items),
            (_, Event::Resumed(_)) if resumes => Ok(Phase::Live),
            (_, Event::Resumed(_)) => Err("resumed begins a stream that was asked to resume, once"),
            (Phase::Items, Event::Item(_)) => Ok(Phase::Items),
            (_, Event::Item(_)) => Err("items come together, behind reset"),
            (Phase::Items | Phase::Behind, Event::Current(_)) => Ok(Phase::Live),
            (_, Event::Current(_)) => Err("current ends a snapshot"),
            (Phase::Live, _) => Ok(Phase::Live),
            // What lies between the items and the proof comes before `current`.
            (Phase::Items | Phase::Behind, _) if self.proven => Ok(Phase::Behind),
            (Phase::Items | Phase::Behind, _) => Err("changes and progress follow current"),
            // What lies between the cursor and the proof comes before `resumed`.
            (phase, _) if resumes && self.proven => Ok(phase),
            (Phase::Beginning { .. }, _) => Err("a stream begins with reset, or resumed"),
        }
    }

    /// The cursor never goes back; with a change it goes on.
    fn advance(&mut self, cursor: &[u8], on: bool) -> Result<(), &'static str> {
        let new = Cursor::decode(cursor).map_err(|_| "a message outside of a snapshot has a cursor")?;
        if let Ok(old) = Cursor::decode(&self.cursor)
            && old.incarnation == new.incarnation
            && (new.revision < old.revision || (on && new.revision == old.revision))
        {
            return Err("the cursor goes on");
        }
        // In a snapshot it may be ahead of what a client could resume by.
        self.cursor = cursor.to_vec();
        Ok(())
    }
}

/// An event in a few words: `changed deployments/a READY`, `reset INITIAL`.
#[must_use]
pub fn describe(told: &Told) -> String {
    let object = |word: &str, status: &Status| {
        let r#ref = status.r#ref.clone().unwrap_or_default();
        let state = status.state().as_str_name().trim_start_matches("STATE_");
        format!("{word} {}/{} {state}", r#ref.resource, r#ref.name)
    };
    match &told.event {
        Event::Reset(reset) => format!("reset {}", reset.cause().as_str_name().trim_start_matches("CAUSE_")),
        Event::Item(status) => object("item", status),
        Event::Current(_) => "current".to_owned(),
        Event::Resumed(_) => "resumed".to_owned(),
        Event::Entered(status) => object("entered", status),
        Event::Changed(status) => object("changed", status),
        Event::Left(status) => object("left", status),
        Event::Deleted(status) => object("deleted", status),
        Event::Progress(_) => "progress".to_owned(),
        Event::Gap(gap) => format!("gap {}", gap.kind),
    }
}

#[cfg(test)]
mod tests;
