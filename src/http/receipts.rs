//! What proves an answer, and who is to be told when one no longer holds: `/v1/receipts/{id}`, `/v1/recalls`.

use super::operation::{answered, read};
use super::problem::{Code, Problem};
use super::request::{instant, parse};
use super::routes::{Asked, document, told};
use super::turns::Turns;
use super::who::Who;
use crate::audit::reader::Reader;
use crate::audit::recall::{Notice, Notices};
use crate::audit::{AuditError, Log, Receipt, ReceiptNo};
use crate::clients::Scope;
use crate::clock;
use crate::record::Instant;
use crate::record::limits;
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// Recalls that one request of the feed is told of.
const FEED_MAX: usize = 100;

/// Requests that read the log or wait for that.
const WAITING_MAX: usize = 16;

/// Readers of the log, one at a time: each reads files of all lanes.
#[derive(Clone)]
pub(super) struct Readers(Turns);

impl Default for Readers {
    fn default() -> Readers {
        Readers(Turns::of(WAITING_MAX))
    }
}

impl Readers {
    /// Read the log, unless too many do.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.0.run(work).await?.map_err(unreadable)
    }
}

fn unreadable(error: AuditError) -> Problem {
    tracing::error!(%error, "审计日志无法读取 / the audit log cannot be read");
    Code::Internal.whole()
}

/// It may see what a client was answered.
fn may_see(who: &Who, client: &str) -> bool {
    who.has(Scope::Audit) || who.client.as_ref().is_some_and(|asks| asks.name == client)
}

fn log(asked: &Asked) -> Result<Log, Problem> {
    asked.desk.audit.clone().ok_or(Code::NotLoadedHere.whole())
}

/// The receipt of an answer of whoever asks, or of any for those who may see the log.
pub(super) async fn receipt(
    State(asked): State<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let who = Who::of(&request);
    let find = async {
        let (log, who) = (log(&asked)?, who?);
        let no: ReceiptNo = id.parse().map_err(|_| Code::NoSuchReceipt.whole())?;
        let find = move || Receipt::of(&Reader::new(log.folder()), log.key(), &no);
        let found = asked.readers.run(find).await?;
        let its =
            found.filter(|it| may_see(&who, it.record["client"].as_str().unwrap_or_default()));
        let found = its.ok_or(Code::NoSuchReceipt.whole())?;
        let receipt = serde_json::to_value(found).map_err(|_| Code::Internal.whole())?;
        Ok((StatusCode::OK, receipt))
    };
    answered(find.await)
}

/// `{"list": …, "entry": …, "reason": …}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecallRequest {
    list: String,
    entry: String,
    reason: String,
    /// Answers of before are not looked for.
    since: Option<String>,
}

/// Find all answers that relied on an entry, and note them for their clients.
pub(super) async fn recall(State(asked): State<Asked>, request: Request) -> Response {
    let recall = async {
        let (log, who) = (log(&asked)?, Who::of(&request)?);
        who.must_have(Scope::Audit)?;
        let body = read(&asked, request).await?;
        let RecallRequest { list, entry, reason, since } = parse(&body)?;
        for (pointer, text) in [("/list", &list), ("/entry", &entry), ("/reason", &reason)] {
            if text.trim().is_empty() {
                return Err(Code::EmptyValue.at(pointer));
            }
            if text.len() > limits::CONTEXT_BYTES_MAX {
                return Err(Code::ValueTooLong.at(pointer).beyond(limits::CONTEXT_BYTES_MAX));
            }
        }
        let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
        if view.generation.ground.catalogue.list_no(&list).is_none() {
            return Err(Code::UnknownList.at("/list"));
        }
        let since =
            since.as_deref().map(|since| instant(since, Instant(clock::seconds()))).transpose()?;
        let since = since.map_or(0, |since| since.0.max(0) as u64 * 1_000);
        let note = move || Notices::of(log.folder()).note(&list, &entry, &reason, since);
        Ok((StatusCode::OK, json!(asked.readers.run(note).await?)))
    };
    answered(recall.await)
}

/// `?after=…`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Feed {
    #[serde(default)]
    after: u64,
}

/// Recalls that concern whoever asks, after a number, the earliest first.
pub(super) async fn recalls(
    State(asked): State<Asked>,
    feed: Result<Query<Feed>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let who = Who::of(&request);
    let find = async {
        let (log, who) = (log(&asked)?, who?);
        let Query(Feed { after }) = feed.map_err(|_| Code::OutOfRange.at("/after"))?;
        let is_its = move |notice: &mut Notice| {
            let its = who.client.as_ref().map(|client| client.name.as_str());
            who.has(Scope::Audit) || its.is_some_and(|its| notice.keep_for(its))
        };
        asked.readers.run(move || Notices::of(log.folder()).after(after, FEED_MAX, is_its)).await
    };
    match find.await {
        Ok(notices) => {
            let notices: Vec<Value> = notices.iter().map(|notice| json!(notice)).collect();
            document(StatusCode::OK, &json!({ "recalls": notices }))
        }
        Err(problem) => told(&problem),
    }
}
