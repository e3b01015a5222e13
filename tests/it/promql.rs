//! PromQL, held to what is exposed: an expression may ask for nothing that no series can answer, which Prometheus
//! takes for an empty answer, and so for silence.

use openmetrics_parser::prometheus::parse_prometheus;
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
    VectorSelector,
};
use std::collections::{BTreeMap, BTreeSet};

/// Labels that Prometheus gives to what it scrapes.
const SCRAPED: [&str; 2] = ["instance", "job"];
/// Of what only rises.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];
/// Of what falls as well.
const OF_GAUGES: [&str; 4] = ["deriv", "delta", "idelta", "predict_linear"];

pub type Labels = BTreeSet<String>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What can be asked for: each metric, its kind and its labels.
pub struct Exposed(BTreeMap<String, (Kind, Labels)>);

impl Exposed {
    /// Of an exposition, and the rows of a table `| names | labels | … |` for the labels of what has no samples
    /// yet. Those of samples must be the same.
    pub fn read(exposition: &str, table: &str) -> Exposed {
        let mut labels = BTreeMap::new();
        for row in table.lines().filter_map(|line| line.strip_prefix("//! | `")) {
            let mut cells = row.split('|').map(|cell| cell.split('`').filter(|word| is_word(word)));
            let (names, of) = (cells.next().unwrap(), cells.next().unwrap());
            let of: Labels = of.map(str::to_owned).collect();
            labels.extend(names.map(|name| (name.to_owned(), of.clone())));
        }
        let mut metrics = BTreeMap::new();
        for line in exposition.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let kind = match kind {
                "counter" => Kind::Counter,
                "gauge" => Kind::Gauge,
                "histogram" => Kind::Histogram,
                other => panic!("{name}: {other}"),
            };
            let labels = labels.get(name).unwrap_or_else(|| panic!("{name} is not in the table"));
            metrics.insert(name.to_owned(), (kind, labels.clone()));
        }
        for (name, family) in parse_prometheus(exposition).unwrap().families {
            for sample in family.iter_samples() {
                let has: Labels = sample.get_labelset().unwrap().iter_names().cloned().collect();
                assert_eq!(has, metrics[&name].1, "{name}");
            }
        }
        // Prometheus says itself whether it reaches whom it scrapes.
        metrics.insert("up".to_owned(), (Kind::Gauge, Labels::new()));
        Exposed(metrics)
    }

    /// The labels that what an expression answers has at most; none of a scalar.
    ///
    /// # Errors
    ///
    /// It is no expression, asks for what is not there, or in a way that means nothing.
    pub fn labels(&self, expression: &str) -> Result<Option<Labels>, String> {
        self.of(&parser::parse(expression)?)
    }

    fn of(&self, expression: &Expr) -> Result<Option<Labels>, String> {
        match expression {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(None),
            Expr::Paren(inner) => self.of(&inner.expr),
            Expr::Unary(inner) => self.of(&inner.expr),
            Expr::Subquery(inner) => self.of(&inner.expr),
            Expr::VectorSelector(selector) => match self.selected(selector)? {
                (Kind::Counter, _) => Err(format!("{selector} only rises, and stands alone")),
                (_, labels) => Ok(Some(labels)),
            },
            Expr::MatrixSelector(selector) => Ok(Some(self.selected(&selector.vs)?.1)),
            Expr::Call(call) => self.called(call),
            Expr::Aggregate(aggregate) => self.aggregated(aggregate).map(Some),
            Expr::Binary(binary) => self.joined(binary),
            Expr::Extension(_) => Err("an extension".to_owned()),
        }
    }

    /// What a selector selects: parts of a histogram are counters with labels of their own.
    fn selected(&self, selector: &VectorSelector) -> Result<(Kind, Labels), String> {
        let name = selector.name.as_deref().ok_or("a selector without a name")?;
        let part_of = |part| Some((name.strip_suffix(part)?, part));
        let parts = ["_bucket", "_sum", "_count"];
        let (kind, mut labels) = match self.0.get(name) {
            Some((Kind::Histogram, _)) => return Err(format!("{name} is a histogram as a whole")),
            Some(found) => found.clone(),
            None => {
                let part = parts.into_iter().find_map(part_of);
                let found = part.and_then(|(whole, part)| Some((self.0.get(whole)?, part)));
                let Some(((Kind::Histogram, labels), part)) = found else {
                    return Err(format!("{name} is not exposed"));
                };
                let bucket = (part == "_bucket").then(|| "le".to_owned());
                (Kind::Counter, labels.iter().cloned().chain(bucket).collect())
            }
        };
        labels.extend(SCRAPED.map(str::to_owned));
        let matchers = selector.matchers.matchers.iter();
        for matcher in matchers.chain(selector.matchers.or_matchers.iter().flatten()) {
            must_have(&labels, &matcher.name)?;
        }
        Ok((kind, labels))
    }

    fn called(&self, call: &Call) -> Result<Option<Labels>, String> {
        let name = call.func.name;
        for (functions, wanted) in [(&OF_COUNTERS[..], true), (&OF_GAUGES[..], false)] {
            if functions.contains(&name) {
                let Some(Expr::MatrixSelector(range)) = call.args.args.first().map(|it| &**it)
                else {
                    return Err(format!("{name} of no range"));
                };
                if (self.selected(&range.vs)?.0 == Kind::Counter) != wanted {
                    return Err(format!("{name} of {}", range.vs));
                }
            }
        }
        let mut labels = None;
        for argument in &call.args.args {
            labels = self.of(argument)?.or(labels);
        }
        if name == "histogram_quantile" {
            let buckets = labels.as_mut().ok_or("histogram_quantile of no buckets")?;
            if !buckets.remove("le") {
                return Err("histogram_quantile of no buckets".to_owned());
            }
        }
        Ok(labels)
    }

    fn aggregated(&self, aggregate: &AggregateExpr) -> Result<Labels, String> {
        let inner = self.of(&aggregate.expr)?.ok_or("an aggregation of a number")?;
        let Some(modifier) = &aggregate.modifier else { return Ok(Labels::new()) };
        let named: Labels = modifier.labels().labels.iter().cloned().collect();
        named.iter().try_for_each(|label| must_have(&inner, label))?;
        Ok(match modifier {
            LabelModifier::Include(_) => named,
            LabelModifier::Exclude(_) => &inner - &named,
        })
    }

    /// Two sides meet where they have the same labels and values.
    fn joined(&self, binary: &BinaryExpr) -> Result<Option<Labels>, String> {
        let (left, right) = (self.of(&binary.lhs)?, self.of(&binary.rhs)?);
        let (Some(left), Some(right)) = (&left, &right) else { return Ok(left.or(right)) };
        let modifier = binary.modifier.as_ref();
        let matching = modifier.and_then(|it| it.matching.as_ref());
        let named: Labels = matching.iter().flat_map(|it| &it.labels().labels).cloned().collect();
        let (left_met, right_met) = match matching {
            Some(LabelModifier::Include(_)) => {
                let both = left & right;
                named.iter().try_for_each(|label| must_have(&both, label))?;
                (named.clone(), named)
            }
            _ => {
                let any = left | right;
                named.iter().try_for_each(|label| must_have(&any, label))?;
                (left - &named, right - &named)
            }
        };
        if left_met != right_met {
            return Err(format!("{left_met:?} never meets {right_met:?}"));
        }
        Ok(Some(match modifier.map(|it| &it.card) {
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                left | &more.labels.iter().cloned().collect()
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                right | &more.labels.iter().cloned().collect()
            }
            Some(VectorMatchCardinality::ManyToMany) => left.clone(),
            _ => left_met,
        }))
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn must_have(labels: &Labels, label: &str) -> Result<(), String> {
    if labels.contains(label) { Ok(()) } else { Err(format!("no label {label} in {labels:?}")) }
}

