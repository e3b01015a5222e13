//! Files to be screened: upload, how far they are, cancel, fetch, remove. `/v1/jobs`.

mod page;

use super::operation::answered;
use super::paper;
use super::problem::{Code, Problem};
use super::purpose;
use super::request::{Bounded, instant, parse};
use super::routes::{Asked, document, told};
use super::who::Who;
use crate::audit::{Act, Purpose};
use crate::batch::{BatchError, Format};
use crate::clock;
use crate::jobs::desk::Told;
use crate::jobs::{Jobs, Order, Refused, State, Upload};
use crate::record::{self, SubjectKind, limits};
use crate::traces;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Path, Request, State as Given};
use axum::response::Response;
use futures_util::stream::{Stream, StreamExt, poll_fn};
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, EXPECT, HeaderValue, LOCATION,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};
use tower::ServiceExt;
use tower_http::services::ServeFile;
use uuid::Uuid;

/// Columns of identifiers that may be named.
const COLUMNS_MAX: usize = 20;
/// What is written at once: less would be a hand-over to another thread for each piece that arrives.
const PIECE_BYTES: usize = 1 << 20;
/// Of an upload, from the time on that other bodies have in all.
const BYTES_A_SECOND_MIN: u64 = 32 << 10;
/// Bytes of the head of a part, and of what stands before the first.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Said to the meter: nothing is wanted of the rest.
const DISCARD: usize = usize::MAX;
/// For how long the rest of what is refused is read.
const LINGER: Duration = Duration::from_secs(5);

/// The part `options` of an upload.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Options {
    format: Option<String>,
    output_format: Option<String>,
    matter: Option<String>,
    kind: Option<String>,
    at: Option<String>,
    names: Option<bool>,
    #[serde(default)]
    hits_only: bool,
    id_columns: Option<Bounded<[String; 4], COLUMNS_MAX>>,
    name_column: Option<String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    sheet: Option<String>,
    case: Option<String>,
    department: Option<String>,
    operator: Option<String>,
    reason: Option<String>,
}

impl Options {
    /// The order, for a file of this name.
    fn order(self, asked: &Asked, who: &Who, file_name: Option<&str>) -> Result<Order, Problem> {
        let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
        let catalogue = &view.generation.ground.catalogue;
        self.check_lengths()?;
        let matter = match &self.matter {
            Some(code) => catalogue.matter_no(code).ok_or(Code::UnknownMatter.at("/matter"))?,
            None => catalogue.all_lists(),
        };
        who.may_handle(catalogue, matter, "/matter")?;
        if self.kind.as_ref().is_some_and(|kind| SubjectKind::from_code(kind).is_none()) {
            return Err(Code::UnknownSubjectKind.at("/kind"));
        }
        let encoding = self.encoding.as_deref();
        if encoding.is_some_and(|name| Order::encoding_of(name).is_none()) {
            return Err(option("/encoding", "utf-8, gb18030", "utf-8、gb18030"));
        }
        let delimiter = self.delimiter.as_deref().map(|text| {
            Order::delimiter_of(text).ok_or_else(|| {
                option("/delimiter", "one ASCII character, or tab", "一个 ASCII 字符或 tab")
            })
        });
        let at = self
            .at
            .as_deref()
            .map(|at| instant(at, record::Instant(clock::seconds())))
            .transpose()?;
        let (format, output_format) = self.formats(file_name)?;
        let id_columns =
            self.id_columns.map(|columns| columns.items.into_vec()).unwrap_or_default();
        let order = Order {
            format,
            output_format,
            matter: self.matter,
            kind: self.kind,
            at: at.map(|at| at.0),
            names: self.names.unwrap_or(true),
            hits_only: self.hits_only,
            id_columns,
            name_column: self.name_column,
            encoding: self.encoding,
            delimiter: delimiter.transpose()?,
            sheet: self.sheet,
            case: self.case,
            department: self.department,
            operator: self.operator,
            reason: self.reason,
        };
        purpose::check_order(who, &order)?;
        Ok(order)
    }

