//! The page.

use super::{Evidence, Party, Subject, list, text};
use crate::http::paper::{self, Heading, drawn, verdict, word, written};
use maud::{Markup, html};
use memchr::memmem;
use serde_json::Value;

pub(super) fn page(evidence: &Evidence) -> Markup {
    let (request, answer) = (&evidence.request, evidence.answer);
    let title = match evidence.is_section() {
        true => ["投标人信用核查记录", "Credit screening of bidders"],
        false => ["信用核查记录", "Credit check"],
    };
    let heading = Heading { title, id: text(&answer["check"]), code: told_by_code(evidence) };
    let verdict = html! { p { "结论 Verdict　" (verdict(text(&answer["verdict"]))) } };
    let body = html! {
        (asked(evidence))
        (data(&answer["data"]))
        h2 { @if evidence.is_section() { "投标人 " small { "Bidders" } } @else { "核查主体 " small { "Subjects" } } }
        @for party in evidence.parties() { (of_party(evidence, &party)) }
        @if evidence.is_section() { (relations(list(&answer["relations"]))) }
    };
    paper::page(&heading, &verdict, &body, answer["receipt"].as_str(), request["case"].as_str())
}

/// What is read from the paper: which check it was, and what it said.
fn told_by_code(evidence: &Evidence) -> String {
    let answer = evidence.answer;
    match answer["receipt"].as_str() {
        Some(receipt) => receipt.to_owned(),
        None => {
            let (check, verdict) = (text(&answer["check"]), text(&answer["verdict"]));
            let snapshot = text(&answer["data"]["snapshot"]);
            format!("xincha:check:{check}:{verdict}:{snapshot}:{}", answer["data"]["change"])
        }
    }
}

/// A page with another number of a receipt than that which it was made with, as if it were made with this:
/// drawn once at its head, and written once at its foot.
pub(super) fn renumbered(page: &[u8], from: &str, to: &str) -> Vec<u8> {
    let [drawn_from, drawn_to] = [from, to].map(|number| drawn(number).into_string());
    let [written_from, written_to] = [from, to].map(|number| written(number).into_string());
    let at_head = memmem::find(page, drawn_from.as_bytes());
    let at_foot = memmem::rfind(page, written_from.as_bytes());
    let (Some(head), Some(foot)) = (at_head, at_foot) else { return page.to_vec() };
    let after = head + drawn_from.len();
    if foot < after {
        return page.to_vec();
    }
    let rest = &page[foot + written_from.len()..];
    let parts =
        [&page[..head], drawn_to.as_bytes(), &page[after..foot], written_to.as_bytes(), rest];
    parts.concat()
}

fn asked(evidence: &Evidence) -> Markup {
    let (request, answer) = (&evidence.request, evidence.answer);
    let given = [
        ("标段", "Section", "section"),
        ("办件编号", "Case", "case"),
        ("部门", "Department", "department"),
        ("经办人", "Operator", "operator"),
    ];
    html! {
        dl {
            (paper::matter(evidence.catalogue, Some(text(&request["matter"]))))
            @for (zh, en, field) in given {
                @if let Some(value) = request[field].as_str() { dt { (zh) " " small { (en) } } dd { (value) } }
            }
            dt { "核查时点 " small { "At" } } dd { (text(&answer["at"])) }
        }
    }
}

fn data(data: &Value) -> Markup {
    html! {
        dl {
            (paper::edition(text(&data["snapshot"]), &data["change"], text(&data["catalogue"])))
            @if let Some(since) = data["behind"].as_str() { dt { "数据滞后 " small { "Behind" } } dd { (since) } }
            @if !list(&data["stale"]).is_empty() {
                dt { "不可靠的名单 " small { "Stale lists" } }
                dd { @for stale in list(&data["stale"]) {
                    div { code { (text(&stale["list"])) } "　" (word(text(&stale["reason"]))) "　" (word(text(&stale["effect"]))) } } }
            }
        }
    }
}

fn of_party(evidence: &Evidence, party: &Party) -> Markup {
    html! {
        article {
            p { strong { (party.reference) } "　" (verdict(party.verdict)) }
            @for subject in &party.subjects { (of_subject(evidence, subject)) }
        }
    }
}

