//! Works on one job after the other.

use super::desk::{AtWork, Shared};
use super::{Job, State, Summary};
use crate::audit::log::Unrecorded;
use crate::audit::{Act, ReceiptNo, Record};
use crate::batch::{self, BatchError, Tally, Terms};
use crate::catalogue::{Catalogue, MatterNo};
use crate::clients::{Client, Scope};
use crate::clock;
use crate::live::View;
use crate::live::aside::give_way;
use crate::output::part_of;
use crate::record::Instant;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Clock};

/// A job with which so many processes ended is not begun again: it may be why they did.
pub const ATTEMPTS_MAX: u32 = 2;

/// Rows of one job: a small file can hold very many.
const ROWS_MAX: u64 = 2_000_000_000;

/// Entries that one record cites.
const CITED_MAX: usize = 10_000;

/// Between two looks for the first data.
const UNTIL_READY: Duration = Duration::from_millis(200);

/// Why there is no result.
enum Unfinished {
    /// Its client gave it up.
    GivenUp,
    /// The process stops.
    Stopping,
    /// It cannot be done, and this is why.
    Failed(String),
}

/// Begin to work.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(shared.threads)
        .thread_name(|number| format!("jobs-{number}"))
        .start_handler(|_| give_way())
        .build()
        .map_err(io::Error::other)?;
    let work = move || {
        give_way();
        while let Some((job, at_work)) = shared.next() {
            work(&shared, &pool, job, &at_work);
        }
    };
    std::thread::Builder::new().name("jobs".to_owned()).spawn(work)
}

/// What a job is whose process ended while it was worked on.
pub(super) fn begin_anew(job: &mut Job) {
    if job.attempts < ATTEMPTS_MAX {
        job.state = State::Queued;
        return;
    }
    job.fail(format!(
        "处理中断 {ATTEMPTS_MAX} 次，不再重试 / the service ended {ATTEMPTS_MAX} times while it worked on this, and does \
         not try again"
    ));
}

fn work(shared: &Shared, pool: &rayon::ThreadPool, mut job: Job, at_work: &AtWork) {
    let id = job.id;
    let span = shared.traces.as_ref().map(|traces| traces.work("job"));
    tracing::info!(%id, bytes = job.input_bytes, "任务开始 / job begun");
    let done =
        shared.keep(id).map_err(|error| Unfinished::Failed(error.to_string())).and_then(|()| {
            let screened =
                catch_unwind(AssertUnwindSafe(|| pool.install(|| screen(shared, &job, at_work))));
            screened.unwrap_or_else(|_| {
                Err(Unfinished::Failed("内部故障 / a fault of the service".to_owned()))
            })
        });
    let done = done.and_then(|summary| {
        let synced = shared.store.sync(&job);
        synced.map(|()| summary).map_err(|error| Unfinished::Failed(error.to_string()))
    });
    job.ended = Some(clock::seconds());
    match done {
        Ok(summary) => {
            let bytes = |path: &Path| path.metadata().map_or(0, |file| file.len());
            job.result_bytes =
                bytes(&shared.store.result(&job)) + bytes(&shared.store.rejects(&job));
            job.summary = Some(summary);
            job.state = State::Done;
        }
        Err(Unfinished::GivenUp) => job.state = State::Cancelled,
        Err(Unfinished::Failed(why)) => job.fail(why),
        Err(Unfinished::Stopping) => {
            job.ended = None;
            job.attempts -= 1;
            job.state = State::Queued;
        }
    }
    let state = job.state;
    if let Some(span) = &span {
        span.set("xincha.job", id.to_string());
        span.set("xincha.client", job.client.clone());
        span.set("xincha.outcome", state.code());
        if let Some(Summary { rows, .. }) = &job.summary {
            span.set("xincha.rows", i64::try_from(*rows).unwrap_or(i64::MAX));
        }
        if state == State::Failed {
            span.fail(state.code());
        }
    }
    if let Err(error) = shared.end(job) {
        tracing::error!(%id, %error, "任务无法写入 / a job cannot be written");
    }
    tracing::info!(%id, state = state.code(), "任务结束 / job ended");
}

/// The view to decide on: the current one, once there is any.
fn view(shared: &Shared, at_work: &AtWork) -> Result<Arc<View>, Unfinished> {
    loop {
        if let Some(view) = shared.live.current() {
            return Ok(view);
        }
        stopped(shared, at_work)?;
        std::thread::sleep(UNTIL_READY);
    }
}

fn stopped(shared: &Shared, at_work: &AtWork) -> Result<(), Unfinished> {
    if at_work.given_up.load(Ordering::Relaxed) {
        return Err(Unfinished::GivenUp);
    }
    if shared.is_stopping() { Err(Unfinished::Stopping) } else { Ok(()) }
}

