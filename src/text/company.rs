//! Parts of a company's name.

/// A folded name without the legal form at its end.
pub fn without_legal_form(folded: &str) -> &str {
    const FORMS: [&str; 12] = [
        "股份有限责任公司",
        "有限责任公司",
        "股份有限公司",
        "集团有限公司",
        "股份公司",
        "有限公司",
        "普通合伙",
        "有限合伙",
        "合作社",
        "集团",
        "公司",
        "厂",
    ];
    let body = folded.trim_end_matches(')');
    FORMS
        .iter()
        .find_map(|form| body.strip_suffix(form))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(folded)
}

/// The name of the parent inside the folded name of a branch: what stands before the place of the
/// branch cannot be cut out without a table of places, so this answers every beginning that ends in
/// a legal form, longest first.
///
/// `苏州星河科技有限公司吴江分公司` → `苏州星河科技有限公司`. Empty when the name is no branch's.
pub fn parent_of_branch(folded: &str) -> impl Iterator<Item = &str> {
    const BRANCH: [&str; 15] = [
        "分公司",
        "支公司",
        "分行",
        "支行",
        "分店",
        "营业部",
        "办事处",
        "分厂",
        "营业厅",
        "门市部",
        "项目部",
        "代表处",
        "分理处",
        "分所",
        "工程处",
    ];
    // What is a body of its own behind anything but a company.
    const OF_COMPANY: [&str; 3] = ["经营部", "分校", "分院"];
    const FORM: [&str; 5] = ["公司", "银行", "厂", "合作社", "事务所"];
    let name = folded.trim_end_matches(')');
    let before = |words: &[&str]| words.iter().find_map(|word| name.strip_suffix(word));
    let (body, forms) = before(&BRANCH)
        .map(|body| (body, &FORM[..]))
        .or_else(|| before(&OF_COMPANY).map(|body| (body, &FORM[..1])))
        .unwrap_or_default();
    body.char_indices().rev().filter_map(move |(at, c)| {
        let beginning = &body[..at + c.len_utf8()];
        forms.iter().any(|form| beginning.ends_with(form)).then_some(beginning)
    })
}

#[cfg(test)]
mod tests {
    use super::parent_of_branch;

    #[test]
    fn branches_name_their_parents() {
        let rows: &[(&str, &[&str])] = &[
            ("苏州星河科技有限公司吴江分公司", &["苏州星河科技有限公司"]),
            ("苏州星河科技有限公司分公司", &["苏州星河科技有限公司"]),
            ("江苏银行股份有限公司苏州支行", &["江苏银行股份有限公司", "江苏银行"]),
            ("苏州星河集团有限公司常熟营业厅", &["苏州星河集团有限公司"]),
            ("苏州星河科技有限公司第一项目部", &["苏州星河科技有限公司"]),
            ("苏州星河律师事务所常熟分所", &["苏州星河律师事务所"]),
            ("苏州钢铁厂门市部", &["苏州钢铁厂"]),
            ("苏州星河科技有限公司吴江经营部", &["苏州星河科技有限公司"]),
            ("苏州钢铁厂经营部", &[]),
            ("苏州星河建材经营部", &[]),
            ("江苏银行星河学校分校", &[]),
            ("苏州星河科技有限公司", &[]),
            ("张三", &[]),
            ("分公司", &[]),
        ];
        for (name, parents) in rows {
            assert_eq!(parent_of_branch(name).collect::<Vec<_>>(), *parents, "{name}");
        }
    }
}
