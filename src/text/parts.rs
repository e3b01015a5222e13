//! The parts of a company's name: where it is, the core that names it, its legal form.
//!
//! ```text
//! 苏州市吴江区 星河科技 有限公司        places · core · form
//! 星河科技 （苏州） 有限公司            the same places, core, form
//! 苏州星河科技有限公司 吴江分公司       the form inside goes, what names the branch stays in the core
//! ```

use super::place::{self, Place};
use smallvec::SmallVec;
use std::ops::Range;

/// What a company is by law, as far as its name says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// 股份有限公司.
    Shares,
    /// 有限公司, 有限责任公司.
    Limited,
    /// 公司.
    Company,
}

/// Words for legal forms, the longer ones first.
pub(super) const FORMS: [(&[char], Form); 3] = [
    (&['股', '份', '有', '限', '公', '司'], Form::Shares),
    (&['有', '限', '公', '司'], Form::Limited),
    (&['公', '司'], Form::Company),
];

/// Words for limited companies at the end of names in Latin letters, as K2 keys have them, the longer ones
/// first.
pub(super) const LATIN_FORMS: [&[char]; 7] = [
    &['C', 'O', 'L', 'T', 'D'],
    &['G', 'M', 'B', 'H'],
    &['C', 'O', 'R', 'P'],
    &['L', 'T', 'D'],
    &['L', 'L', 'C'],
    &['I', 'N', 'C'],
    &['P', 'L', 'C'],
];

/// Brackets that hold these say what partners are liable for, or count a listing's names.
const REMARKS: [&[char]; 5] = [
    &['普', '通', '合', '伙'],
    &['有', '限', '合', '伙'],
    &['特', '殊', '普', '通', '合', '伙'],
    &['个', '体', '工', '商', '户'],
    &['个', '人', '独', '资'],
];

/// What words for branches end with, but for 分公司: 支行, 分店, 二厂, 营业部, 办事处, 施工队.
pub(super) const BRANCH_ENDS: [char; 6] = ['行', '店', '厂', '部', '处', '队'];

/// What makes a group of a company's name.
pub(super) const GROUP: [char; 2] = ['集', '团'];

/// Characters that a core keeps at least: 上海 alone is a name, not a place.
pub(super) const CORE_MIN: usize = 2;
/// The same of a core in Latin letters, which tell less.
pub(super) const LATIN_CORE_MIN: usize = 4;

/// See the [module](self). Reused from name to name.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The places, in the order in which they are written.
    pub places: SmallVec<[Place; 2]>,
    /// Where those at the beginning end, each, and where its zone begins.
    pub ends: SmallVec<[usize; 4]>,
    /// What is left: trade name, industry, whatever names a branch.
    pub core: Vec<char>,
    /// What may be one more place at the beginning of the core, by the short name of a county: 金山 of
    /// 上海金山贸易.
    pub doubtful: Option<Place>,
    /// The legal form at the end.
    pub form: Option<Form>,
    /// There was a legal form inside: a branch's name after its parent's.
    pub is_branch: bool,
}

impl Parts {
    /// Take a K2 key apart. Cost: about 1 µs.
    pub fn of(&mut self, key: &str) {
        self.clear();
        self.core.extend(key.chars());
        self.take_brackets();
        self.take_form();
        self.take_places();
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.ends.clear();
        self.core.clear();
        (self.doubtful, self.form, self.is_branch) = (None, None, false);
    }

    /// A key without the brackets, and without the places and remarks in them.
    pub(super) fn unbracketed(key: &str) -> Vec<char> {
        let mut parts = Parts { core: key.chars().collect(), ..Parts::default() };
        parts.take_brackets();
        parts.core
    }

    /// Brackets go; what is in them stays unless it is a place or a remark.
    fn take_brackets(&mut self) {
        let mut from = 0;
        while let Some(open) = self.core[from..].iter().position(|&c| c == '(') {
            let open = from + open;
            from = open + 1;
            let Some(length) = self.core[from..].iter().position(|&c| c == ')') else { break };
            let inner = &self.core[from..from + length];
            let places = if open > 0 { place::named(inner) } else { SmallVec::new() };
            if !places.is_empty() || REMARKS.contains(&inner) {
                self.places.extend(places);
                self.core.drain(open..=from + length);
                from = open;
            }
        }
        self.core.retain(|c| !matches!(c, '(' | ')'));
    }

    /// The form at the end, and those inside.
    fn take_form(&mut self) {
        if let Some(core) = without_latin_form(&self.core) {
            self.core.truncate(core.len());
            self.form = Some(Form::Limited);
            return;
        }
        let may_end = self.core.last() == Some(&'司');
        for (word, form) in FORMS.into_iter().filter(|_| may_end) {
            if self.core.ends_with(word) && self.core.len() >= word.len() + CORE_MIN {
                self.core.truncate(self.core.len() - word.len());
                self.form = Some(form);
                break;
            }
        }
        for (word, _) in &FORMS[..2] {
            while let Some(at) = find(&self.core, word).filter(|&at| at >= CORE_MIN) {
                self.core.drain(at..at + word.len());
                self.is_branch = true;
            }
        }
    }