    fn check_lengths(&self) -> Result<(), Problem> {
        let texts = [
            ("/matter", &self.matter),
            ("/name_column", &self.name_column),
            ("/sheet", &self.sheet),
            ("/format", &self.format),
            ("/output_format", &self.output_format),
            ("/case", &self.case),
            ("/department", &self.department),
            ("/operator", &self.operator),
        ];
        let is_long = |text: &String| text.len() > limits::CONTEXT_BYTES_MAX;
        let is_longer = |text: &String| text.len() > purpose::REASON_BYTES_MAX;
        if self.reason.as_ref().is_some_and(is_longer) {
            return Err(Code::ValueTooLong.at("/reason").beyond(purpose::REASON_BYTES_MAX));
        }
        let too_long = |at: &str| Code::ValueTooLong.at(at).beyond(limits::CONTEXT_BYTES_MAX);
        if let Some((at, _)) = texts.iter().find(|(_, text)| text.as_ref().is_some_and(is_long)) {
            return Err(too_long(at));
        }
        let Some(columns) = &self.id_columns else { return Ok(()) };
        if columns.beyond {
            return Err(Code::TooManyIdentifiers.at("/id_columns").beyond(COLUMNS_MAX));
        }
        match columns.items.iter().position(is_long) {
            Some(at) => Err(too_long(&format!("/id_columns/{at}"))),
            None => Ok(()),
        }
    }

    /// What the input is and what the result will be: as told, else by the name of the file.
    fn formats(&self, file_name: Option<&str>) -> Result<(String, String), Problem> {
        let of_name = || file_name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        let format =
            self.format.as_deref().or_else(of_name).unwrap_or_default().to_ascii_lowercase();
        let read = Format::of_ending(&format)
            .ok_or_else(|| option("/format", Format::READ, Format::READ))?;
        let output = self.output_format.as_deref().unwrap_or(read.ending());
        let written = Format::of_ending(output)
            .filter(|written| written.ending() == output)
            .ok_or_else(|| option("/output_format", Format::WRITTEN, Format::WRITTEN))?;
        match read.check_output(written) {
            Err(BatchError::Format(why)) => {
                let (zh, en) = why.split_once(" / ").unwrap_or((&why, &why));
                Err(option("/output_format", en, zh))
            }
            _ => Ok((format, output.to_owned())),
        }
    }
}

fn option(pointer: &str, fault: &str, fault_zh: &str) -> Problem {
    Code::InvalidOption.at(pointer).because(fault.to_owned(), fault_zh.to_owned())
}

/// Take a file: a form of `options`, which may be left out, and then `file`.
pub(super) async fn upload(Given(asked): Given<Asked>, request: Request) -> Response {
    match take(&asked, request).await {
        Ok(job) => {
            let place = format!("/v1/jobs/{}", job.job.id);
            let mut response = document(StatusCode::ACCEPTED, &described(&asked, &job));
            if let Ok(place) = HeaderValue::from_str(&place) {
                response.headers_mut().insert(LOCATION, place);
            }
            response
        }
        Err(problem) => told(&problem),
    }
}

async fn take(asked: &Asked, request: Request) -> Result<Told, Problem> {
    let who = Who::of(&request)?;
    let (jobs, client) = (jobs(asked)?.clone(), who.name());
    asked.must_record()?;
    if request.headers().contains_key(EXPECT) {
        // Whoever waits for leave to send is refused without having sent.
        jobs.check_quota(&client).map_err(refused)?;
    }
    let malformed = |_| Code::InvalidForm.whole();
    let (head, body) = request.into_parts();
    let meter = Arc::new(AtomicUsize::new(0));
    let body = Body::from_stream(metered(body, meter.clone()));
    let request = Request::from_parts(head, body);
    let mut form = Multipart::from_request(request, &()).await.map_err(malformed)?;
    let taken = take_parts(asked, &jobs, &who, &mut form, &meter).await;
    if taken.is_err() {
        // Who still sends does not hear why it is refused when the connection is closed at once.
        meter.store(DISCARD, Ordering::Relaxed);
        let _ = tokio::time::timeout(LINGER, form.next_field()).await;
    }
    let (upload, order) = taken?;
    let (witness, id) = (asked.witness(&who), upload.id().to_string());
    let noted = witness.note(Act::Job, order.purpose(), "taken", &id)?;
    asked.durable(noted).await?;
    if let Some(span) = traces::current() {
        span.set("xincha.job", id);
    }
    off_worker(move || upload.finish().map_err(refused)).await
}

