//! What is being done, from its beginning to its end.

use super::IS_ON;
use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, ContextGuard, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;

/// A span that is traced. It ends with the last of its clones, or by [`Span::end`].
#[derive(Clone)]
pub struct Span(Context);

impl Span {
    pub(super) fn begin(
        tracer: &SdkTracer,
        parent: &Context,
        name: &'static str,
        kind: SpanKind,
    ) -> Span {
        let span = SpanBuilder::from_name(name).with_kind(kind);
        let span = tracer.build_with_context(span, parent);
        Span(Context::new().with_value(tracer.clone()).with_span(span))
    }

    /// A part of it, which begins now.
    pub fn child(&self, name: &'static str) -> Option<Span> {
        let tracer = self.0.get::<SdkTracer>()?;
        Some(Span::begin(tracer, &self.0, name, SpanKind::Internal))
    }

    /// Say something of it: nothing of a subject, nothing that a caller wrote.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(key, value));
    }

    /// Name it anew.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) {
        self.0.span().update_name(name);
    }

    /// It failed, with this code.
    pub fn fail(&self, code: &'static str) {
        self.set("error.type", code);
        self.0.span().set_status(Status::error(""));
    }

    /// It ends now, whoever has it still.
    pub fn end(&self) {
        self.0.span().end();
    }

    /// Make it the current one of this thread, until what is returned is dropped.
    pub fn enter(&self) -> Entered {
        Entered(self.0.clone().attach())
    }

    /// Make it the current one of whatever a future does.
    pub fn around<F: Future>(&self, future: F) -> WithContext<F> {
        future.with_context(self.0.clone())
    }
}

/// See [`Span::enter`].
#[must_use]
pub struct Entered(#[expect(dead_code, reason = "what counts is its end")] ContextGuard);

/// The span of what this thread does at present. Cost: where nothing is traced a look at a flag, else some
/// nanoseconds more.
#[inline]
pub fn current() -> Option<Span> {
    if IS_ON.load(Relaxed) { of_thread() } else { None }
}

/// A part of what this thread does at present, which begins now.
#[inline]
pub fn child(name: &'static str) -> Option<Span> {
    current().and_then(|span| span.child(name))
}

/// A future that is done elsewhere, and there for what this thread does at present.
pub fn carried<F: Future>(future: F) -> WithContext<F> {
    future.with_current_context()
}

fn of_thread() -> Option<Span> {
    Context::map_current(|context| context.has_active_span().then(|| Span(context.clone())))
}
