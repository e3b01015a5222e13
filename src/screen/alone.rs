//! Many subjects, each asked about by one number alone: whoever is clear is told by one look at memory.

use crate::index::{Listed, Spot};
use crate::record::{Family, Identifier, Sound};
use smallvec::SmallVec;

/// Looks at memory that are under way at once.
pub const WINDOW: usize = 32;

/// Where a subject would be found that has this number and nothing else, `None` where that does not tell all
/// of it: the number decides, and nothing is wrong with it.
#[inline]
pub fn spot(identifier: &str) -> Option<Spot> {
    let sound = Sound::of(identifier.as_bytes()).map(|sound| sound.family);
    Some(Listed::spot(sound.or_else(|| family(identifier))?))
}

/// The family of an identifier that decides and with which nothing is wrong, whatever its form.
fn family(identifier: &str) -> Option<Family> {
    let identifier = Identifier::recognise(identifier).ok()?;
    let is_sound = identifier.kind().is_decisive() && identifier.quality().is_good();
    (is_sound && identifier.derived().is_none()).then(|| identifier.family())
}

/// Space for the looks of one window.
#[derive(Default)]
pub struct Window {
    spots: SmallVec<[Option<Spot>; WINDOW]>,
}

impl Window {
    /// Those of whom somebody may be found, or who must be decided for another reason, each with its place; or
    /// `all`. The others meet no entry. Cost: 30 ns each of a full window.
    pub fn doubtful<'t>(
        &mut self,
        listed: Listed,
        texts: impl Iterator<Item = &'t str> + Clone,
        all: bool,
    ) -> impl Iterator<Item = (usize, &'t str)> {
        self.spots.clear();
        for text in texts.clone().filter(|_| !all) {
            let spot = spot(text);
            spot.into_iter().for_each(|spot| listed.prefetch(spot));
            self.spots.push(spot);
        }
        let is_clear = move |spot: &Option<Spot>| spot.is_some_and(|spot| !listed.may_find(spot));
        let spots = &self.spots;
        texts.enumerate().filter(move |(at, _)| !spots.get(*at).is_some_and(is_clear))
    }
}
