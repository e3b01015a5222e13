//! The way to the collector: what waits, what was sent, what was dropped.

use super::config::Endpoint;
use async_trait::async_trait;
use opentelemetry::Context;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use reqwest::{Client, redirect};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing::{info, warn};

/// Spans that wait; beyond it they are dropped. Some hundred bytes each.
const WAITING_MAX: usize = 4_096;
/// Spans sent at once.
const BATCH: usize = 512;
/// Between two batches that are not full.
const PAUSE: Duration = Duration::from_secs(1);
/// Until the collector has taken a batch, all attempts together.
const TIME: Duration = Duration::from_secs(5);
/// Of a collector's answer: it says how many spans it refused.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What became of spans.
#[derive(Debug, Default)]
pub(super) struct Counts {
    waiting: AtomicU64,
    sent: AtomicU64,
    dropped: AtomicU64,
    is_away: AtomicBool,
}

impl Counts {
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Nothing is sent any more: what waits is dropped.
    pub fn end(&self) {
        self.dropped.fetch_add(self.waiting.swap(0, Relaxed), Relaxed);
        if self.dropped() > 0 {
            let (sent, dropped) = (self.sent(), self.dropped());
            warn!(sent, dropped, "部分追踪未送达 / spans were not sent");
        }
    }

    /// The change of state is told, not each batch.
    fn tell(&self, sent: &OTelSdkResult) {
        let is_away = sent.is_err();
        if self.is_away.swap(is_away, Relaxed) == is_away {
            return;
        }
        let dropped = self.dropped();
        match sent {
            Ok(()) => info!(dropped, "追踪收集器恢复 / the collector takes spans again"),
            Err(why) => warn!("追踪收集器不可用 / the collector takes no spans: {why}"),
        }
    }
}

/// What takes ended spans, bounded, and a thread that sends them.
pub(super) fn queue(endpoint: &Endpoint, counts: Arc<Counts>) -> Result<Queue, String> {
    let posts = Posts::open(endpoint)?;
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(posts)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.traces())
        .with_timeout(TIME)
        .build()
        .map_err(|error| error.to_string())?;
    // What waits is counted here, so its own bound is never met.
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(2 * WAITING_MAX)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(PAUSE)
        .build();
    let exporter = Counted { exporter, counts: counts.clone() };
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    Ok(Queue { batches, counts })
}

/// Takes spans as long as there is room.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    counts: Arc<Counts>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let Counts { waiting, dropped, .. } = &*self.counts;
        if waiting.fetch_add(1, Relaxed) >= WAITING_MAX as u64 {
            waiting.fetch_sub(1, Relaxed);
            dropped.fetch_add(1, Relaxed);
            return;
        }
        self.batches.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what is sent.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: Arc<Counts>,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        let Counts { waiting, sent: taken, dropped, .. } = &*self.counts;
        // Where all was ended meanwhile they are counted already.
        let waits = |count: u64| count.checked_sub(spans);
        if waiting.fetch_update(Relaxed, Relaxed, waits).is_ok() {
            let became = if sent.is_ok() { taken } else { dropped };
            became.fetch_add(spans, Relaxed);
        }
        self.counts.tell(&sent);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Posts batches, each on a connection of its own, on the thread that sends: it blocks there and nowhere else.
#[derive(Debug)]
struct Posts {
    runtime: Runtime,
    client: Client,
}

impl Posts {
    fn open(endpoint: &Endpoint) -> Result<Posts, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut client = Client::builder()
            .user_agent(concat!("xincha/", env!("CARGO_PKG_VERSION")))
            .timeout(TIME)
            .pool_max_idle_per_host(0)
            .referer(false)
            .redirect(redirect::Policy::none());
        if endpoint.is_plain() {
            // No authority is needed, and the system may have none.
            client = client.tls_certs_only([]).no_proxy();
        }
        Ok(Posts {
            runtime: runtime.map_err(|error| error.to_string())?,
            client: client.build().map_err(|error| error.to_string())?,
        })
    }
}

#[async_trait]
impl HttpClient for Posts {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.runtime.block_on(async {
            let mut answer = self.client.execute(request.try_into()?).await?;
            let mut body = Vec::new();
            while let Some(piece) = answer.chunk().await? {
                if body.len() + piece.len() > ANSWER_BYTES_MAX {
                    return Err("the answer of the collector is too long".into());
                }
                body.extend_from_slice(&piece);
            }
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = answer.status();
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Traces, TracesConfig};
    use super::*;
    use std::net::TcpListener;
    use std::time::Instant;

    #[test]
    fn what_waits_is_bounded_and_what_is_not_sent_is_counted() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let (traces, sending) = Traces::start(&TracesConfig::of(endpoint)).unwrap();
        const MORE: usize = 100;
        for _ in 0..WAITING_MAX + MORE {
            drop(traces.work("work"));
        }
        assert_eq!((traces.sent(), traces.dropped()), (0, MORE as u64));
        let begun = Instant::now();
        drop(sending);
        assert!(begun.elapsed() < TIME, "{:?}", begun.elapsed());
        assert_eq!((traces.sent(), traces.dropped()), (0, (WAITING_MAX + MORE) as u64));
        drop(traces.work("work"));
        assert_eq!(traces.dropped(), (WAITING_MAX + MORE) as u64, "nothing is begun any more");
    }
}
