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
    const BRANCH: [&str; 8] =
        ["分公司", "支公司", "分行", "支行", "分店", "营业部", "办事处", "分厂"];
    const FORM: [&str; 5] = ["公司", "银行", "厂", "合作社", "事务所"];
    let body = BRANCH
        .iter()
        .find_map(|branch| folded.trim_end_matches(')').strip_suffix(branch))
        .unwrap_or("");
    body.char_indices().rev().filter_map(move |(at, c)| {
        let beginning = &body[..at + c.len_utf8()];
        FORM.iter().any(|form| beginning.ends_with(form)).then_some(beginning)
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
            ("苏州星河科技有限公司", &[]),
            ("张三", &[]),
            ("分公司", &[]),
        ];
        for (name, parents) in rows {
            assert_eq!(parent_of_branch(name).collect::<Vec<_>>(), *parents, "{name}");
        }
    }
}