#[test]
fn what_no_series_can_answer_is_told() {
    let table = "\
//! | `x_total` | `why` | |\n//! | `x_now` | `list` | |\n//! | `x_at`, `x_max` | | |\n//! | `x_seconds` | `route` | |\n";
    let exposition = "\
# HELP x_total a\n# TYPE x_total counter\n# HELP x_now a\n# TYPE x_now gauge\nx_now{list=\"a\"} 1\n\
# HELP x_at a\n# TYPE x_at gauge\n# HELP x_max a\n# TYPE x_max gauge\n\
# HELP x_seconds a\n# TYPE x_seconds histogram\n";
    let exposed = Exposed::read(exposition, table);
    let rows: [(&str, Option<&[&str]>); 12] = [
        ("1 + 1", None),
        ("time() - x_at", Some(&["instance", "job"])),
        ("rate(x_total{why!=\"a\"}[5m])", Some(&["instance", "job", "why"])),
        ("sum by (why) (rate(x_total[5m]))", Some(&["why"])),
        ("max without (instance) (x_now)", Some(&["job", "list"])),
        ("max(x_at) - min(x_at)", Some(&[])),
        ("x_at / x_max > 0.8", Some(&["instance", "job"])),
        ("deriv(x_at[5m])", Some(&["instance", "job"])),
        (
            "histogram_quantile(0.9, sum by (route, le) (rate(x_seconds_bucket[5m])))",
            Some(&["route"]),
        ),
        (
            "sum by (instance, why) (rate(x_total[5m])) / ignoring (why) group_left sum by (instance) (x_now)",
            Some(&["instance", "why"]),
        ),
        ("x_now / on (instance) group_left x_at", Some(&["instance", "job", "list"])),
        ("up{job=\"x\"} == 0", Some(&["instance", "job"])),
    ];
    for (expression, labels) in rows {
        let expected = labels.map(|labels| labels.iter().map(|&it| it.to_owned()).collect());
        assert_eq!(exposed.labels(expression), Ok(expected), "{expression}");
    }
    for expression in [
        "rate(x_total[5m]",
        "sum by why (rate(x_total[5m]))",
        "rate(x_total)",
        "x_other",
        "x_now{lists=\"a\"}",
        "rate(x_total{le=\"1\"}[5m])",
        "sum by (list) (rate(x_total[5m]))",
        "max without (route) (x_now)",
        "rate(x_now[5m])",
        "increase(x_at[5m])",
        "deriv(x_total[5m])",
        "x_total > 0",
        "x_seconds",
        "x_now_bucket",
        "histogram_quantile(0.9, rate(x_total[5m]))",
        "histogram_quantile(0.9, sum by (route) (rate(x_seconds_bucket[5m])))",
        "histogram_quantile(0.9, sum by (le) (rate(x_seconds_count[5m])))",
        "x_now / x_at",
        "x_now / on (list) x_at",
        "x_now / ignoring (why) x_at",
    ] {
        assert!(exposed.labels(expression).is_err(), "{expression} is taken");
    }
}
