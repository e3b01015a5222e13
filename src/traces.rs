//! What is told of single requests and works to a collector of OpenTelemetry, where one is configured.
//!
//! ```text
//! request ─► traceparent | share ─► Span ─► children, attributes ─► ended ─► queue ─► (thread) ─► OTLP over HTTP
//!              no: nothing is made                                            full: dropped, counted
//! ```
//!
//! It is decided first whether a request is traced at all: as its caller decided where there is a `traceparent`,
//! else by chance. One that is not traced costs that decision and allocates nothing. One that is makes its
//! [`Span`] the current one of its task, where whatever is done for it finds it ([`current`]) without being handed
//! one. Nothing waits for the collector.
//!
//! A span bears nothing of a subject, nothing that a caller wrote but the ids of its trace, no path with an id in
//! it: names are those of routes and works, attributes are codes and ids of ours.
//!
//! | file | noun |
//! |---|---|
//! | [`config`] | where to, and how many |
//! | [`parent`] | the span of a caller, as `traceparent` names it |
//! | [`span`] | what is being done |
//! | `collector` | the queue, the batches, what is dropped |

mod collector;
pub mod config;
pub mod parent;
pub mod span;

pub use config::{Endpoint, TracesConfig};
pub use parent::Parent;
pub use span::{Span, carried, child, current};

use collector::Counts;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt, TraceFlags, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;
use uuid::Uuid;

/// How long what is queued may take to be sent when all ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Something of this process is traced.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Nothing can be traced.
#[derive(Debug, thiserror::Error)]
#[error("[traces]: 无法使用 / cannot be used: {0}")]
pub struct TracesError(String);

/// A handle of what is traced. Cloning shares.
#[derive(Clone)]
pub struct Traces(Arc<Shared>);

struct Shared {
    tracer: SdkTracer,
    /// Of 2^32 requests without a `traceparent` so many are traced.
    share: AtomicU64,
    counts: Arc<Counts>,
}

/// The thread that sends; dropping it sends what is queued, for two seconds at most, and ends it.
pub struct Sending {
    provider: SdkTracerProvider,
    counts: Arc<Counts>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        // What could not be sent is counted and told.
        let _ = self.provider.shutdown_with_timeout(FLUSH);
        self.counts.end();
    }
}

impl Traces {
    /// Begin to send to a collector, which need not be there.
    ///
    /// # Errors
    ///
    /// What sends cannot be started.
    pub fn start(config: &TracesConfig) -> Result<(Traces, Sending), TracesError> {
        let counts = Arc::new(Counts::default());
        let queue = collector::queue(&config.endpoint, counts.clone()).map_err(TracesError)?;
        let resource = Resource::builder_empty().with_service_name("xincha").with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
        ]);
        let provider = SdkTracerProvider::builder()
            // Whoever begins a span has decided.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.build())
            .with_span_processor(queue)
            .build();
        let tracer = provider.tracer("xincha");
        let share = share(config.sample).into();
        IS_ON.store(true, Relaxed);
        let traces = Traces(Arc::new(Shared { tracer, share, counts: counts.clone() }));
        Ok((traces, Sending { provider, counts }))
    }

    /// Trace another share of requests from now on. The endpoint stays.
    pub fn set(&self, config: &TracesConfig) {
        self.0.share.store(share(config.sample), Relaxed);
    }

    /// The span of a request with this `traceparent`, where it is traced: a caller's decision is followed, else it
    /// is one of the configured share. Cost where it is not: some nanoseconds, no allocation.
    pub fn request(&self, name: &'static str, traceparent: Option<&[u8]>) -> Option<Span> {
        let parent = traceparent.and_then(Parent::of);
        let is_traced = match &parent {
            Some(parent) => parent.is_traced,
            None => u64::from(rand::random::<u32>()) < self.0.share.load(Relaxed),
        };
        is_traced.then(|| {
            let context = match parent {
                Some(Parent { trace, span, .. }) => {
                    let state = Default::default();
                    let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, state);
                    Context::new().with_remote_span_context(parent)
                }
                None => Context::new(),
            };
            Span::begin(&self.0.tracer, &context, name, SpanKind::Server)
        })
    }

    /// The span of a work that nobody waits for. There are few of them: each is traced.
    pub fn work(&self, name: &'static str) -> Span {
        Span::begin(&self.0.tracer, &Context::new(), name, SpanKind::Internal)
    }

    /// Spans that the collector took since the start.
    pub fn sent(&self) -> u64 {
        self.0.counts.sent()
    }

    /// Spans that were dropped since the start: the queue was full, or the collector did not take them.
    pub fn dropped(&self) -> u64 {
        self.0.counts.dropped()
    }
}

fn share(sample: f64) -> u64 {
    (sample * 2_f64.powi(32)).round() as u64
}
