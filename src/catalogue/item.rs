//! The source of a punishing measure: an item of the national basic list, or a local document.

use super::MeasureClass::{self, A, B, C};
use std::fmt;

/// Where a punishing measure comes from. No other measure may be taken (国办发〔2020〕49号).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// An item of 全国失信惩戒措施基础清单, by its name.
    National(&'static str),
    /// A local supplementary list, by its document.
    Local(String),
}

/// 全国失信惩戒措施基础清单（2021年版）: 3 classes, 14 items (DOMAIN 4).
pub const NATIONAL: [(&str, MeasureClass); 14] = [
    ("限制市场或行业准入", A),
    ("限制任职", A),
    ("限制消费", A),
    ("限制出境", A),
    ("限制升学复学", A),
    ("限制申请财政性资金项目", B),
    ("限制参加评先评优", B),
    ("限制享受优惠政策和便利措施", B),
    ("纳入重点监管范围", B),
    ("推送政府部门自主参考", B),
    ("公示", B),
    ("推送市场主体自主参考", C),
    ("纳入市场化征信或评级报告", C),
    ("从严审慎授信", C),
];

impl Item {
    /// The item of a text: a name of [`NATIONAL`], or `local:` and a document. `None` otherwise.
    pub fn parse(text: &str) -> Option<Item> {
        match text.strip_prefix("local:") {
            Some(document) if document.trim().is_empty() => None,
            Some(document) => Some(Item::Local(document.trim().to_owned())),
            None => NATIONAL
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(name, _)| Item::National(name)),
        }
    }

    /// The class that the national list gives; a local list gives its own.
    pub fn class(&self) -> Option<MeasureClass> {
        match self {
            Item::National(item) => {
                NATIONAL.iter().find(|(name, _)| name == item).map(|(_, class)| *class)
            }
            Item::Local(_) => None,
        }
    }
}

impl fmt::Display for Item {
    /// As written in the catalogue.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::National(name) => f.write_str(name),
            Item::Local(document) => write!(f, "local:{document}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_national_or_names_its_document() {
        let rows = [
            ("限制任职", Some(Item::National("限制任职")), Some(A)),
            ("从严审慎授信", Some(Item::National("从严审慎授信")), Some(C)),
            (
                "local:苏府办〔2020〕232号",
                Some(Item::Local("苏府办〔2020〕232号".to_owned())),
                None,
            ),
            ("local: ", None, None),
            ("限制入学", None, None),
            ("", None, None),
        ];
        for (text, item, class) in rows {
            assert_eq!(Item::parse(text), item, "{text}");
            assert_eq!(item.as_ref().and_then(Item::class), class, "{text}");
            if let Some(item) = item {
                assert_eq!(item.to_string(), text);
            }
        }
    }
}
