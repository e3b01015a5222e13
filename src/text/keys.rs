//! The keys of a name, by which it meets others.

use super::{fold, unify};

/// See the [module](self). Reused from name to name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keys {
    /// K1: names with an equal one are written differently, and the same.
    pub folded: String,
    /// K2: names with an equal one are the same but for script or legal form. Dictionaries are kept by it.
    pub unified: String,
}

impl From<&str> for Keys {
    fn from(name: &str) -> Keys {
        let mut keys = Keys::default();
        keys.of(name);
        keys
    }
}

impl Keys {
    /// Make those of a name. Cost: about 10 ns a character.
    pub fn of(&mut self, name: &str) {
        fold(name, &mut self.folded);
        unify(&self.folded, &mut self.unified);
    }

    /// There is no name in it.
    pub fn is_empty(&self) -> bool {
        self.unified.is_empty()
    }

    /// Forget the name.
    pub fn clear(&mut self) {
        self.folded.clear();
        self.unified.clear();
    }
}
