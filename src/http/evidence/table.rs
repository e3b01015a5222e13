//! The same as rows: one for each subject and entry that it meets, one for a subject that meets none.

use super::{Evidence, Party, Subject, list, text};
use crate::output::Table;
use serde_json::Value;
use std::io;

/// Headings, in Chinese and English.
const HEADINGS: [&str; 20] = [
    "编号 ref",
    "结论 verdict",
    "身份 role",
    "名称 name",
    "证件号码 identifiers",
    "主体结论 subject verdict",
    "标记 flags",
    "名单 list",
    "名单名称 list name",
    "类别 kind",
    "匹配 grade",
    "相似度 score",
    "记录 entry",
    "列入名称 listed name",
    "文号 document",
    "机关 authority",
    "事由 reason",
    "起 from",
    "止 to",
    "措施与依据 measures",
];
/// One more where bidders are compared.
const RELATIONS: &str = "投标人关系 relations";

pub(super) fn write(evidence: &Evidence, table: &mut Table) -> io::Result<()> {
    let relations = evidence.is_section().then_some(RELATIONS);
    table.head(HEADINGS.into_iter().chain(relations))?;
    for party in evidence.parties() {
        let relations = relations.map(|_| related(&evidence.answer["relations"], party.reference));
        for subject in &party.subjects {
            let hits = list(&subject.decided["hits"]);
            for hit in hits {
                row(evidence, &party, subject, hit, &relations, table)?;
            }
            if hits.is_empty() {
                row(evidence, &party, subject, &Value::Null, &relations, table)?;
            }
        }
    }
    Ok(())
}

fn row(
    evidence: &Evidence,
    party: &Party,
    subject: &Subject,
    hit: &Value,
    relations: &Option<String>,
    table: &mut Table,
) -> io::Result<()> {
    let decided = subject.decided;
    let text = |value: &Value| text(value).to_owned();
    let joined = |values: &Value| {
        let values = values.as_array().into_iter().flatten();
        values.map(text).collect::<Vec<_>>().join("; ")
    };
    let follows =
        ["measures", "incentives"].into_iter().flat_map(|field| decided[field].as_array());
    let of_hit =
        follows.flatten().filter(|measure| measure["entry"] == hit["entry"] && !hit.is_null());
    let measures: Vec<String> = of_hit
        .map(|measure| format!("{}（{}）", text(&measure["name"]), text(&measure["basis"])))
        .collect();
    let flags = [joined(&decided["flags"]), joined(&hit["flags"])];
    let cells = [
        party.reference.to_owned(),
        party.verdict.to_owned(),
        subject.role.unwrap_or_default().to_owned(),
        subject.shown_name(evidence.shown),
        subject.shown_identifiers(evidence.shown).join("; "),
        decided["verdict"].as_str().unwrap_or(party.verdict).to_owned(),
        flags.into_iter().filter(|flags| !flags.is_empty()).collect::<Vec<_>>().join("; "),
        text(&hit["list"]["code"]),
        text(&hit["list"]["name"]),
        text(&hit["list"]["kind"]),
        text(&hit["grade"]),
        hit["likeness"]["score"].as_f64().map_or(String::new(), |score| score.to_string()),
        text(&hit["entry"]),
        subject.shown_of_hit(hit, &hit["name"], evidence.shown),
        text(&hit["document"]),
        text(&hit["authority"]),
        text(&hit["reason"]),
        text(&hit["from"]),
        text(&hit["to"]),
        measures.join("; "),
    ];
    let all = cells.iter().chain(relations).map(String::as_str);
    table.row(all, !hit.is_null())
}

/// `2: same_controller (established)`
fn related(relations: &Value, reference: &str) -> String {
    let its = relations.as_array().into_iter().flatten().filter_map(|relation| {
        let bidders = relation["bidders"].as_array()?;
        let is_its = |bidder: &&Value| bidder.as_str() == Some(reference);
        bidders.iter().find(is_its)?;
        let other = bidders.iter().find(|bidder| !is_its(bidder))?.as_str()?;
        Some(format!(
            "{other}: {} ({})",
            relation["kind"].as_str()?,
            relation["certainty"].as_str()?
        ))
    });
    its.collect::<Vec<_>>().join("; ")
}
