//! The catalogue that ships under `config/catalogue/`, held to what it promises.

use super::{Action, Catalogue, ListNo, MatterNo};
use crate::record::ListKind;

fn shipped() -> Catalogue {
    Catalogue::parse(&[
        ("lists.toml", include_str!("../../config/catalogue/lists.toml")),
        ("measures.toml", include_str!("../../config/catalogue/measures.toml")),
        ("matters.toml", include_str!("../../config/catalogue/matters.toml")),
    ])
    .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_shipped_catalogue_is_sound() {
    let catalogue = shipped();
    assert_eq!(catalogue.lists().len(), 26);
    assert!(catalogue.measures().len() >= 25, "{}", catalogue.measures().len());
    assert!(catalogue.matters().len() >= 28, "{}", catalogue.matters().len());
    for (kind, count) in [
        (ListKind::Black, 14),
        (ListKind::Ban, 3),
        (ListKind::Focus, 3),
        (ListKind::Red, 5),
        (ListKind::Record, 1),
    ] {
        assert_eq!(
            catalogue.lists().iter().filter(|list| list.kind == kind).count(),
            count,
            "{}",
            kind.code()
        );
    }
}

/// A record list is consulted to be shown; from every other list something follows.
#[test]
fn something_follows_from_every_consulted_list() {
    let catalogue = shipped();
    for (number, matter) in catalogue.matters().iter().enumerate() {
        for list in &matter.consults {
            let follows = !catalogue.measures_of(MatterNo(number as u16), *list).is_empty();
            let list = catalogue.list(*list);
            assert_eq!(follows, list.kind != ListKind::Record, "{} {}", matter.name, list.name);
        }
    }
}

#[test]
fn bidders_on_the_three_lists_of_procurement_are_excluded() {
    let catalogue = shipped();
    let matter = catalogue.matter_no("11320500000000019Y3000123456001").unwrap();
    assert_eq!(catalogue.matter(matter).name, "政府采购投标");
    for list in ["sxbzxr", "zdsssx", "zfcg_yzwf"] {
        let list = catalogue.list_no(list).unwrap();
        let strongest = catalogue.measure(catalogue.measures_of(matter, list)[0]);
        assert_eq!(strongest.action, Action::Prohibit);
        assert!(strongest.basis.contains("财库〔2016〕125号"), "{}", strongest.code);
    }
}

#[test]
fn honours_consult_every_black_and_every_red_list() {
    let catalogue = shipped();
    let matter = catalogue.matter_no("其他-02491-006").unwrap();
    for (number, list) in catalogue.lists().iter().enumerate() {
        if list.kind.is_black() || list.kind == ListKind::Red {
            assert!(catalogue.consults(matter, ListNo(number as u16)), "{}", list.name);
        }
    }
}

#[test]
fn no_list_but_a_record_is_without_a_measure() {
    let catalogue = shipped();
    for (number, list) in catalogue.lists().iter().enumerate() {
        let used = catalogue
            .measures()
            .iter()
            .any(|measure| measure.lists.contains(&ListNo(number as u16)));
        assert_eq!(used, list.kind != ListKind::Record, "{}", list.name);
    }
}
