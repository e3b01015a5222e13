//! The service over HTTP: the only folder that knows hyper, JSON and status codes.
//!
//! ```text
//! socket ─► server ─► service ─┬─ POST /v1/check ─► check (request ─► screen ─► answer)
//!           (a thread          │
//!            a core)           │       └─ names to search ─► searchers ─► check
//!                               └─ everything else ─► routes (axum, over the same hyper)
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`config`] | what the server is told |
//! | [`problem`] | what went wrong with a request, each with a stable code |
//! | `request` | the body of a check: bytes → questions |
//! | `fragments` | the parts of answers that are the same for a whole generation |
//! | `json`, `person`, `likeness` | writing values; names of persons for display; a score and its parts |
//! | [`check`] | bytes → bytes, without a socket |
//! | [`changes`] | the body of changes, and what became of them |
//! | [`witness`] | what is recorded of a request and its answer |
//! | `receipts` | what proves an answer, and who is to be told when one no longer holds |
//! | [`check_id`] | ids of checks, made without a lock or a system call |
//! | `host` | which host a request is for, once and in one form |
//! | [`gate`] | who asks, and whether it may: key, signature, certificate; what each path needs |
//! | [`who`] | whoever asks, and what it may ask about |
//! | `purpose` | for what it asks about natural persons, and about how many on no list |
//! | [`desk`] | whom the routes ask |
//! | [`operation`] | refresh, rollback, approval: what operators ask for |
//! | `search` | names that are like a given one |
//! | `suggest` | names that begin so |
//! | [`cross`] | lists against lists |
//! | [`jobs`] | files that are screened beside, fetched later |
//! | [`evidence`] | an answer as a page to print and file |
//! | `paper` | how such pages look, and the API's words as people read them |
//! | [`tender`] | all bidders of a section |
//! | `turns` | work that is done one after the other, aside |
//! | `searchers` | threads that search names, for these and for checks |
//! | `yente` | listed subjects that queries match, in the shape of OpenSanctions' yente |
//! | [`routes`] | the paths that are asked now and then |
//! | `service` | one request: which of the two ways it goes |
//! | [`metrics`], `exposition` | what workers count; that and the state of the data as Prometheus reads it |
//! | `spans` | the span of a request, where it is traced |
//! | `admission`, `round` | how many connections are held; how far a worker may be behind |
//! | [`times`] | how long a peer is waited for |
//! | [`server`] | threads, listeners, connections, the drain |
//! | `tls` | TLS in front of them; certificates read anew when their files change |
//! | `gather` | answers of one wake-up leave in one write |
//! | `openapi.json` | the description of all of it, held to the code by tests |
//!
//! No subject data is written anywhere but into answers.

mod admission;
pub mod changes;
pub mod check;
pub mod check_id;
pub mod config;
pub mod cross;
pub mod desk;
pub mod evidence;
mod exposition;
mod fragments;
pub mod gate;
mod gather;
mod host;
pub mod jobs;
mod json;
mod likeness;
pub mod metrics;
pub mod operation;
mod paper;
mod person;
pub mod problem;
mod purpose;
mod receipts;
mod request;
mod round;
pub mod routes;
mod search;
mod searchers;
pub mod server;
mod service;
mod spans;
mod suggest;
pub mod tender;
pub mod times;
mod tls;
mod turns;
pub mod who;
pub mod witness;
mod yente;

pub use admission::Capacity;
pub use check::{Unanswered, Worker, answer, answer_to};
pub use check_id::CheckIds;
pub use config::{HttpConfig, TlsConfig};
pub use desk::Desk;
pub use evidence::{Evidence, Shown};
pub use gate::{Refusal, Refusals};
pub use problem::{Code, Problem};
pub use server::{Bound, Drained, Server};
pub use times::Times;
pub use who::Who;
pub use witness::Witness;

/// The description of the API, OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("http/openapi.json");