async fn take_parts(
    asked: &Asked,
    jobs: &Jobs,
    who: &Who,
    form: &mut Multipart,
    meter: &AtomicUsize,
) -> Result<(Upload, Order), Problem> {
    let timeout = asked.times.body();
    let no_file = || Code::MissingField.at("/file");
    let mut part = next_part(timeout, form, meter).await?.ok_or_else(no_file)?;
    let mut options = Options::default();
    if part.name() == Some("options") {
        options = parse(&in_time(timeout, whole(&mut part, meter)).await??)?;
        drop(part);
        part = next_part(timeout, form, meter).await?.ok_or_else(no_file)?;
    }
    if part.name() != Some("file") {
        return Err(Code::InvalidForm.whole());
    }
    let order = options.order(asked, who, part.file_name())?;
    let (jobs, client, ordered) = (jobs.clone(), who.name(), order.clone());
    let upload = off_worker(move || jobs.accept(&client, ordered).map_err(refused)).await?;
    let upload = receive(timeout, upload, &mut part, meter).await?;
    drop(part);
    // What follows would have been left out in silence.
    match next_part(timeout, form, meter).await? {
        None => Ok((upload, order)),
        Some(_) => Err(Code::InvalidForm.whole()),
    }
}

async fn next_part<'f>(
    timeout: Duration,
    form: &'f mut Multipart,
    meter: &AtomicUsize,
) -> Result<Option<Field<'f>>, Problem> {
    let part = in_time(timeout, form.next_field()).await?.map_err(broken)?;
    meter.store(0, Ordering::Relaxed);
    Ok(part)
}

/// The body, handed on in portions that the meter counts until it is set back: the form's parser takes all
/// that it gets, keeps it until it makes something of it, and looks through it each time. What is more than
/// the head of a part and of which it makes nothing is an error. With [`DISCARD`] it is read and goes.
fn metered(
    body: Body,
    meter: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static {
    let (mut pieces, mut has_paused) = (body.into_data_stream(), false);
    poll_fn(move |context| {
        let since = meter.load(Ordering::Relaxed);
        if since == DISCARD {
            while let Some(Ok(_)) = ready!(pieces.poll_next_unpin(context)) {}
            return Poll::Ready(None);
        }
        if since <= HEAD_BYTES_MAX {
            has_paused = false;
            let piece = ready!(pieces.poll_next_unpin(context));
            let length = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
            meter.fetch_add(length, Ordering::Relaxed);
            return Poll::Ready(piece);
        }
        if has_paused {
            let endless = axum::Error::new("the head of a part does not end");
            return Poll::Ready(Some(Err(endless)));
        }
        // The parser's turn.
        has_paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A part that is kept in memory.
async fn whole(part: &mut Field<'_>, meter: &AtomicUsize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        meter.store(0, Ordering::Relaxed);
        bytes.extend_from_slice(&piece);
        if bytes.len() > limits::BODY_BYTES_MAX {
            return Err(Code::BodyTooLarge.at("/options").beyond(limits::BODY_BYTES_MAX));
        }
    }
    Ok(bytes)
}

/// A part that goes to the disk, on another thread. The next pieces arrive meanwhile in the socket.
async fn receive(
    timeout: Duration,
    mut upload: Upload,
    part: &mut Field<'_>,
    meter: &AtomicUsize,
) -> Result<Upload, Problem> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let (begun, mut received) = (Instant::now(), 0);
    loop {
        let more = in_time(timeout, part.chunk()).await?.map_err(broken)?;
        meter.store(0, Ordering::Relaxed);
        let is_last = more.is_none();
        if let Some(more) = &more {
            piece.extend_from_slice(more);
            received += more.len() as u64;
        }
        // Whoever sends a byte now and then holds a place that others want.
        let seconds = begun.elapsed().saturating_sub(timeout).as_secs();
        if received < seconds * BYTES_A_SECOND_MIN {
            return Err(Code::RequestTimeout.whole());
        }
        if is_last || piece.len() >= PIECE_BYTES {
            let bytes = std::mem::replace(&mut piece, Vec::with_capacity(PIECE_BYTES));
            upload = off_worker(move || {
                upload.write(&bytes).map_err(refused)?;
                Ok(upload)
            })
            .await?;
        }
        if is_last {
            return Ok(upload);
        }
    }
}

/// The next piece within the time that a whole body of another request may take.
async fn in_time<T>(timeout: Duration, next: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(timeout, next).await.map_err(|_| Code::RequestTimeout.whole())
}

fn broken(_: MultipartError) -> Problem {
    Code::InvalidForm.whole()
}

/// Whatever waits for a disk.
async fn off_worker<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(act).await.map_err(|_| Code::Internal.whole())?
}

/// The jobs of whoever asks.
pub(super) async fn list(Given(asked): Given<Asked>, request: Request) -> Response {
    let listed = of(&asked, &request).map(|(jobs, client)| {
        let all = jobs.list(&client);
        let all: Vec<Value> = all.iter().map(|job| described(&asked, job)).collect();
        (StatusCode::OK, json!({"jobs": all}))
    });
    answered(listed)
}

/// How far one is.
pub(super) async fn status(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let found = of(&asked, &request)
        .and_then(|(jobs, client)| jobs.get(&client, number(&id)?).map_err(refused));
    answered(found.map(|job| (StatusCode::OK, described(&asked, &job))))
}

/// Give one up.
pub(super) async fn cancel(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let of = of(&asked, &request);
    let cancel = async {
        let ((jobs, client), id) = (of?, number(&id)?);
        let job = off_worker(move || jobs.cancel(&client, id).map_err(refused)).await?;
        Ok((StatusCode::OK, described(&asked, &job)))
    };
    answered(cancel.await)
}

/// Remove one with all of it.
pub(super) async fn remove(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let of = of(&asked, &request);
    let remove = async {
        let ((jobs, client), id) = (of?, number(&id)?);
        off_worker(move || jobs.remove(&client, id).map_err(refused)).await
    };
    match remove.await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(problem) => told(&problem),
    }
}

