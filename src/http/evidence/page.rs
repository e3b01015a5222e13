//! The page.

use super::{Evidence, Party, Subject, list, text};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use memchr::memmem;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde_json::Value;

/// What a browser may do with the page: show it.
pub(super) const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Pixels of a module of the code, as drawn; it is scaled to its place.
const MODULE: u32 = 3;

const STYLE: &str = r#"
@page { size: A4; margin: 18mm 15mm 16mm;
  @bottom-center { content: counter(page) " / " counter(pages); font-size: 8pt; color: #555; } }
* { box-sizing: border-box; }
html { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
body { font: 10pt/1.5 "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC",
  "WenQuanYi Zen Hei", sans-serif; color: #111; margin: 0 auto; max-width: 180mm; padding: 0 .4mm; overflow-wrap: anywhere; }
@media screen { body { margin: 12mm auto; } }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 8mm;
  border-bottom: 1.5pt solid #111; padding-bottom: 3mm; }
h1 { font-size: 17pt; margin: 0; } h1 small, h2 small, th small, dt small { font-weight: normal; color: #555; }
h2 { font-size: 12pt; margin: 6mm 0 2mm; break-after: avoid; }
header svg { width: 26mm; height: 26mm; flex: none; }
.verdict { display: inline-block; padding: .3mm 2.5mm; border: .8pt solid currentColor; border-radius: 1mm; font-weight: bold; }
.prohibit { color: #a00; background: #fde8e8; } .restrict { color: #a33c00; background: #fdeede; }
.undetermined { color: #555; background: #eee; } .review { color: #7a5b00; background: #fdf6d8; }
.remind { color: #124e8c; background: #e6f0fb; } .clear { color: #14632b; background: #e6f5ea; }
dl { display: grid; grid-template-columns: 38mm 1fr; margin: 3mm 0; row-gap: .6mm; }
dt { color: #333; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; margin: 1.5mm 0; }
th, td { border: .5pt solid #999; padding: .8mm 1.5mm; text-align: left; vertical-align: top; }
thead { display: table-header-group; } th { background: #f2f2f2; }
tr { break-inside: avoid; }
article { border-left: 2pt solid #bbb; padding: 0 0 0 3mm; margin: 4mm 0; }
section.subject { margin: 2mm 0 3mm; } .subject > p, article > p { margin: 1mm 0; break-after: avoid; }
code { font-family: "DejaVu Sans Mono", Consolas, monospace; font-size: 8.5pt; }
footer { margin-top: 6mm; border-top: .8pt solid #111; padding-top: 2mm; font-size: 8.5pt; color: #333; break-inside: avoid; }
footer p { margin: .8mm 0; }
"#;

pub(super) fn page(evidence: &Evidence) -> Markup {
    let (request, answer) = (&evidence.request, evidence.answer);
    let title = match evidence.is_section() {
        true => ["投标人信用核查记录", "Credit screening of bidders"],
        false => ["信用核查记录", "Credit check"],
    };
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title[0]) " " (text(&answer["check"])) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    div {
                        h1 { (title[0]) " " small { (title[1]) } }
                        p { "结论 Verdict　" (verdict(text(&answer["verdict"]))) }
                        p { "核查编号 Check　" code { (text(&answer["check"])) } }
                    }
                    (code_of(evidence))
                }
                (asked(evidence))
                (data(&answer["data"]))
                h2 { @if evidence.is_section() { "投标人 " small { "Bidders" } } @else { "核查主体 " small { "Subjects" } } }
                @for party in evidence.parties() { (of_party(evidence, &party)) }
                @if evidence.is_section() { (relations(list(&answer["relations"]))) }
                footer {
                    p { "名称相同或相近仅为疑似，须人工核实，不据以采取措施。号码一致方为确认。"
                        "A name that is equal or similar is a suspicion for a person to confirm; no measure follows from it." }
                    p { "结论以核查时点为准；名单更新、信用修复、异议后应重新核查。"
                        "This was so at the instant of the check: check again after an update, a repair or an objection." }
                    p { "回执 Receipt　" @match answer["receipt"].as_str() {
                        Some(receipt) => (written(receipt)),
                        None => "无 none" } }
                    p { "xincha " (env!("CARGO_PKG_VERSION")) @if let Some(case) = request["case"].as_str() { "　办件 Case " (case) } }
                }
            }
        }
    }
}

/// What is read from the paper: which check it was, and what it said.
fn code_of(evidence: &Evidence) -> Markup {
    let answer = evidence.answer;
    let told = match answer["receipt"].as_str() {
        Some(receipt) => receipt.to_owned(),
        None => {
            let (check, verdict) = (text(&answer["check"]), text(&answer["verdict"]));
            let snapshot = text(&answer["data"]["snapshot"]);
            format!("xincha:check:{check}:{verdict}:{snapshot}:{}", answer["data"]["change"])
        }
    };
    drawn(&told)
}

/// A text as a code. So few characters always fit.
fn drawn(text: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return html! {} };
    let drawn = code.render::<svg::Color>().module_dimensions(MODULE, MODULE).build();
    let drawn = drawn.split_once("<svg").map_or(String::new(), |(_, svg)| format!("<svg{svg}"));
    html! { (PreEscaped(drawn)) }
}

/// The number of a receipt at the foot of the page.
fn written(receipt: &str) -> Markup {
    html! { code { (receipt) } }
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
    let code = text(&request["matter"]);
    let matter = evidence.catalogue.matter_no(code).map(|no| evidence.catalogue.matter(no));
    let given = [
        ("标段", "Section", "section"),
        ("办件编号", "Case", "case"),
        ("部门", "Department", "department"),
        ("经办人", "Operator", "operator"),
    ];
    html! {
        dl {
            dt { "事项 " small { "Matter" } }
            dd { @if let Some(matter) = matter { (matter.name) "　" (matter.department) br; } code { (code) } }
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
            dt { "数据版本 " small { "Snapshot" } } dd { code { (text(&data["snapshot"])) } "　变更 change " (data["change"]) }
            dt { "目录版本 " small { "Catalogue" } } dd { code { (text(&data["catalogue"])) } }
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

fn verdict(code: &str) -> Markup {
    html! { span class={ "verdict " (code) } { (word(code)) } }
}

/// A word of the API as people read it; one that is not known as it is.
fn word(code: &str) -> &str {
    WORDS.iter().find(|(known, _)| *known == code).map_or(code, |(_, told)| told)
}

/// Every word of an answer that a page shows.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("clear", "无记录 clear"),
    ("remind", "提示 remind"),
    ("review", "需人工审查 review"),
    ("restrict", "限制 restrict"),
    ("undetermined", "无法确定 undetermined"),
    ("prohibit", "禁止 prohibit"),
    ("warn", "提醒 warn"),
    ("incentive", "激励 incentive"),
    ("black", "黑名单 black"),
    ("ban", "禁入名单 ban"),
    ("focus", "重点关注 focus"),
    ("red", "红名单 red"),
    ("record", "记录 record"),
    ("identifier", "号码一致 identifier"),
    ("masked_identifier", "脱敏号码相符 masked identifier"),
    ("name", "名称相同 name"),
    ("similar_name", "名称相近 similar name"),
    ("bidder", "投标人 bidder"),
    ("member", "联合体成员 member"),
    ("applicant", "申请人 applicant"),
    ("legal_representative", "法定代表人 legal representative"),
    ("person_in_charge", "负责人 person in charge"),
    ("controller", "控制人 controller"),
    ("parent", "上级机构 parent"),
    ("branch", "分支机构 branch"),
    ("same_body", "同一主体 same body"),
    ("same_manager", "负责人为同一人 same manager"),
    ("control", "控股或管理关系 control"),
    ("same_controller", "同一控制人 same controller"),
    ("same_person", "涉及同一人 same person"),
    ("same_phone", "电话相同 same phone"),
    ("same_email", "电子邮箱相同 same email"),
    ("same_address", "地址相同 same address"),
    ("established", "号码证实 established"),
    ("suspected", "疑似 suspected"),
    ("unavailable", "未提供 unavailable"),
    ("too_old", "过旧 too old"),
    ("behind", "滞后 behind"),
    ("check_digit", "号码校验位不符 check digit fails"),
    ("region", "号码的区划代码不存在 region unknown"),
    ("birth_date", "号码的出生日期不存在 no such birth date"),
    (
        "identifier_conflict",
        "另有同名记录，号码不同，未计 a namesake with another number was left out",
    ),
    ("name_only", "仅按名称查询 asked by name only"),
    ("number_only", "仅按号码查询 asked by number only"),
    ("derived", "号码换算后一致 by a derived number"),
    ("name_differs", "号码一致，名称不同 the name differs"),
    ("name_variant", "名称写法不同 variant of the name"),
    ("former_name", "曾用名 former name"),
    ("name_taken_over", "名称已为他人使用 name taken over"),
    ("extended", "期限已延长 extended"),
];

#[cfg(test)]
mod tests {
    use super::{WORDS, word};
    use crate::catalogue::Action;
    use crate::record::{ListKind, Role};
    use crate::screen::{Grade, Verdict};
    use crate::tender::{Certainty, RelationKind};

    #[test]
    fn every_word_is_told_once_and_in_chinese() {
        let mut codes: Vec<&str> = Vec::new();
        codes.extend(Verdict::ALL.iter().map(|word| word.code()));
        codes.extend(Grade::ALL.iter().map(|word| word.code()));
        codes.extend(ListKind::ALL.iter().map(|word| word.code()));
        codes.extend(Action::ALL.iter().map(|word| word.code()));
        codes.extend(Role::ALL.iter().map(|word| word.code()));
        codes.extend(RelationKind::ALL.iter().map(|word| word.code()));
        codes.extend([Certainty::Suspected, Certainty::Established].map(Certainty::code));
        for code in codes {
            assert!(word(code).chars().any(|c| c > '\u{2e80}'), "{code}");
        }
        let mut known: Vec<&str> = WORDS.iter().map(|(code, _)| *code).collect();
        known.sort_unstable();
        assert!(known.windows(2).all(|pair| pair[0] != pair[1]), "{known:?}");
    }
}
