//! How sure a subject is by its name.
//!
//! A name says as much as its likeness, except a natural person's, which thousands share: it matches nobody
//! unless a hidden identifier fits or the day of birth agrees.

use super::birth::Agreement;

/// A body whose name is the same, at least; one whose name is alike, at most.
const SAME_BODY: f64 = 0.95;
/// Who gave up a name that another bears now, at most.
const TAKEN_OVER: f64 = 0.5;
/// A person by the name alone, at most.
const PERSON: f64 = 0.5;
/// A person born in the same year, at most.
const PERSON_OF_THE_YEAR: f64 = 0.6;
/// A person born on the same day, or whose hidden identifier fits, at most.
const PERSON_CONFIRMED: f64 = 0.85;
/// A person born on another day, at most.
const PERSON_BORN_OTHERWISE: f64 = 0.2;

/// What was compared of a subject that a name met.
pub(super) struct Named {
    /// It is a natural person.
    pub is_person: bool,
    /// The names are the same.
    pub same: bool,
    /// How likely both names mean one subject; 0 where that was not asked.
    pub likely: f64,
    /// The identifiers fit as far as both are known.
    pub mask_fits: bool,
    /// How far the days of birth agree.
    pub birth: Option<Agreement>,
    /// The name was given up, and another listed subject bears it now.
    pub taken_over: bool,
}

impl Named {
    /// 0 to 1.
    pub fn score(&self) -> f64 {
        let score = match (self.is_person, self.same) {
            (true, true) => self.person_at_most(),
            (true, false) => self.likely.min(self.person_at_most()),
            (false, true) => self.likely.max(SAME_BODY),
            (false, false) => self.likely.min(SAME_BODY),
        };
        if self.taken_over { score.min(TAKEN_OVER) } else { score }
    }

    /// A person for whom nothing but the name speaks, the year of birth being next to nothing.
    pub fn is_persons_name_alone(&self) -> bool {
        self.is_person && self.person_at_most() < PERSON_CONFIRMED
    }

    fn person_at_most(&self) -> f64 {
        match self.birth {
            Some(Agreement::Differs) => PERSON_BORN_OTHERWISE,
            Some(Agreement::Day) => PERSON_CONFIRMED,
            _ if self.mask_fits => PERSON_CONFIRMED,
            Some(Agreement::Year) => PERSON_OF_THE_YEAR,
            None => PERSON,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_name_says_little_until_something_else_agrees() {
        let (day, year, differs) =
            (Some(Agreement::Day), Some(Agreement::Year), Some(Agreement::Differs));
        let rows = [
            (false, true, 0.0, false, None, 0.95, false),
            (false, true, 0.99, false, None, 0.99, false),
            (false, false, 0.74, false, None, 0.74, false),
            (false, false, 0.98, false, None, 0.95, false),
            (true, true, 0.99, false, None, 0.5, true),
            (true, false, 0.99, false, None, 0.5, true),
            (true, false, 0.3, false, day, 0.3, false),
            (true, true, 0.0, false, day, 0.85, false),
            (true, true, 0.0, false, year, 0.6, true),
            (true, true, 0.0, true, year, 0.85, false),
            (true, true, 0.0, true, None, 0.85, false),
            (true, true, 0.0, true, differs, 0.2, true),
        ];
        let former = Named {
            is_person: false,
            same: true,
            likely: 0.9,
            mask_fits: false,
            birth: None,
            taken_over: true,
        };
        assert_eq!(former.score(), 0.5);
        for (is_person, same, likely, mask_fits, birth, score, alone) in rows {
            let named = Named { is_person, same, likely, mask_fits, birth, taken_over: false };
            assert_eq!((named.score(), named.is_persons_name_alone()), (score, alone), "{score}");
        }
    }
}
