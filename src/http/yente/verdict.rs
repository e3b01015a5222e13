//! What follows for a candidate: of a matter as a check decides it, else at most a review.

use super::candidates::{Candidate, Found};
use super::entity::Pen;
use super::terms::Terms;
use crate::catalogue::MatterNo;
use crate::index::EntryView;
use crate::record::Role;
use crate::screen::find::person_alerts;
use crate::screen::{Grade, Hit, Verdict, decide_hits};

impl Pen<'_> {
    /// What follows for a candidate.
    pub fn verdict(self, candidate: &Candidate) -> Verdict {
        let Some(matter) = self.terms.matter else {
            let adverse = candidate.entries.iter().any(|(_, list)| list.kind.is_adverse());
            return match adverse {
                true if candidate.is_taken_over() => Verdict::Remind,
                true => Verdict::Review,
                false => Verdict::Clear,
            };
        };
        let alerts = |entry: &EntryView| {
            let matter = self.ground.catalogue.matter(matter);
            !candidate.by_persons_name || person_alerts(matter, self.question, entry)
        };
        let hits = candidate
            .entries
            .iter()
            .filter(|(entry, _)| alerts(entry))
            .filter_map(|(entry, _)| self.hit(matter, entry, candidate.grade, None))
            .map(|hit| Hit { name_taken_over: candidate.is_taken_over(), ..hit });
        decide_hits(self.ground, matter, hits.collect()).verdict
    }

    /// What follows from the entries of those to whom the one asked about is related.
    pub fn verdict_of_related(self, found: &Found) -> Verdict {
        let verdicts = found.related.iter().map(|(role, entry, list)| match self.terms.matter {
            None if list.kind.is_adverse() => Verdict::Remind,
            None => Verdict::Clear,
            Some(matter) => {
                // A branch is told by its name, everybody else by an identifier.
                let grade = if *role == Role::Branch { Grade::Name } else { Grade::Identifier };
                let hits = self.hit(matter, entry, grade, Some(*role)).into_iter().collect();
                decide_hits(self.ground, matter, hits).verdict
            }
        });
        verdicts.max().unwrap_or_default()
    }

    fn hit(
        self,
        matter: MatterNo,
        entry: &EntryView,
        grade: Grade,
        relation: Option<Role>,
    ) -> Option<Hit> {
        Hit::of(self.ground, matter, entry, grade).map(|hit| Hit { relation, ..hit })
    }
}

/// What follows for a query of which so much follows at least. A list that is missing may hide more: of a
/// matter as in a check, else unless something is to be reviewed anyway.
pub(super) fn undetermined(verdict: Verdict, terms: &Terms) -> Verdict {
    let is_open = terms.matter.is_some() || verdict < Verdict::Review;
    if is_open { verdict.max(Verdict::Undetermined) } else { verdict }
}