/// Fetch the result of one.
pub(super) async fn result(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    fetch(&asked, &id, request, "result", Jobs::result).await
}

/// Fetch the rejects of one.
pub(super) async fn rejects(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    fetch(&asked, &id, request, "rejects", Jobs::rejects).await
}

/// Tell what came of one, on a page.
pub(super) async fn page(
    Given(asked): Given<Asked>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    match paged(&asked, &id, Who::of(&request)).await {
        Ok(page) => paper::sent(page.into_bytes()),
        Err(problem) => told(&problem),
    }
}

async fn paged(asked: &Asked, id: &str, who: Result<Who, Problem>) -> Result<String, Problem> {
    let (jobs, who, id) = (jobs(asked)?, who?, number(id)?);
    let Told { job, .. } = jobs.get(&who.name(), id).map_err(refused)?;
    let summary = job.summary.clone().ok_or(Code::NoResult.whole())?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    note_fetched(asked, &who, "page", id).await?;
    // Drawing its code is no work for a worker that answers checks.
    off_worker(move || Ok(page::page(&job, &summary, &view.generation.ground.catalogue))).await
}

type Find = fn(&Jobs, &str, Uuid) -> Result<PathBuf, Refused>;

async fn fetch(asked: &Asked, id: &str, request: Request, what: &str, find: Find) -> Response {
    let (id, path) = match found(asked, id, Who::of(&request), what, find).await {
        Ok(found) => found,
        Err(problem) => return told(&problem),
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_owned();
    let sent = match ServeFile::new(path).oneshot(request).await {
        Ok(sent) => sent.map(Body::new),
        Err(never) => match never {},
    };
    // It was removed just now.
    if sent.status() == StatusCode::NOT_FOUND {
        return told(&Code::NoSuchJob.whole());
    }
    let mut sent = sent;
    let headers = sent.headers_mut();
    let kind = Format::of_ending(&ending).map_or("application/octet-stream", Format::media_type);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(named) =
        HeaderValue::from_str(&format!("attachment; filename=\"{id}.{what}.{ending}\""))
    {
        headers.insert(CONTENT_DISPOSITION, named);
    }
    sent
}

/// A file that is fetched, once that is recorded.
async fn found(
    asked: &Asked,
    id: &str,
    who: Result<Who, Problem>,
    what: &str,
    find: Find,
) -> Result<(Uuid, PathBuf), Problem> {
    let (jobs, who) = (jobs(asked)?, who?);
    let id = number(id)?;
    let path = find(jobs, &who.name(), id).map_err(refused)?;
    note_fetched(asked, &who, what, id).await?;
    Ok((id, path))
}

/// Record that something of a job is fetched.
async fn note_fetched(asked: &Asked, who: &Who, what: &str, id: Uuid) -> Result<(), Problem> {
    let witness = asked.witness(who);
    let noted = witness.note(Act::JobFetched, Purpose::default(), what, &id.to_string())?;
    asked.durable(noted).await.map(drop)
}

fn jobs(asked: &Asked) -> Result<&Jobs, Problem> {
    asked.desk.jobs.as_ref().ok_or(Code::NotLoadedHere.whole())
}

/// The jobs, and whose are asked for.
fn of(asked: &Asked, request: &Request) -> Result<(Jobs, String), Problem> {
    Ok((jobs(asked)?.clone(), Who::of(request)?.name()))
}

fn number(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Code::NoSuchJob.whole())
}