fn screen(shared: &Shared, job: &Job, at_work: &AtWork) -> Result<Summary, Unfinished> {
    let started = Clock::now();
    let view = view(shared, at_work)?;
    let catalogue = &view.generation.ground.catalogue;
    let failed = |why: &str| Unfinished::Failed(why.to_owned());
    let order = &job.order;
    let matter = match &order.matter {
        None => catalogue.all_lists(),
        Some(code) => catalogue
            .matter_no(code)
            .ok_or_else(|| failed("目录中已无此事项 / the catalogue has this matter no more"))?,
    };
    let roll = shared.clients.current();
    let client = roll.as_ref().and_then(|roll| roll.by_name(&job.client));
    if roll.is_some() && !client.is_some_and(|client| may_still(client, catalogue, matter)) {
        return Err(failed(
            "客户端已撤销，或不再有权核查此事项 / the client is gone, or may not ask about this any more",
        ));
    }
    let (input_format, output_format) =
        order.formats().ok_or_else(|| failed("格式未知 / unknown format"))?;
    let (input, output) = (shared.store.input(job), shared.store.result(job));
    let (rejects, layout, told) = (shared.store.rejects(job), order.layout(), order.told());
    let at = order.at().unwrap_or(Instant(clock::seconds()));
    let (written, room) = (part_of(&output), shared.room(&job.client));
    let is_over = AtomicBool::new(false);
    let batch = batch::Job {
        input: Some(&input),
        input_format,
        output: Some(&output),
        output_format,
        rejects: Some(&rejects),
        layout: &layout,
        told: &told,
        hits_only: order.hits_only,
        threads: shared.threads,
        progress: &|bytes, rows| {
            at_work.bytes.store(bytes, Ordering::Relaxed);
            at_work.rows.store(rows, Ordering::Relaxed);
            let bytes = written.metadata().map_or(0, |file| file.len());
            if bytes > room || rows > ROWS_MAX {
                is_over.store(true, Ordering::Relaxed);
                at_work.stop.store(true, Ordering::Relaxed);
            }
        },
        cancelled: &at_work.stop,
    };
    let only = client.and_then(|client| client.lists.as_ref());
    let terms = Terms { basis: view.basis(at), matter, at, kind: order.kind(), only };
    let outcome = batch::screen(&batch, terms).map_err(|error| match error {
        BatchError::Cancelled if is_over.load(Ordering::Relaxed) => failed(
            "结果超出客户端配额，或超过 20 亿行 / the result is more than is kept for a client, or has more than \
             2,000,000,000 rows",
        ),
        BatchError::Cancelled if at_work.given_up.load(Ordering::Relaxed) => Unfinished::GivenUp,
        BatchError::Cancelled => Unfinished::Stopping,
        // Where its folder is, is nothing to a client.
        error => Unfinished::Failed(error.to_string().replace(&shared.store.prefix(job), "")),
    })?;
    let receipt = record(shared, job, &view, at, &outcome.tally)?.map(|number| number.to_string());
    Ok(Summary { receipt, ..Summary::new(&view, terms, &outcome, started.elapsed()) })
}

/// Whose job it is may still ask for it: it may have waited for long, over a restart too.
fn may_still(client: &Client, catalogue: &Catalogue, matter: MatterNo) -> bool {
    client.may(Scope::Batch)
        && !client.has_expired(Instant(clock::seconds()).day())
        && client.may_handle(&catalogue.matter(matter).code)
        && catalogue.rests_on(matter).all(|list| client.may_consult(&catalogue.list(list).code))
}

/// Record which entries the result rests on, so that it is found when one of them does not hold; where answers
/// wait for the disk, so does the result. The number of the last record.
fn record(
    shared: &Shared,
    job: &Job,
    view: &View,
    at: Instant,
    tally: &Tally,
) -> Result<Option<ReceiptNo>, Unfinished> {
    let Some(log) = &shared.audit else { return Ok(None) };
    let met = tally.met();
    let note = format!("{}, {} rows, {} hits", job.id, tally.rows, tally.hits);
    let unrecorded = |error: Unrecorded| Unfinished::Failed(error.to_string());
    let mut last = None;
    // One that meets nothing is recorded too.
    for met in met.chunks(CITED_MAX).chain(met.is_empty().then_some(&[][..])) {
        let record = Record {
            client: &job.client,
            purpose: job.order.purpose(),
            ground: Some(view.recorded()),
            at: Some(at.0),
            outcome: "done",
            cited: met.iter().filter_map(|&no| view.cited(no)).collect(),
            note: &note,
            ..log.now(Act::JobDone)
        };
        last = Some(log.append(0, &record).map_err(unrecorded)?);
    }
    if let Some(last) = last
        && !log.is_ahead()
    {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| Unfinished::Failed(error.to_string()))?;
        runtime.block_on(log.durable(last)).map_err(unrecorded)?;
    }
    Ok(last)
}
