//! Files that clients hand in to be screened, kept on disk until they are fetched or their time is over.
//!
//! ```text
//! data/jobs/<id>/job.json      the order, how far it is, what came of it; replaced whole at each change
//!                input.csv     as handed in; goes when the job has ended
//!                result.csv    appears when it is whole
//!                rejects.csv   rows that could not be used, where there are any
//! ```
//!
//! One job at a time is worked on, on threads that give way to those who answer checks, on the view that is
//! current at its beginning, as a whole. A job is acknowledged when its input is durable. Whatever happens to
//! the process: a finished job stays finished; one that was being worked on is begun anew, from its input,
//! at most [`ATTEMPTS_MAX`] times; an upload that did not end leaves nothing.
//!
//! Jobs live on the machine that took them. Their folder can be read by its owner only: it holds subjects.
//!
//! | file | noun |
//! |---|---|
//! | [`config`] | what jobs are told: where, how much, how long |
//! | [`order`] | what a client wants of its file |
//! | [`job`] | an order with its state, as it is kept |
//! | [`store`] | the folder |
//! | [`desk`] | takes uploads, tells, cancels, removes |
//! | `worker` | works on one after the other |

pub mod config;
pub mod desk;
pub mod job;
pub mod order;
pub mod store;
mod worker;

pub use config::JobsConfig;
pub use desk::{Jobs, Refused, Upload, Working};
pub use job::{Job, State, Summary};
pub use order::Order;
pub use worker::ATTEMPTS_MAX;