fn refused(refused: Refused) -> Problem {
    let max = |max: u64| usize::try_from(max).unwrap_or(usize::MAX);
    match refused {
        Refused::NoSuchJob => Code::NoSuchJob.whole(),
        Refused::NoResult => Code::NoResult.whole(),
        Refused::TooManyUnfinished(most) => Code::QuotaExceeded.at("/jobs").beyond(most),
        Refused::TooManyKept(most) => Code::QuotaExceeded.at("/jobs").beyond(most),
        Refused::TooManyBytes(most) => Code::QuotaExceeded.at("/bytes").beyond(max(most)),
        Refused::InputTooLarge(most) => Code::BodyTooLarge.at("/file").beyond(max(most)),
        Refused::Full => Code::Overloaded.whole(),
        Refused::Storage(error) => {
            tracing::error!(%error, "任务目录不可用 / the folder of jobs cannot be used");
            Code::StorageUnavailable.whole()
        }
    }
}

fn described(asked: &Asked, Told { job, bytes, rows }: &Told) -> Value {
    let time = |at: i64| record::Instant(at).to_string();
    let at = |at: Option<i64>| at.map(time);
    let link = |what: &str| format!("/v1/jobs/{}/{what}", job.id);
    let expires = asked.desk.jobs.as_ref().and_then(|jobs| jobs.expires(job));
    let is_done = job.state == State::Done;
    let has_rejects = job.summary.as_ref().is_some_and(|summary| summary.rejects > 0);
    let mut order = serde_json::to_value(&job.order).unwrap_or_default();
    order["at"] = json!(at(job.order.at));
    json!({
        "id": job.id,
        "state": job.state.code(),
        "created": time(job.created),
        "started": at(job.started),
        "ended": at(job.ended),
        "expires": at(expires),
        "attempts": job.attempts,
        "options": order,
        "input": {"bytes": job.input_bytes, "sha256": job.input_sha256},
        "progress": progress(job.state, job.input_bytes, *bytes, *rows, job.started),
        "summary": job.summary,
        "failure": job.failure,
        "result": is_done.then(|| link("result")),
        "rejects": has_rejects.then(|| link("rejects")),
        "page": is_done.then(|| link("page")),
    })
}

/// Of a job that is worked on. What a workbook holds is more than its bytes: its parts are no more than all.
fn progress(state: State, total: u64, bytes: u64, rows: u64, started: Option<i64>) -> Value {
    if state != State::Running {
        return Value::Null;
    }
    let read = bytes.min(total);
    let seconds = started.map_or(0, |started| clock::seconds().saturating_sub(started));
    let left = (read > 0).then(|| (total - read) as f64 * seconds as f64 / read as f64);
    json!({
        "bytes": read,
        "bytes_total": total,
        "rows": rows,
        "seconds": seconds,
        "seconds_left": left.map(|left| left.ceil() as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_while_there_is_any() {
        assert_eq!(progress(State::Queued, 10, 0, 0, None), Value::Null);
        let told = progress(State::Running, 100, 1_000, 7, Some(clock::seconds() - 10));
        assert_eq!((&told["bytes"], &told["bytes_total"]), (&json!(100), &json!(100)));
        assert_eq!(told["seconds_left"], 0);
        let told = progress(State::Running, 100, 50, 7, Some(clock::seconds() - 10));
        assert!(told["seconds_left"].as_u64().unwrap().abs_diff(10) <= 1, "{told}");
        assert_eq!(progress(State::Running, 100, 0, 0, None)["seconds_left"], Value::Null);
    }
}