fn of_subject(evidence: &Evidence, subject: &Subject) -> Markup {
    let decided = subject.decided;
    let hits = list(&decided["hits"]);
    html! {
        section.subject {
            p {
                @if let Some(role) = subject.role { (word(role)) "　" }
                (subject.shown_name(evidence.shown)) "　"
                @for id in subject.shown_identifiers(evidence.shown) { code { (id) } "　" }
                @if evidence.is_section() { (verdict(text(&decided["verdict"]))) }
            }
            @for flag in list(&decided["flags"]) { p { "※ " (word(text(flag))) } }
            @if hits.is_empty() {
                @if decided["verdict"] == "undetermined" {
                    p { "所查名单有缺或过旧，无法确定。Lists that must be consulted are missing or too old: it cannot be told." }
                } @else { p { "未列入所查名单。Not on the lists that were consulted." } }
            }
            @else {
                table {
                    thead { tr {
                        th { "名单 " small { "List" } } th { "匹配 " small { "Match" } } th { "记录 " small { "Entry" } }
                        th { "起止 " small { "Term" } }
                    } }
                    tbody { @for hit in hits { (of_hit(evidence, subject, hit)) } }
                }
            }
            (of_measures("措施", "Measures", list(&decided["measures"])))
            (of_measures("激励", "Incentives", list(&decided["incentives"])))
            @for conflict in list(&decided["conflicts"]) {
                p { "红黑名单冲突 Red and black: " code { (text(&conflict["red"]["list"])) } " × " code { (text(&conflict["black"]["list"])) } }
            }
        }
    }
}

fn of_hit(evidence: &Evidence, subject: &Subject, hit: &Value) -> Markup {
    let score = hit["likeness"]["score"].as_f64();
    html! {
        tr {
            td { (text(&hit["list"]["name"])) br; small { (word(text(&hit["list"]["kind"]))) } }
            td {
                (word(text(&hit["grade"])))
                @if let Some(score) = score { " " (format!("{:.0} %", score * 100.0)) }
                @if let Some(role) = hit["relation"]["role"].as_str() { br; (word(role)) " → " (subject.shown_of_hit(hit, &hit["relation"]["to"], evidence.shown)) }
                @for flag in list(&hit["flags"]) { br; "※ " (word(text(flag))) }
                @if hit["objection"] == true { br; "※ 异议处理中 under objection" }
            }
            td {
                (subject.shown_of_hit(hit, &hit["name"], evidence.shown))
                @for field in ["document", "authority", "reason"] {
                    @if let Some(value) = hit[field].as_str() { br; (value) }
                }
                br; code { (text(&hit["entry"])) }
            }
            td { (hit["from"].as_str().unwrap_or("…")) br; "→ " (hit["to"].as_str().unwrap_or("无期限 no end")) }
        }
    }
}

fn of_measures(zh: &str, en: &str, all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            table {
                thead { tr { th { (zh) " " small { (en) } } th { "依据 " small { "Legal basis" } } th { "名单 " small { "List" } } } }
                tbody { @for measure in all {
                    tr {
                        td { (text(&measure["name"])) br; small { (word(text(&measure["action"]))) } }
                        td { (text(&measure["basis"])) }
                        td { code { (text(&measure["list"])) } br; code { (text(&measure["entry"])) } }
                    }
                } }
            }
        }
    }
}

fn relations(all: &[Value]) -> Markup {
    html! {
        h2 { "投标人之间的关系 " small { "Relations among bidders" } }
        @if all.is_empty() { p { "未发现。None found." } }
        @else {
            table {
                thead { tr {
                    th { "投标人 " small { "Bidders" } } th { "关系 " small { "Relation" } }
                    th { "依据程度 " small { "Certainty" } } th { "条款 " small { "Article" } }
                } }
                tbody { @for relation in all {
                    tr {
                        td { @for (at, bidder) in list(&relation["bidders"]).iter().enumerate() { @if at > 0 { " × " } (text(bidder)) } }
                        td { (word(text(&relation["kind"]))) }
                        td { (word(text(&relation["certainty"]))) }
                        td { (text(&relation["article"])) }
                    }
                } }
            }
        }
    }
}
