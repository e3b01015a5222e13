//! The view that answers now, its hand-over to the next one, and the changes in between.
//!
//! ```text
//! loader: Generation::open (verify, bind, warm) ─► Recorder::swap ─► Live::reap
//!                                                        │
//! changes: Recorder::record ─► ledger ─► Live::publish ──┤
//!                                                        │
//! worker: Follower::current ◄────────────────────────────┘   one atomic read a request, no shared write
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`generation`] | a snapshot and a catalogue that answer together |
//! | [`view`] | a generation and the changes since |
//! | [`current`] | which view answers now, and how workers come to know |
//! | [`loader`] | fetch, build aside, prove, guard, swap; rollback |
//! | [`replicas`] | several machines that serve the same: one builds |
//! | [`schedule`] | when a source is asked next |
//! | [`guards`] | what must be so of a delivery |
//! | [`states`] | what is known of each source and each kept snapshot |
//! | [`recorder`] | takes changes: validated, durable, visible |
//! | [`revocations`] | whoever relied on what a change revoked is noted |
//! | [`aside`] | work beside those who answer, which gives way to them |

pub mod aside;
pub mod current;
pub mod generation;
pub mod guards;
pub mod loader;
pub mod recorder;
pub mod replicas;
pub mod revocations;
pub mod schedule;
pub mod states;
pub mod view;

pub use current::{Follower, Live};
pub use generation::Generation;
pub use loader::{Loader, LoaderConfig, LoaderError, Loading, SourceConfig};
pub use recorder::{Outcome, RecordError, Recorded, Recorder, Recording};
pub use replicas::{Replicas, ReplicasConfig};
pub use revocations::Revocations;
pub use view::View;
