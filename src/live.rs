//! The generation that answers now, and its hand-over to the next one.
//!
//! ```text
//! loader: Generation::open (verify, bind, warm) ─► Live::swap ─► Live::reap
//!                                                     │
//! worker: Follower::current ◄─────────────────────────┘   one atomic read a request, no shared write
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`generation`] | a snapshot and a catalogue that answer together |
//! | [`current`] | which generation answers now, and how workers come to know |

pub mod current;
pub mod generation;

pub use current::{Follower, Live};
pub use generation::Generation;
