//! `GET /metrics`: what is counted and how the data stands, in Prometheus' text format.
//!
//! | metric | labels | what it says |
//! |---|---|---|
//! | `xincha_build_info` | `version` | 1 |
//! | `xincha_request_duration_seconds` | `route`, `status` | histogram: from the head of a request to its answer |
//! | `xincha_requests_in_flight` | | requests that are being answered |
//! | `xincha_requests_abandoned_total` | | requests whose peer was gone before the answer |
//! | `xincha_refusals_total` | `route`, `code` | requests that were told a problem |
//! | `xincha_connections` | | connections held |
//! | `xincha_connections_max` | | connections that may be held |
//! | `xincha_connections_refused_total` | | connections beyond that |
//! | `xincha_ready` | | 1 where checks are answered and some list can be relied on |
//! | `xincha_snapshot_info` | `snapshot`, `catalogue` | 1 |
//! | `xincha_snapshot_age_seconds` | | since the snapshot that serves was built |
//! | `xincha_snapshot_change` | | the last change in it |
//! | `xincha_change` | | the last change that a check sees |
//! | `xincha_ledger_behind_seconds` | | since when changes may be missing; 0 where none are |
//! | `xincha_entries` | | entries in the snapshot |
//! | `xincha_list_stale` | `list` | 1 where the list cannot be relied on |
//! | `xincha_source_rows` | `source` | rows that were read for the snapshot |
//! | `xincha_source_rejects` | `source` | those of them that were rejected |
//! | `xincha_source_as_of_age_seconds` | `source` | age of what it delivered |
//! | `xincha_source_success_age_seconds` | `source` | since it last answered |
//! | `xincha_source_failures` | `source` | attempts that failed since |
//! | `xincha_source_held` | `source` | 1 where a guard holds a delivery |
//! | `xincha_build_failed` | | 1 where the last build failed |
//! | `xincha_builds_published_total` | | snapshots that were built and served |
//! | `xincha_search_threads` | | threads that search names |
//! | `xincha_searches_waiting` | | searches that wait |
//! | `xincha_searches_total` | | searches that came to an answer |
//! | `xincha_searches_refused_total` | | searches that were told that too many wait |
//! | `xincha_jobs` | `state` | jobs that are kept |
//! | `xincha_audit_unsealed` | | records that no seal covers yet |
//! | `xincha_audit_seal_age_seconds` | | since the last seal; 0 where nothing waits for one |
//! | `xincha_audit_refusing` | | 1 where nothing is recorded, and so nothing answered |
//! | `xincha_recalls_taken_total` | `client` | deliveries of recalls that the client took |
//! | `xincha_recalls_failures` | `client` | attempts that failed since |
//! | `xincha_recalls_waiting_seconds` | `client` | since when recalls wait for the client; 0 where none do |
//! | `xincha_traces_sent_total`, `xincha_traces_dropped_total` | | spans that the collector took, that were dropped |
//! | `xincha_not_let_in_total` | `why` | requests of whom nothing is known, or who may not |
//! | `xincha_clients_failed` | | 1 where the file of the clients cannot be used, and those before stay |
//! | `process_resident_memory_bytes` | | memory, with what is resident of the mapped snapshot |
//! | `process_open_fds`, `process_max_fds` | | open files and how many there may be |
//! | `process_start_time_seconds` | | when it began, since 1970 |
//!
//! What is not known is absent. A label is a code of the configuration, a path as it is written in
//! [`PATHS`](super::routes::PATHS), a class of statuses or a code of a problem: nothing that a client sent.

use super::metrics::{CLASSES, Route};
use super::problem::Code;
use super::routes::{self, Asked, bytes, told};
use crate::clock;
use crate::herald::Standing;
use crate::live::View;
use crate::record::Instant;
use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

/// All of it. It is gathered beside the worker: of many open files the system has a lot to count.
pub(super) async fn metrics(State(asked): State<Asked>) -> Response {
    let exposed = tokio::task::spawn_blocking(move || {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition { asked, now: Instant(clock::seconds()) }));
        let mut text = String::with_capacity(64 * 1024);
        encode(&mut text, &registry).map(|()| text)
    });
    match exposed.await {
        Ok(Ok(text)) => bytes(StatusCode::OK, CONTENT_TYPE, text),
        _ => told(&Code::Internal.whole()),
    }
}

/// What is exposed at one instant.
struct Exposition {
    asked: Asked,
    now: Instant,
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposition")
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1_u64)];
        out.gauges("xincha_build_info", "The version that runs", version)?;
        self.requests(&mut out)?;
        let view = self.asked.desk.live.current();
        let is_ready = view.as_ref().is_some_and(|view| routes::is_ready(view, self.now));
        out.gauge("xincha_ready", "Some list can be relied on", u64::from(is_ready))?;
        if let Some(view) = view {
            self.data(&view, &mut out)?;
        }
        self.loader(&mut out)?;
        self.work(&mut out)?;
        self.process(&mut out)
    }
}

