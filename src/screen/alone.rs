//! Many subjects, each asked about by one number alone: whoever is clear is told by one look at memory.

use crate::index::{Listed, Spot};
use crate::record::{Family, Identifier, Sound};
use smallvec::SmallVec;

/// A request's numbers are looked for so many at once; a file's more.
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

/// Subjects of whom the looks at memory are under way at once.
#[derive(Default)]
pub struct Window {
    asked: SmallVec<[Asked; WINDOW]>,
    /// Of whom what is behind the first line tells.
    open: SmallVec<[u32; WINDOW]>,
}

struct Asked {
    spot: Option<Spot>,
    is_clear: bool,
}

impl Window {
    /// Look for so many, each with this text, the looks of all under way at once. Cost: 20 ns each of dozens.
    pub fn look<'t>(&mut self, listed: Listed, count: usize, text: impl Fn(usize) -> &'t str) {
        let Window { asked, open } = self;
        asked.clear();
        asked.extend((0..count).map(|at| {
            let spot = spot(text(at));
            spot.into_iter().for_each(|spot| listed.prefetch(spot));
            Asked { spot, is_clear: false }
        }));
        open.clear();
        for (at, Asked { spot, is_clear }) in asked.iter_mut().enumerate() {
            let Some(spot) = *spot else { continue };
            match listed.may_find_at_home(spot) {
                Some(may_find) => *is_clear = !may_find,
                None => open.push(at as u32),
            }
        }
        for &at in &*open {
            let Asked { spot, is_clear } = &mut asked[at as usize];
            *is_clear = spot.is_some_and(|spot| !listed.may_find(spot));
        }
    }

    /// This one meets no entry: it was looked for, nobody is found, and nothing else is to be decided.
    pub fn is_clear(&self, at: usize) -> bool {
        self.asked.get(at).is_some_and(|asked| asked.is_clear)
    }

    /// Where somebody may be found.
    pub fn met(&self) -> impl Iterator<Item = Spot> {
        self.asked.iter().filter(|asked| !asked.is_clear).filter_map(|asked| asked.spot)
    }
}
