//! Pages to print and file: how they look, and the words of the API as people read them. They need no script and
//! nothing from elsewhere, and print on A4.

use crate::catalogue::Catalogue;
use axum::body::Body;
use axum::response::Response;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use std::fmt::Display;

/// What a browser may do with the page: show it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

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

/// What stands at the head of a page.
pub(super) struct Heading<'a> {
    /// In Chinese and English.
    pub title: [&'a str; 2],
    /// The number of what it tells of.
    pub id: &'a str,
    /// What is read from the paper by a machine.
    pub code: String,
}

/// A page: what came out, then all of it, at the foot the receipt and the case.
pub(super) fn page(
    heading: &Heading,
    outcome: &Markup,
    body: &Markup,
    receipt: Option<&str>,
    case: Option<&str>,
) -> Markup {
    let Heading { title, id, code } = heading;
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title[0]) " " (id) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    div {
                        h1 { (title[0]) " " small { (title[1]) } }
                        (outcome)
                        p { "核查编号 Check　" code { (id) } }
                    }
                    (drawn(code))
                }
                (body)
                footer {
                    p { "名称相同或相近仅为疑似，须人工核实，不据以采取措施。号码一致方为确认。"
                        "A name that is equal or similar is a suspicion for a person to confirm; no measure follows from it." }
                    p { "结论以核查时点为准；名单更新、信用修复、异议后应重新核查。"
                        "This was so at the instant of the check: check again after an update, a repair or an objection." }
                    p { "回执 Receipt　" @match receipt {
                        Some(receipt) => (written(receipt)),
                        None => "无 none" } }
                    p { "xincha " (env!("CARGO_PKG_VERSION")) @if let Some(case) = case { "　办件 Case " (case) } }
                }
            }
        }
    }
}

/// For what it was asked, in a list of terms: a matter by its name, if the catalogue has it; all lists where there
/// is none.
pub(super) fn matter(catalogue: &Catalogue, code: Option<&str>) -> Markup {
    let known = code.and_then(|code| catalogue.matter_no(code)).map(|no| catalogue.matter(no));
    html! {
        dt { "事项 " small { "Matter" } }
        dd {
            @if let Some(matter) = known { (matter.name) "　" (matter.department) br; }
            @match code { Some(code) => code { (code) }, None => "所有名单 all lists" }
        }
    }
}

/// On which data it was decided, in a list of terms.
pub(super) fn edition(snapshot: &str, change: impl Display, catalogue: &str) -> Markup {
    html! {
        dt { "数据版本 " small { "Snapshot" } } dd { code { (snapshot) } "　变更 change " (change) }
        dt { "目录版本 " small { "Catalogue" } } dd { code { (catalogue) } }
    }
}

/// The answer that a page is.
pub(super) fn sent(page: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(page));
    let heads = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    let headers = response.headers_mut();
    for (name, value) in heads {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text as a QR code. So few characters always fit.
pub(super) fn drawn(text: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return html! {} };
    let drawn = code.render::<svg::Color>().module_dimensions(MODULE, MODULE).build();
    let drawn = drawn.split_once("<svg").map_or(String::new(), |(_, svg)| format!("<svg{svg}"));
    html! { (PreEscaped(drawn)) }
}

/// The number of a receipt at the foot of the page.
pub(super) fn written(receipt: &str) -> Markup {
    html! { code { (receipt) } }
}

/// A verdict, in its colour.
pub(super) fn verdict(code: &str) -> Markup {
    html! { span class={ "verdict " (code) } { (word(code)) } }
}

/// A word of the API as people read it; one that is not known as it is.
pub(super) fn word(code: &str) -> &str {
    WORDS.iter().find(|(known, _)| *known == code).map_or(code, |(_, told)| told)
}

/// Every word of the API that a page shows.
const WORDS: &[(&str, &str)] = &[
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