impl Exposition {
    fn requests(&self, out: &mut Out<'_>) -> fmt::Result {
        let metrics = &self.asked.metrics;
        let name = "xincha_request_duration_seconds";
        let help = "From the head of a request to its answer";
        let mut histogram = out.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for route in Route::all() {
            for (class, status) in CLASSES.into_iter().enumerate() {
                let latencies = metrics.latencies(route, class);
                let count = latencies.count();
                if count > 0 {
                    let labels = [("route", route.pattern()), ("status", status)];
                    let (seconds, buckets) = (latencies.seconds, &latencies.buckets);
                    histogram
                        .encode_family(&labels)?
                        .encode_histogram::<NoLabelSet>(seconds, count, buckets, None)?;
                }
            }
        }
        let refusals = Route::all()
            .flat_map(|route| Code::all().map(move |code| (route, code)))
            .map(|(route, code)| {
                let labels = [("route", route.pattern()), ("code", code.name())];
                (labels, metrics.refusals(route, code))
            })
            .filter(|(_, count)| *count > 0);
        out.counters("xincha_refusals", "Requests that were told a problem", refusals)?;
        let help = "Requests that are being answered";
        out.gauge("xincha_requests_in_flight", help, metrics.in_flight())?;
        let help = "Requests whose peer was gone before the answer";
        out.counter("xincha_requests_abandoned", help, metrics.abandoned())?;
        let admission = metrics.admission();
        out.gauge("xincha_connections", "Connections held", admission.held() as u64)?;
        let help = "Connections that may be held";
        out.gauge("xincha_connections_max", help, admission.max() as u64)?;
        let help = "Connections beyond the most that may be held";
        out.counter("xincha_connections_refused", help, admission.refused())
    }

    fn data(&self, view: &View, out: &mut Out<'_>) -> fmt::Result {
        let ground = &view.generation.ground;
        let (meta, catalogue) = (ground.index.meta(), &ground.catalogue);
        let labels = [("snapshot", meta.id.as_str()), ("catalogue", catalogue.digest())];
        out.gauges("xincha_snapshot_info", "The snapshot that serves", [(labels, 1_u64)])?;
        let help = "Since the snapshot that serves was built";
        out.gauge("xincha_snapshot_age_seconds", help, self.since(meta.built))?;
        out.gauge("xincha_snapshot_change", "The last change in the snapshot", meta.change)?;
        out.gauge("xincha_change", "The last change that a check sees", view.overlay.change())?;
        let behind = view.behind.map_or(0, |since| self.since(since.0));
        out.gauge("xincha_ledger_behind_seconds", "Since when changes may be missing", behind)?;
        out.gauge("xincha_entries", "Entries in the snapshot", meta.entries)?;
        let stale = routes::stale(view, self.now);
        let lists = catalogue.list_numbers().map(|no| {
            let is_stale = stale.iter().any(|stale| stale.list == no);
            ([("list", catalogue.list(no).code.as_str())], u64::from(is_stale))
        });
        out.gauges("xincha_list_stale", "The list cannot be relied on", lists)?;
        let sources =
            || meta.sources.iter().map(|source| ([("source", source.code.as_str())], source));
        let help = "Rows that were read for the snapshot";
        let rows = sources().map(|(labels, source)| (labels, source.rows));
        out.gauges("xincha_source_rows", help, rows)?;
        let help = "Rows that were rejected for the snapshot";
        let rejects = sources().map(|(labels, source)| (labels, source.rejects));
        out.gauges("xincha_source_rejects", help, rejects)?;
        let ages = sources().map(|(labels, source)| (labels, self.since(source.as_of)));
        out.gauges("xincha_source_as_of_age_seconds", "Age of what the source delivered", ages)
    }

    fn loader(&self, out: &mut Out<'_>) -> fmt::Result {
        let Some(loader) = &self.asked.desk.loader else { return Ok(()) };
        let (states, refresh) = (loader.states(), loader.progress());
        let sources = || {
            let known = |code: &String| states.sources.get(code);
            loader.sources().iter().map(move |code| ([("source", code.as_str())], known(code)))
        };
        let ages = sources()
            .filter_map(|(labels, state)| state?.succeeded.map(|at| (labels, self.since(at.0))));
        out.gauges("xincha_source_success_age_seconds", "Since the source last answered", ages)?;
        let help = "Attempts that failed since the source last answered";
        let failures = sources()
            .map(|(labels, state)| (labels, state.map_or(0, |state| u64::from(state.failures))));
        out.gauges("xincha_source_failures", help, failures)?;
        let held = sources().map(|(labels, state)| {
            (labels, u64::from(state.is_some_and(|state| state.held.is_some())))
        });
        out.gauges("xincha_source_held", "A guard holds a delivery of the source", held)?;
        let has_failed = u64::from(refresh.failure.is_some());
        out.gauge("xincha_build_failed", "The last build failed", has_failed)?;
        let help = "Snapshots that were built and served";
        out.counter("xincha_builds_published", help, refresh.published)
    }

