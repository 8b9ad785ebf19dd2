//! What of a container's log is to be read next, by how it stands.

use super::pod::Standing;

/// How far the runs of a container were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The run that is read, or was last; `None` before the first.
    pub run: Option<u32>,
    /// Whether it was read to its end: by a reading that began when it was over.
    pub whole: bool,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// To read the log of the newest run, whose number is said; it may be over.
    Read {
        /// How often the container was restarted before.
        run: u32,
        /// Whether the run has ended.
        over: bool,
    },
    /// To read the rest of the run before the newest.
    Rest(u32),
    /// To say that runs went by of which not all was read, and to go on behind them.
    Missed(u32),
    /// To wait until the container stands otherwise.
    Wait,
    /// Nothing more comes.
    End,
}

impl Progress {
    /// What is to be done next of a container that stands so.
    #[must_use]
    pub fn plan(self, standing: &Standing) -> Plan {
        let Some(newest) = standing.run.filter(|_| !standing.gone) else {
            return if standing.gone || standing.is_last { Plan::End } else { Plan::Wait };
        };
        let read = Plan::Read { run: newest.restarts, over: newest.over };
        match self.run {
            Some(run) if run == newest.restarts => match (self.whole, standing.is_last) {
                (false, _) => read,
                (true, true) => Plan::End,
                (true, false) => Plan::Wait,
            },
            Some(run) if run + 1 == newest.restarts && !self.whole => Plan::Rest(run),
            Some(run) if run + 1 < newest.restarts => Plan::Missed(newest.restarts - 1),
            _ => read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pod::Run;
    use super::*;

    fn standing(restarts: u32, over: bool, is_last: bool) -> Standing {
        Standing { run: Some(Run { restarts, over }), is_last, ..Standing::default() }
    }

    #[test]
    fn every_run_is_read_to_its_end() {
        let at = |run, whole| Progress { run, whole };
        let read = |run, over| Plan::Read { run, over };
        for (progress, standing, expected) in [
            (at(None, false), Standing::default(), Plan::Wait),
            (at(None, false), Standing { is_last: true, ..Standing::default() }, Plan::End),
            (at(None, false), standing(2, false, false), read(2, false)),
            // Its log broke off, or came to an end that may not be its own.
            (at(Some(2), false), standing(2, false, false), read(2, false)),
            (at(Some(2), false), standing(2, true, true), read(2, true)),
            (at(Some(2), true), standing(2, true, false), Plan::Wait),
            (at(Some(2), true), standing(2, true, true), Plan::End),
            (at(Some(2), false), standing(3, false, false), Plan::Rest(2)),
            (at(Some(2), true), standing(3, false, false), read(3, false)),
            (at(Some(2), true), standing(5, false, false), Plan::Missed(4)),
            (at(Some(4), true), standing(5, false, false), read(5, false)),
            // Counted anew.
            (at(Some(5), true), standing(0, false, false), read(0, false)),
            (at(Some(2), false), Standing { gone: true, ..standing(2, true, false) }, Plan::End),
        ] {
            assert_eq!(progress.plan(&standing), expected, "{progress:?} {standing:?}");
        }
    }
}
