//! What came of a job as a page to print and file: what was handed in and asked, on which data, how many rows met
//! what. Whom they are about is in the result alone.

use crate::catalogue::Catalogue;
use crate::http::paper::{self, Heading, verdict, word};
use crate::jobs::{Job, Summary};
use crate::record::Instant;
use crate::screen::{Grade, Verdict};
use maud::{Markup, html};

/// The page of a job that is done, HTML.
pub(super) fn page(job: &Job, summary: &Summary, catalogue: &Catalogue) -> String {
    let id = job.id.to_string();
    let code = match &summary.receipt {
        Some(receipt) => receipt.clone(),
        None => format!("xincha:job:{id}:{}:{}", summary.snapshot, summary.change),
    };
    let title = ["批量信用核查记录", "Credit screening of a file"];
    let outcome = html! {
        p { "命中 Hits　" strong { (summary.hits) } " / " (summary.rows) " 行 rows" }
    };
    let body = html! {
        (asked(job, summary, catalogue))
        (data(summary, catalogue))
        (file(job, summary))
        (verdicts(summary))
        (grades(summary))
        (lists(summary, catalogue))
    };
    let (receipt, case) = (summary.receipt.as_deref(), job.order.case.as_deref());
    paper::page(&Heading { title, id: &id, code }, &outcome, &body, receipt, case).into_string()
}

fn asked(job: &Job, summary: &Summary, catalogue: &Catalogue) -> Markup {
    let order = &job.order;
    let given = [
        ("客户端", "Client", Some(&job.client)),
        ("部门", "Department", order.department.as_ref()),
        ("经办人", "Operator", order.operator.as_ref()),
        ("事由", "Reason", order.reason.as_ref()),
    ];
    html! {
        dl {
            (paper::matter(catalogue, order.matter.as_deref()))
            @for (zh, en, value) in given {
                @if let Some(value) = value { dt { (zh) " " small { (en) } } dd { (value) } }
            }
            dt { "核查时点 " small { "At" } } dd { (summary.at) }
            @if let Some(ended) = job.ended { dt { "完成 " small { "Done" } } dd { (Instant(ended)) } }
        }
    }
}

fn data(summary: &Summary, catalogue: &Catalogue) -> Markup {
    html! {
        dl {
            (paper::edition(&summary.snapshot, summary.change, &summary.catalogue))
            @if !summary.stale.is_empty() {
                dt { "不可靠的名单 " small { "Stale lists" } }
                dd { @for list in &summary.stale { div { (list_of(list, catalogue)) } } }
            }
        }
    }
}

fn file(job: &Job, summary: &Summary) -> Markup {
    let rows = [
        ("行数", "Rows", summary.rows),
        ("无法读取", "Unreadable", summary.unreadable),
        ("无法核查", "Unaskable", summary.unaskable),
        ("另存的行", "Rejects", summary.rejects),
    ];
    html! {
        h2 { "文件 " small { "File" } }
        dl {
            dt { "大小 " small { "Size" } } dd { (job.input_bytes) " B" }
            dt { "SHA-256" } dd { code { (job.input_sha256) } }
            dt { "格式 " small { "Format" } } dd { (job.order.format) " → " (job.order.output_format) }
            @for (zh, en, count) in rows { dt { (zh) " " small { (en) } } dd { (count) } }
            dt { "按名称核查 " small { "By name" } }
            dd { @if job.order.names { "无号码的行 rows without a number" } @else { "否 no" } }
        }
    }
}

fn verdicts(summary: &Summary) -> Markup {
    let rows = Verdict::ALL
        .iter()
        .filter_map(|one| Some(row(&verdict(one.code()), *summary.verdicts.get(one.code())?)));
    counted("结论", "Verdict", rows)
}

fn grades(summary: &Summary) -> Markup {
    let rows = Grade::ALL.iter().filter_map(|one| {
        Some(row(&html! { (word(one.code())) }, *summary.grades.get(one.code())?))
    });
    counted("匹配", "Match", rows)
}

fn lists(summary: &Summary, catalogue: &Catalogue) -> Markup {
    let rows = summary.lists.iter().map(|(code, &count)| row(&list_of(code, catalogue), count));
    counted("名单", "List", rows)
}

/// A list by its name, if the catalogue still has it.
fn list_of(code: &str, catalogue: &Catalogue) -> Markup {
    let list = catalogue.list_no(code).map(|no| catalogue.list(no));
    html! { @if let Some(list) = list { (list.name) "　" } code { (code) } }
}

fn row(what: &Markup, count: u64) -> Markup {
    html! { tr { td { (what) } td { (count) } } }
}

/// Nothing where no row is counted.
fn counted(zh: &str, en: &str, rows: impl Iterator<Item = Markup>) -> Markup {
    let mut rows = rows.peekable();
    html! {
        @if rows.peek().is_some() {
            table {
                thead { tr { th { (zh) " " small { (en) } } th { "行数 " small { "Rows" } } } }
                tbody { @for row in rows { (row) } }
            }
        }
    }
}