    fn work(&self, out: &mut Out<'_>) -> fmt::Result {
        let searches = self.asked.searchers.searches();
        let help = "Threads that search names";
        out.gauge("xincha_search_threads", help, searches.threads as u64)?;
        out.gauge("xincha_searches_waiting", "Searches that wait", searches.waiting)?;
        out.counter("xincha_searches", "Searches that came to an answer", searches.served)?;
        let help = "Searches that were told that too many wait";
        out.counter("xincha_searches_refused", help, searches.refused)?;
        let refusals = &self.asked.desk.refusals;
        let not_let_in = refusals.counts().map(|(why, count)| ([("why", why)], count));
        let help = "Requests of whom nothing is known, or who may not";
        out.counters("xincha_not_let_in", help, not_let_in.filter(|(_, count)| *count > 0))?;
        let have_failed = u64::from(self.asked.desk.clients.have_failed());
        let help = "The file of the clients cannot be used, and those before stay";
        out.gauge("xincha_clients_failed", help, have_failed)?;
        if let Some(log) = &self.asked.desk.audit {
            let standing = log.standing();
            let help = "Records that no seal covers yet";
            out.gauge("xincha_audit_unsealed", help, standing.unsealed as u64)?;
            let age = match standing.unsealed {
                0 => 0,
                _ => self.since((standing.sealed / 1_000) as i64),
            };
            out.gauge("xincha_audit_seal_age_seconds", "Since the last seal", age)?;
            let help = "Nothing is recorded, and so nothing answered";
            out.gauge("xincha_audit_refusing", help, u64::from(standing.refusing))?;
        }
        if let Some(herald) = &self.asked.desk.herald {
            let standings = herald.standings();
            let of = |value: fn(&Exposition, &Standing) -> u64| {
                standings
                    .iter()
                    .map(move |(client, it)| ([("client", client.as_str())], value(self, it)))
            };
            let help = "Deliveries of recalls that the client took";
            out.counters("xincha_recalls_taken", help, of(|_, it| it.taken))?;
            let help = "Attempts to deliver recalls that failed since the client took one";
            out.gauges("xincha_recalls_failures", help, of(|_, it| u64::from(it.failures)))?;
            let waiting = of(|at, it| it.waiting_since.map_or(0, |since| at.since(since)));
            out.gauges("xincha_recalls_waiting_seconds", "Since when recalls wait", waiting)?;
        }
        if let Some(traces) = &self.asked.desk.traces {
            out.counter("xincha_traces_sent", "Spans that the collector took", traces.sent())?;
            let help = "Spans that were dropped";
            out.counter("xincha_traces_dropped", help, traces.dropped())?;
        }
        let Some(jobs) = &self.asked.desk.jobs else { return Ok(()) };
        let states = jobs.states();
        let states = states.iter().map(|(state, jobs)| ([("state", state.code())], *jobs as u64));
        out.gauges("xincha_jobs", "Jobs that are kept", states)
    }

    fn process(&self, out: &mut Out<'_>) -> fmt::Result {
        let help = "When the process began, in seconds since 1970";
        out.gauge("process_start_time_seconds", help, self.asked.metrics.started)?;
        #[cfg(target_os = "linux")]
        if let Ok(process) = procfs::process::Process::myself() {
            if let Some(kib) = process.status().ok().and_then(|status| status.vmrss) {
                let help = "Memory, with what is resident of mapped files";
                out.gauge("process_resident_memory_bytes", help, kib * 1024)?;
            }
            if let Ok(open) = process.fd_count() {
                out.gauge("process_open_fds", "Open files", open as u64)?;
            }
            if let Ok(limits) = process.limits()
                && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
            {
                out.gauge("process_max_fds", "Files that may be open", most)?;
            }
        }
        Ok(())
    }

    /// Seconds since then; none where the clock was set back.
    fn since(&self, then: i64) -> u64 {
        u64::try_from(self.now.0.saturating_sub(then)).unwrap_or(0)
    }
}

/// Where samples are written.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut gauge = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        samples
            .into_iter()
            .try_for_each(|(labels, value)| gauge.encode_family(&labels)?.encode_gauge(&value))
    }

    /// The format adds `_total` to the name.
    fn counter(&mut self, name: &str, help: &str, value: impl EncodeCounterValue) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// The format adds `_total` to the name.
    fn counters<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut counter = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        samples.into_iter().try_for_each(|(labels, value)| {
            counter.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }
}