    /// The places at the beginning, as long as each agrees with those before it; one in brackets may be
    /// another: 上海星河（苏州）.
    fn take_places(&mut self) {
        let (mut at, bracketed) = (0, self.places.len());
        // 开发区星河（烟台）: the zone is one of the place in brackets.
        if bracketed > 0
            && let Some((zone, _)) = place::zone_at_start(&self.core)
            && self.core.len() >= zone + CORE_MIN
        {
            at = zone;
            self.ends.push(at);
        }
        while let Some((place, range)) = self.next_place(at, bracketed) {
            if !place.whole && place.is_county() {
                self.doubtful = Some(Place { length: range.end - at, ..place });
                break;
            }
            at = range.end;
            if place.zone > 0 {
                self.ends.push(at - place.zone);
            }
            self.ends.push(at);
            self.places.push(place);
        }
        self.core.drain(..at);
    }

    fn next_place(&self, at: usize, bracketed: usize) -> Option<(Place, Range<usize>)> {
        place::at_start(&self.core[at..]).find_map(|mut place| {
            let mut end = at + place.length;
            // 广西省, 内蒙古省: written so, whatever they are.
            if !place.whole
                && matches!(self.core.get(end), Some('省' | '市' | '县' | '区'))
                && self.core.len() >= end + 1 + CORE_MIN
            {
                end += 1;
            }
            self.places[bracketed..].iter().for_each(|before| place.keep_within(before));
            let agrees = !place.codes.is_empty();
            (agrees && self.core.len() >= end + CORE_MIN).then_some((place, at..end))
        })
    }

    /// The core without its doubtful beginning, where there is one.
    pub fn narrow_core(&self) -> Option<&[char]> {
        self.doubtful.as_ref().and_then(|place| self.core.get(place.length..))
    }
}

/// A text without the form in Latin letters that it ends with.
pub(super) fn without_latin_form(text: &[char]) -> Option<&[char]> {
    text.last().filter(|c| c.is_ascii_uppercase())?;
    let core = LATIN_FORMS.iter().find_map(|form| text.strip_suffix(*form))?;
    (core.len() >= LATIN_CORE_MIN).then_some(core)
}

/// Where a word stands. Most characters are not its first.
pub(super) fn find(text: &[char], word: &[char]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|c| Some(c) == word.first()) {
        if text[from + at..].starts_with(word) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(name: &str) -> (Vec<u32>, String, Option<Form>) {
        let (mut folded, mut key, mut parts) = (String::new(), String::new(), Parts::default());
        crate::text::fold(name, &mut folded);
        crate::text::unify(&folded, &mut key);
        parts.of(&key);
        let places = parts.places.iter().map(|place| place.codes[0]).collect();
        (places, parts.core.iter().collect(), parts.form)
    }

    #[test]
    fn names_are_taken_apart_without_a_space() {
        let limited = Some(Form::Limited);
        let rows: &[(&str, &[u32], &str, Option<Form>)] = &[
            ("Acme Trading (Suzhou) Co., Ltd.", &[], "ACMETRADINGSUZHOU", limited),
            ("Zinc", &[], "ZINC", None),
            ("苏州星河科技有限公司", &[320_500], "星河科技", limited),
            ("苏州市星河科技有限责任公司", &[320_500], "星河科技", limited),
            (
                "江苏省苏州市吴江区星河科技有限公司",
                &[320_000, 320_500, 320_509],
                "星河科技",
                limited,
            ),
            ("星河科技（苏州）有限公司", &[320_500], "星河科技", limited),
            ("苏州星河科技（集团）有限公司", &[320_500], "星河科技集团", limited),
            ("苏州星河科技有限公司吴江分公司", &[320_500], "星河科技吴江分", Some(Form::Company)),
            ("黄山市黟县轴承配件厂（普通合伙）", &[341_000, 341_023], "轴承配件厂", None),
            ("上海星河科技（苏州）有限公司", &[320_500, 310_000], "星河科技", limited),
            ("广西省南宁市星河贸易有限公司", &[450_000, 450_100], "星河贸易", limited),
            ("石家庄河北金格尔工贸有限公司", &[130_100, 130_000], "金格尔工贸", limited),
            ("上海金山贸易有限公司", &[310_000], "金山贸易", limited),
            ("星河科技（江苏苏州吴江）有限公司", &[320_000, 320_500, 320_509], "星河科技", limited),
            ("星河科技（苏州杭州）有限公司", &[], "星河科技苏州杭州", limited),
            ("苏州工业园区星河科技有限公司", &[320_573], "星河科技", limited),
            ("苏州工业园区", &[320_500], "工业园区", None),
            ("开发区星河工贸（烟台）有限公司", &[370_600], "星河工贸", limited),
            ("星河", &[], "星河", None),
            ("上海", &[], "上海", None),
            ("有限公司", &[], "有限", Some(Form::Company)),
            ("", &[], "", None),
            ("(((", &[], "", None),
            ("苏州)星河(科技", &[320_500], "星河科技", None),
        ];
        for (name, places, core, form) in rows {
            assert_eq!(parts(name), (places.to_vec(), (*core).to_owned(), *form), "{name}");
        }
    }

    #[test]
    fn a_county_by_its_short_name_may_be_a_trade_name() {
        let mut parts = Parts::default();
        parts.of("上海金山贸易有限公司");
        let narrow: String = parts.narrow_core().unwrap().iter().collect();
        let doubtful = parts.doubtful.as_ref().unwrap();
        assert_eq!((doubtful.length, &doubtful.codes[..], &*narrow), (2, &[310_116][..], "贸易"));
        parts.of("上海荣隆贸易有限公司");
        assert_eq!(parts.narrow_core(), None);
    }
}
