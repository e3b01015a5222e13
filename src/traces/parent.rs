//! The span of a caller, as W3C Trace Context names it.

use opentelemetry::{SpanId, TraceId};

/// What `traceparent` says: `00-{32 digits of the trace}-{16 of the span}-{2 of flags}`, in lower case.
///
/// `tracestate` is left unread: nothing is asked of others for a request, and it is a text of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The span of the caller.
    pub span: SpanId,
    /// The caller traces it.
    pub is_traced: bool,
}

impl Parent {
    /// Read it; `None` where it is none, which is as if there were none. Of a later version the beginning is read.
    /// Allocates nothing. Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.
    pub fn of(traceparent: &[u8]) -> Option<Parent> {
        const LENGTH: usize = 55;
        let (known, later) = traceparent.split_at_checked(LENGTH)?;
        let [version @ .., b'-'] = &known[..3] else { return None };
        let [trace @ .., b'-'] = &known[3..36] else { return None };
        let [span @ .., b'-'] = &known[36..53] else { return None };
        let (version, flags) = (number(version)?, number(&known[53..])?);
        let is_known = match (version, later) {
            (0xff, _) => false,
            (_, []) => true,
            (version, later) => version > 0 && later[0] == b'-',
        };
        let parent = Parent {
            trace: TraceId::from(number(trace)?),
            span: SpanId::from(u64::try_from(number(span)?).ok()?),
            is_traced: flags & 1 == 1,
        };
        let is_sound = parent.trace != TraceId::INVALID && parent.span != SpanId::INVALID;
        (is_known && is_sound).then_some(parent)
    }
}

/// Digits to the base of 16, in lower case.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry::trace::TraceContextExt;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    /// The same by OpenTelemetry's own reader.
    fn by_the_sdk(traceparent: &str) -> Option<Parent> {
        let headers = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        let context = TraceContextPropagator::new().extract(&headers);
        let span = context.span().span_context().clone();
        span.is_valid().then(|| Parent {
            trace: span.trace_id(),
            span: span.span_id(),
            is_traced: span.is_sampled(),
        })
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let sound = format!("00-{TRACE}-{SPAN}-01");
        let parent = Parent::of(sound.as_bytes()).unwrap();
        assert_eq!(
            (parent.trace.to_string(), parent.span.to_string()),
            (TRACE.into(), SPAN.into())
        );
        for (text, is_traced) in [
            (sound, Some(true)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(false)),
            (format!("00-{TRACE}-{SPAN}-03"), Some(true)),
            (format!("00-{TRACE}-{SPAN}-fe"), Some(false)),
            (format!("01-{TRACE}-{SPAN}-01-what follows"), Some(true)),
            (format!("01-{TRACE}-{SPAN}-01what"), None),
            (format!("00-{TRACE}-{SPAN}-01-what"), None),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("00-{TRACE}-{SPAN}-0"), None),
            (format!("00_{TRACE}_{SPAN}_01"), None),
            (String::new(), None),
        ] {
            let parent = Parent::of(text.as_bytes());
            assert_eq!(parent.map(|parent| parent.is_traced), is_traced, "{text}");
        }
    }

    proptest! {
        #[test]
        fn as_the_sdk_reads_it(trace: u128, span: u64, flags: u8, shift in 0..128_u32) {
            let (trace, span) = (trace >> shift, span.checked_shr(shift).unwrap_or(0));
            let text = format!("00-{trace:032x}-{span:016x}-{flags:02x}");
            prop_assert_eq!(Parent::of(text.as_bytes()), by_the_sdk(&text));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            Parent::of(&bytes);
        }
    }
}
