//! **xincha** (信查): matching and screening for social-credit lists.
//!
//! It keeps every joint-punishment, black, red, focus and ban list of a city in one immutable index,
//! and answers for a matter and its subjects what is listed, what follows and on which legal basis.
//! Identifiers decide, names only raise a suspicion; terms, repair and objection are evaluated when
//! the question is asked; "clear", "listed" and "cannot tell" are three answers.
//!
//! # The way of the data
//!
//! ```text
//! build, aside                                             serve
//! origin ─► source ─► text ─► index::Builder ─► snapshot ═╗  ╔═► live (open, verify, warm, swap)
//! fetch     decode    fold        build           file    ║  ║        │ one view a request
//!    └──────────── live::loader, ingest drive ────────────╝══╝        ▼
//! change ─► ledger ─► overlay over the index ────────────────────► view ─► screen: find ─► decide ─► http
//! validated  durable   visible                                                ▲              ▲
//!                                                                    subject ─┘   catalogue ─┘
//! ```
//!
//! Before an answer leaves, it is recorded ([`audit`]): who asked, what for, on which data, what followed, which
//! entries it rests on; and when one of these turns out wrong, whoever relied on it is found.
//!
//! A whole file goes the same way: its rows are questions on one view ([`batch`]). Handed to the service it is a
//! job on disk until its result is fetched ([`jobs`]).
//!
//! A snapshot is immutable and names the last change that it contains; what changed since lies over it
//! in memory, and the next build folds it in. Several machines share changes over a stream and
//! snapshots over object storage; one of them builds, all of them serve.
//!
//! # Modules, in reading order. A row imports only rows above it
//!
//! | row | module | what lives there |
//! |---|---|---|
//! | 0 | [`record`] | the vocabulary: identifiers, subjects, entries, changes and what stands of them, days, limits |
//! | 0 | [`clock`] | what time it is |
//! | 0 | [`secret`] | credentials of the configuration, which nothing shows |
//! | 0 | [`formula`] | cells that a spreadsheet would take for one |
//! | 0 | [`private`] | files that their owner alone may use, whoever makes them |
//! | 0 | [`traces`] | what is told of single requests and works to a collector |
//! | 1 | [`text`] | names: keys, parts, sounds and shapes, and how likely two mean one; its version is stamped into snapshots |
//! | 1 | [`catalogue`] | what a hit means: lists, measures, matters, legal bases |
//! | 1 | [`clients`] | who may ask: keys, signatures, certificates; what each may, and how much of it |
//! | 1 | [`source`] | where a department's files come from; their bytes → entries, and rejects with row and reason |
//! | 1 | [`output`] | what a long work leaves: a file that appears when it is whole, tables in it |
//! | 1 | [`snapshot`] | named, checksummed sections in one immutable file, signed beside it; `unsafe` to map it |
//! | 1 | [`ledger`] | ordered changes since a snapshot: one process's file, or NATS JetStream; the lease |
//! | 2 | [`audit`] | what was answered to whom: chained, sealed, signed, found again |
//! | 2 | [`index`] | points, dictionaries, entries and sets over a snapshot, and the overlay of changes; `fst` and `roaring` live here |
//! | 3 | [`herald`] | recalls, sent to the clients whom they concern |
//! | 3 | [`screen`] | one check against one index, one catalogue, one instant |
//! | 3 | [`ingest`] | sources → snapshot, with a report |
//! | 3 | [`synth`] | a synthetic city: feeds in all layouts, and the truth about them |
//! | 4 | [`batch`] | a whole file against all lists: the same rows, with what each subject meets |
//! | 4 | [`cross`] | lists against lists: who is on this one and that one, and what follows |
//! | 4 | [`tender`] | the bidders of one section: what they have in common, and the article that it touches |
//! | 4 | [`live`] | the view that is served: the recorder of changes, who relied on what they revoke, the loader with its guards, the other machines |
//! | 5 | [`jobs`] | files that clients hand in to be screened, kept until they are fetched |
//! | 6 | [`http`] | the only folder that knows hyper, JSON answers and status codes |
//! | 7 | [`config`] | one file → each module's own configuration |
//! | 8 | [`app`] | the subcommands |
//!
//! # Invariants, as absences that a test holds
//!
//! - `record`, `text`, `catalogue`, `index`, `screen` touch no clock, file, socket, thread of their own
//!   or randomness. (The index builder sorts on rayon's threads; its output does not depend on them.)
//! - `screen` never imports `live`, `http`, `snapshot`, `source` or `ingest`.
//! - A row of a file is decided by what decides a check, and by nothing else but that nobody is found where
//!   it would be.
//! - `snapshot` never imports `index`: it does not know what its sections mean.
//! - Nothing below `config` imports it; list formats (`source`) and API formats (`http`) never meet.
//! - `clients` knows nothing of HTTP; no path is answered that the table of [`http::gate`] does not name.
//! - Nothing is filtered at load by today's date.
//! - No change is acknowledged before it is durable and the next check sees it; none that a kept
//!   snapshot lacks leaves the ledger.
//! - The service answers nothing about a subject, takes no change and does nothing for an operator before the audit
//!   log has it, and writes nobody's number or name there.
//! - Nothing of a subject, and nothing that a caller wrote but the ids of its trace, is in a span.
//! - No worker that answers checks opens a snapshot, waits for the ledger, drops a generation or searches
//!   names: a check that must is handed to threads of its own.

pub mod record;

pub mod clock;

pub mod secret;

pub mod formula;

pub mod private;

pub mod traces;

pub mod text;

pub mod catalogue;

pub mod clients;

pub mod source;

pub mod output;

pub mod snapshot;

pub mod ledger;

pub mod audit;

pub mod index;

pub mod screen;

pub mod ingest;

pub mod synth;

pub mod batch;

pub mod cross;

pub mod tender;

pub mod live;

pub mod jobs;

pub mod herald;

pub mod http;

pub mod config;

pub mod app;
