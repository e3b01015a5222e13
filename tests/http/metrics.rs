//! What `/metrics` says after requests that are known.

use super::*;
use openmetrics_parser::prometheus::parse_prometheus;
use openmetrics_parser::{MetricsExposition, PrometheusType, PrometheusValue};

pub type Exposed = MetricsExposition<PrometheusType, PrometheusValue>;

pub fn exposed(running: &Running) -> (String, Exposed) {
    let reply = running.connect().get("/metrics");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(reply.body).unwrap();
    let parsed = parse_prometheus(&text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
    (text, parsed)
}

/// The sample of these labels.
fn value<'a>(
    exposed: &'a Exposed,
    name: &str,
    labels: &[(&str, &str)],
) -> Option<&'a PrometheusValue> {
    let family = exposed.families.get(name).unwrap_or_else(|| panic!("no {name}"));
    let fits = |sample: &&openmetrics_parser::Sample<PrometheusValue>| {
        let of = sample.get_labelset().unwrap();
        let has = |(name, value): &(&str, &str)| of.get_label_value(name) == Some(*value);
        labels.iter().all(has)
    };
    family.iter_samples().find(fits).map(|sample| &sample.value)
}

pub fn number(exposed: &Exposed, name: &str, labels: &[(&str, &str)]) -> f64 {
    match value(exposed, name, labels) {
        Some(PrometheusValue::Counter(counter)) => counter.value.as_f64(),
        Some(PrometheusValue::Gauge(number)) => number.as_f64(),
        Some(PrometheusValue::Histogram(histogram)) => histogram.count.unwrap() as f64,
        Some(other) => panic!("{name}: {other:?}"),
        None => 0.0,
    }
}

#[test]
fn requests_are_counted_by_route_and_outcome_and_nothing_of_them_is_told() {
    let running = start(config());
    let mut client = running.connect();
    for _ in 0..7 {
        assert_eq!(client.check(&ground::body(ground::BLACK)).status, 200);
    }
    client.check("{").problem(Code::InvalidJson);
    let unknown = ground::body(ground::BLACK).replace(MATTER, "no-such-matter");
    client.check(&unknown).problem(Code::UnknownMatter);
    client.request("GET", "/v1/check", "", b"").problem(Code::MethodNotAllowed);
    let json = "content-type: application/json\r\n";
    let search = json!({"name": ground::BLACK.0}).to_string();
    assert_eq!(client.request("POST", "/v1/search", json, search.as_bytes()).status, 200);
    assert_eq!(client.get(&format!("/v1/{}", ground::BLACK.1)).status, 404);
    assert_eq!(client.get("/v1/lists?id=91320500MA0000015D").status, 200);
    let id = Uuid::now_v7().to_string();
    assert_eq!(client.get(&format!("/v1/jobs/{id}")).status, 503);
    // One that is never whole.
    let mut cut = running.connect();
    cut.send(b"POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    std::thread::sleep(Duration::from_millis(200));
    let (_, before) = exposed(&running);
    assert_eq!(number(&before, "xincha_requests_in_flight", &[]), 2.0, "it and the present one");
    drop(cut);
    std::thread::sleep(Duration::from_millis(200));

    let (text, exposed) = exposed(&running);
    let took = |route: &str, status: &str| {
        number(&exposed, "xincha_request_duration_seconds", &[("route", route), ("status", status)])
    };
    assert_eq!((took("/v1/check", "2xx"), took("/v1/check", "4xx")), (7.0, 4.0));
    assert_eq!((took("/v1/search", "2xx"), took("/v1/lists", "2xx")), (1.0, 1.0));
    assert_eq!((took("other", "4xx"), took("/v1/jobs/{id}", "5xx")), (1.0, 1.0));
    assert_eq!(took("/metrics", "2xx"), 1.0, "the one before");
    let refused = |route: &str, code: Code| {
        number(&exposed, "xincha_refusals_total", &[("route", route), ("code", code.name())])
    };
    // The body that was cut is one of these.
    assert_eq!(refused("/v1/check", Code::InvalidJson), 2.0);
    assert_eq!(refused("/v1/check", Code::UnknownMatter), 1.0);
    assert_eq!(refused("/v1/check", Code::MethodNotAllowed), 1.0);
    assert_eq!(refused("other", Code::NotFound), 1.0);
    assert_eq!(refused("/v1/jobs/{id}", Code::NotLoadedHere), 1.0);
    assert_eq!(number(&exposed, "xincha_requests_abandoned_total", &[]), 0.0);
    assert_eq!(number(&exposed, "xincha_requests_in_flight", &[]), 1.0);
    assert_eq!(number(&exposed, "xincha_searches_total", &[]), 1.0);
    assert_eq!(number(&exposed, "xincha_connections", &[]), 2.0);
    assert_eq!(number(&exposed, "xincha_ready", &[]), 1.0);
    assert_eq!(number(&exposed, "xincha_list_stale", &[("list", "jycm")]), 1.0);
    assert_eq!(number(&exposed, "xincha_list_stale", &[("list", "zfcg")]), 0.0);
    let histogram = value(
        &exposed,
        "xincha_request_duration_seconds",
        &[("route", "/v1/check"), ("status", "2xx")],
    );
    let Some(PrometheusValue::Histogram(histogram)) = histogram else { panic!("{histogram:?}") };
    let counts: Vec<f64> = histogram.buckets.iter().map(|bucket| bucket.count.as_f64()).collect();
    assert!(counts.is_sorted() && counts.last() == Some(&7.0), "{counts:?}");
    assert!(histogram.sum.unwrap().as_f64() > 0.0);
    let sent = [ground::BLACK.0, ground::BLACK.1, "no-such-matter", &id, "127.0.0.1"];
    for sent in sent {
        assert!(!text.contains(sent), "{sent} in {text}");
    }
}

#[test]
fn connections_beyond_the_most_are_counted_and_without_data_it_is_not_ready() {
    let running = start_with(HttpConfig { connections_max: 1, ..config() }, None);
    let mut client = running.connect();
    assert_eq!(client.get("/healthz").status, 200);
    assert_eq!(running.connect().reply(true).status, 503);
    let text = String::from_utf8(client.get("/metrics").body).unwrap();
    for line in ["xincha_connections_refused_total 1", "xincha_connections_max 1", "xincha_ready 0"]
    {
        assert!(text.lines().any(|of| of == line), "{line}: {text}");
    }
    assert!(!text.contains("xincha_change"), "what is not known is absent");
}
