//! A listing as the cells of its row: the place of every trap that is one of writing.

use super::city::Listing;
use super::draw::{Draw, Topic};
use super::feed::Layout;
use super::trap::Trap;
use crate::record::{Day, Identifier, IdentifierKind, Related, State, SubjectKind};
use std::borrow::Cow;
use std::fmt::Write as _;

/// One cell. Text formats write days and serials as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
    /// A real day, of a typed column or an Excel cell with a format.
    Day(Day),
    /// A day as a bare number: days since 1899-12-30.
    Serial(i32),
}

impl Cell<'_> {
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Cell::Text(text) => Cow::Borrowed(text),
            Cell::Day(day) => Cow::Owned(day.to_string()),
            Cell::Serial(serial) => Cow::Owned(serial.to_string()),
        }
    }
}

/// Which cells of a format are days instead of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// None.
    No,
    /// Some of them, row by row: Excel.
    Mixed,
    /// The columns of [`typed_column`]: Parquet.
    Column,
}

/// The column of a layout that Parquet holds as a date.
pub(super) fn typed_column(layout: Layout) -> Option<&'static str> {
    (layout == Layout::Licence).then_some("XK_JDRQ")
}

/// Column headings of a layout.
pub(super) fn headings(layout: Layout) -> &'static [&'static str] {
    match layout {
        Layout::Penalty => &[
            "CF_XDR_MC",
            "CF_XDR_LB",
            "CF_XDR_SHXYM",
            "CF_XDR_GSZC",
            "CF_XDR_ZZJG",
            "CF_XDR_SWDJ",
            "CF_XDR_SYDW",
            "CF_XDR_SHZZ",
            "CF_FRDB",
            "CF_FR_ZJLX",
            "CF_FR_ZJHM",
            "CF_XDR_ZJLX",
            "CF_XDR_ZJHM",
            "CF_WSH",
            "CF_WFXW",
            "CF_SY",
            "CF_YJ",
            "CF_CFLB",
            "CF_NR",
            "CF_NR_FK",
            "CF_JDRQ",
            "CF_YXQ",
            "CF_GSJZQ",
            "CF_CFJG",
            "CF_CFJGDM",
            "CF_SJLY",
            "CF_SJLYDM",
            "BZ",
        ],
        Layout::PenaltyOld => &[
            "CF_WSH",
            "CF_CFMC",
            "CF_CFLB1",
            "CF_SY",
            "CF_YJ",
            "CF_XDR_MC",
            "CF_XDR_SHXYM",
            "CF_XDR_ZDM",
            "CF_XDR_GSDJ",
            "CF_XDR_SWDJ",
            "CF_XDR_SFZ",
            "CF_FR",
            "CF_JG",
            "CF_JDRQ",
            "CF_XZJG",
            "CF_ZT",
            "DFBM",
            "SJC",
            "BZ",
            "CF_GSJZQ",
        ],
        Layout::Licence => &[
            "XK_XDR_MC",
            "XK_XDR_LB",
            "XK_XDR_SHXYM",
            "XK_XDR_GSZC",
            "XK_XDR_ZZJG",
            "XK_XDR_SWDJ",
            "XK_FRDB",
            "XK_FR_ZJLX",
            "XK_FR_ZJHM",
            "XK_XDR_ZJLX",
            "XK_XDR_ZJHM",
            "XK_XKWS",
            "XK_WSH",
            "XK_XKLB",
            "XK_XKZS",
            "XK_XKBH",
            "XK_NR",
            "XK_JDRQ",
            "XK_YXQZ",
            "XK_YXQ",
            "XK_XKJG",
            "XK_XKJGDM",
            "XK_ZT",
            "XK_LYDW",
            "XK_LYDWDM",
            "BZ",
        ],
        Layout::Court => &[
            "被执行人姓名/名称",
            "身份证号码/组织机构代码",
            "法定代表人或者负责人姓名",
            "执行法院",
            "地域名称",
            "执行依据文号",
            "立案时间",
            "案号",
            "做出执行依据单位",
            "生效法律文书确定的义务",
            "被执行人的履行情况",
            "失信被执行人行为具体情形",
            "发布时间",
            "屏蔽时间",
        ],
        Layout::Wages => &[
            "用人单位名称",
            "统一社会信用代码",
            "法定代表人姓名",
            "法定代表人证件号码",
            "列入日期",
            "预计移出日期",
            "列入部门",
            "列入决定书文号",
            "列入事由",
            "列入依据",
            "移出状态",
            "移出日期",
            "延长期限理由",
        ],
        Layout::Procurement => &[
            "供应商名称",
            "统一社会信用代码/组织机构代码",
            "供应商地址",
            "严重违法失信行为的具体情形",
            "处罚依据",
            "处罚结果",
            "记录日期",
            "处罚结束日期",
            "执法单位",
        ],
        Layout::Department => &[
            "当事人姓名/单位名称",
            "身份证号/社会信用代码/组织机构代码/工商注册号",
            "列入名单事由",
            "发生时间",
            "列入名单时间",
            "有效期至",
            "曾用名",
            "法定代表人",
            "法定代表人证件号码",
            "文书号",
            "状态",
            "移出时间",
            "认定部门",
        ],
        Layout::Taxpayer => {
            &["纳税人名称", "纳税人识别号", "评价年度", "主管税务机关", "有效期自", "有效期至"]
        }
    }
}

/// The cells of a listing, in the order of [`headings`].
pub(super) fn cells<'a>(
    seed: u64,
    listing: &'a Listing,
    layout: Layout,
    typed: Typed,
) -> Vec<Cell<'a>> {
    let mut pen = Pen { draw: Draw::new(seed, Topic::Row, listing.number), listing, typed };
    match layout {
        Layout::Penalty => pen.penalty(),
        Layout::PenaltyOld => pen.penalty_old(),
        Layout::Licence => pen.licence(),
        Layout::Court => pen.court(),
        Layout::Wages => pen.wages(),
        Layout::Procurement => pen.procurement(),
        Layout::Department => pen.department(),
        Layout::Taxpayer => pen.taxpayer(),
    }
}

struct Pen<'a> {
    draw: Draw,
    listing: &'a Listing,
    typed: Typed,
}

fn text<'a>(value: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(value.into())
}

impl<'a> Pen<'a> {
    fn has(&self, trap: Trap) -> bool {
        self.listing.traps.has(trap)
    }

    /// Nothing, in one of the ways in which it is written.
    fn null(&mut self) -> Cell<'a> {
        text(self.draw.pick(&["", "", "", "", "/", "无", "—"]))
    }

    fn or_null(&mut self, value: Option<impl Into<Cow<'a, str>>>) -> Cell<'a> {
        match value {
            Some(value) => text(value),
            None => self.null(),
        }
    }

    fn name(&mut self) -> Cell<'a> {
        if self.has(Trap::NoName) {
            return text(self.draw.pick(&["", "/", "无", " "]));
        }
        text(self.listing.entry.subject.name.as_str())
    }

    /// A day in one of the forms of the field.
    fn day(&mut self, day: Day) -> Cell<'a> {
        if self.typed == Typed::Mixed && self.draw.of_10k(6_000) {
            return Cell::Day(day);
        }
        let (year, month, date) = day.ymd();
        text(match self.draw.below(20) {
            0..11 => day.to_string(),
            11..14 => format!("{year}{month:02}{date:02}"),
            14..17 => format!("{year}/{month}/{date}"),
            _ => format!("{year}年{month:02}月{date:02}日"),
        })
    }

    fn day_or_null(&mut self, day: Option<Day>) -> Cell<'a> {
        match day {
            Some(day) => self.day(day),
            None => self.null(),
        }
    }

    /// The day from which the entry counts; a broken day and a serial number stand here.
    fn from(&mut self) -> Cell<'a> {
        if self.has(Trap::BrokenDate) {
            let broken = ["2025-13-45", "2025-02-30", "20251301", "2025/6/31", "2025年02月30日"];
            return text(self.draw.pick(&broken));
        }
        match self.listing.entry.term.from {
            Some(day) if self.has(Trap::ExcelSerial) => Cell::Serial(day.0 + 25_569),
            Some(day) => self.day(day),
            None => self.null(),
        }
    }

    /// The last day, or one of the forms of "no end".
    fn to(&mut self) -> Cell<'a> {
        use super::rates::{PERMANENT_DATE, PERMANENT_EMPTY, PERMANENT_WORD};
        if let Some(day) = self.listing.entry.term.to {
            return self.day(day);
        }
        let at =
            self.draw.below(u64::from(PERMANENT_DATE + PERMANENT_WORD + PERMANENT_EMPTY)) as u32;
        if at < PERMANENT_DATE {
            self.day(Day::FOREVER_FROM)
        } else if at < PERMANENT_DATE + PERMANENT_WORD {
            text("长期")
        } else {
            self.null()
        }
    }

    /// Another day of the row, which a broken row does without.
    fn decided(&mut self) -> Cell<'a> {
        let day = self.listing.entry.decided;
        self.day_or_null(day)
    }

    /// The identifier of such a kind, as the row writes it.
    fn id(&mut self, kind: IdentifierKind) -> Cell<'a> {
        let listing = self.listing;
        if kind == IdentifierKind::Uscc && self.has(Trap::Placeholder) {
            return text("00000000000000000X");
        }
        match listing.entry.subject.ids.iter().find(|id| id.kind() == kind) {
            Some(id) => text(self.written(id)),
            None => self.null(),
        }
    }

    /// The number of a person, full or masked.
    fn personal(&mut self) -> Cell<'a> {
        let subject = &self.listing.entry.subject;
        if let Some(masked) = &subject.masked {
            return text(masked.text());
        }
        match subject.ids.iter().find(|id| id.kind().is_personal()) {
            Some(id) => text(self.written(id)),
            None => self.null(),
        }
    }

    /// Whatever number there is, for a column that all kinds share.
    fn any(&mut self) -> Cell<'a> {
        let subject = &self.listing.entry.subject;
        if self.has(Trap::Placeholder) {
            return text("00000000000000000X");
        }
        match (&subject.masked, subject.ids.first()) {
            (Some(masked), _) => text(masked.text()),
            (None, Some(id)) => text(self.written(id)),
            (None, None) => self.null(),
        }
    }

    fn written(&self, id: &'a Identifier) -> Cow<'a, str> {
        let plain = id.text();
        if self.has(Trap::LowerCase) {
            Cow::Owned(plain.to_ascii_lowercase())
        } else if self.has(Trap::FullWidth) {
            Cow::Owned(plain.chars().map(full_width).collect())
        } else if self.has(Trap::Hyphenated) || id.kind() == IdentifierKind::OrgCode {
            Cow::Owned(hyphenated(id))
        } else {
            Cow::Borrowed(plain)
        }
    }

    fn representative(&self) -> Option<&'a Related> {
        self.listing.entry.subject.related.first()
    }

    fn representative_name(&mut self) -> Cell<'a> {
        let name = self.representative().map(|related| related.name.as_str());
        self.or_null(name)
    }

    fn representative_id(&mut self) -> Cell<'a> {
        let id =
            self.representative().and_then(|related| related.id.as_ref()).map(Identifier::text);
        self.or_null(id)
    }

    fn representative_document(&mut self) -> Cell<'a> {
        let document =
            self.representative().and_then(|related| related.id.as_ref()).map(document_word);
        self.or_null(document)
    }

    fn person_document(&mut self) -> Cell<'a> {
        let subject = &self.listing.entry.subject;
        let person = subject.kind == SubjectKind::NaturalPerson;
        let document = person.then(|| self.listing.real_ids.first().map(document_word)).flatten();
        self.or_null(document)
    }

    fn class(&self) -> Cell<'a> {
        text(match self.listing.entry.subject.kind {
            SubjectKind::NaturalPerson => "自然人",
            SubjectKind::IndividualBusiness => "个体工商户",
            SubjectKind::Organisation | SubjectKind::Vehicle => "法人及非法人组织",
        })
    }

    fn licence_status(&self) -> Cell<'a> {
        text(match self.listing.entry.state {
            State::Revoked => "撤销",
            _ if self.listing.entry.objection => "异议",
            _ => "有效",
        })
    }

    fn status(&self) -> Cell<'a> {
        text(match self.listing.entry.state {
            State::Revoked => "1",
            _ if self.listing.entry.objection => "2",
            _ => "0",
        })
    }

    fn fine(&mut self) -> Cell<'a> {
        let hundreds = 1 + self.draw.below(2_000);
        text(format!("{}.{:02}", hundreds / 100, hundreds % 100))
    }

    fn penalty(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        vec![
            self.name(),
            self.class(),
            self.id(IdentifierKind::Uscc),
            self.id(IdentifierKind::RegistrationNumber),
            self.id(IdentifierKind::OrgCode),
            self.id(IdentifierKind::TaxpayerNumber),
            self.null(),
            self.null(),
            self.representative_name(),
            self.representative_document(),
            self.representative_id(),
            self.person_document(),
            self.personal(),
            text(entry.document.as_str()),
            text(entry.reason.as_str()),
            text(entry.reason.as_str()),
            text("《中华人民共和国行政处罚法》第九条"),
            text(self.draw.pick(&["罚款", "警告", "没收违法所得", "吊销许可证件"])),
            text("责令改正，处以罚款"),
            self.fine(),
            self.from(),
            self.to(),
            self.publicity(),
            text(entry.authority.as_str()),
            text("11320500014149200X"),
            text("苏州市公共信用信息平台"),
            text("11320500014149200X"),
            self.null(),
        ]
    }

    /// The last day once more: where the term has no end, so has the publication.
    fn publicity(&mut self) -> Cell<'a> {
        let day = self.listing.entry.publicity_until;
        self.day_or_null(day)
    }

    fn penalty_old(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        vec![
            text(entry.document.as_str()),
            text(entry.reason.as_str()),
            text(self.draw.pick(&["罚款", "警告", "没收违法所得"])),
            text(entry.reason.as_str()),
            text("《江苏省城市市容和环境卫生管理条例》"),
            self.name(),
            self.id(IdentifierKind::Uscc),
            self.id(IdentifierKind::OrgCode),
            self.id(IdentifierKind::RegistrationNumber),
            self.id(IdentifierKind::TaxpayerNumber),
            self.personal(),
            self.representative_name(),
            text("处以罚款"),
            self.from(),
            text(entry.authority.as_str()),
            self.status(),
            text("320500"),
            self.decided(),
            self.null(),
            self.to(),
        ]
    }

    fn licence(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let decided = match (self.typed, entry.decided) {
            (Typed::Column, Some(day)) => Cell::Day(day),
            (Typed::Column, None) => text(""),
            (_, day) => self.day_or_null(day),
        };
        vec![
            self.name(),
            self.class(),
            self.id(IdentifierKind::Uscc),
            self.id(IdentifierKind::RegistrationNumber),
            self.id(IdentifierKind::OrgCode),
            self.id(IdentifierKind::TaxpayerNumber),
            self.representative_name(),
            self.representative_document(),
            self.representative_id(),
            self.person_document(),
            self.personal(),
            text("行政许可决定书"),
            text(entry.document.as_str()),
            text(self.draw.pick(&["普通", "特许", "认可", "核准", "登记"])),
            text("许可证"),
            text(format!("JY{:012}", self.listing.number + 1)),
            text(entry.reason.as_str()),
            decided,
            self.from(),
            self.to(),
            text(entry.authority.as_str()),
            text("11320500014149200X"),
            self.licence_status(),
            text("苏州市公共信用信息平台"),
            text("11320500014149200X"),
            self.null(),
        ]
    }

    fn court(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let mut duty = String::from("支付货款及利息");
        let _ = write!(duty, "{}元", 10_000 + self.draw.below(5_000_000));
        duty.push_str(if self.has(Trap::LineBreak) {
            "；\n承担案件受理费、保全费"
        } else {
            "，承担案件受理费"
        });
        let basis =
            format!("（{}）苏05民初{}号", 2022 + self.draw.below(4), 1 + self.draw.below(9_999));
        vec![
            self.name(),
            self.any(),
            self.representative_name(),
            text(entry.authority.as_str()),
            text("江苏"),
            text(basis),
            self.decided(),
            text(entry.document.as_str()),
            text(entry.authority.as_str()),
            text(duty),
            text(self.draw.pick(&["全部未履行", "全部未履行", "部分履行"])),
            text(entry.reason.as_str()),
            self.from(),
            self.to(),
        ]
    }

    fn wages(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let (state, left) = self.standing("未移出", "已移出", "已修复");
        let (state, why) = if entry.extended {
            (text("延长"), text("未在规定期限内支付所欠工资"))
        } else {
            (state, self.null())
        };
        vec![
            self.name(),
            self.id(IdentifierKind::Uscc),
            self.representative_name(),
            self.representative_id(),
            self.from(),
            self.to(),
            text(entry.authority.as_str()),
            text(entry.document.as_str()),
            text(entry.reason.as_str()),
            text("《保障农民工工资支付条例》第四十八条"),
            state,
            left,
            why,
        ]
    }

    fn procurement(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let address = format!("江苏省苏州市人民路{}号", 1 + self.draw.below(2_999));
        vec![
            self.name(),
            self.any(),
            text(address),
            text(entry.reason.as_str()),
            text("《中华人民共和国政府采购法》第七十七条"),
            text("列入不良行为记录名单，禁止参加政府采购活动"),
            self.from(),
            self.to(),
            text(entry.authority.as_str()),
        ]
    }

    fn department(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let (state, left) = self.standing("有效", "已退出", "已修复");
        let former = entry.subject.other_names.first().map(|former| former.name.as_str());
        vec![
            self.name(),
            self.any(),
            text(entry.reason.as_str()),
            self.decided(),
            self.from(),
            self.to(),
            self.or_null(former),
            self.representative_name(),
            self.representative_id(),
            text(entry.document.as_str()),
            state,
            left,
            text(entry.authority.as_str()),
        ]
    }

    /// The word for the state, and the day of leaving the list.
    fn standing(
        &mut self,
        within: &'static str,
        exited: &'static str,
        repaired: &'static str,
    ) -> (Cell<'a>, Cell<'a>) {
        let entry = &self.listing.entry;
        match entry.state {
            State::InForce if entry.objection => (text("异议"), self.null()),
            State::InForce => (text(within), self.null()),
            State::Suspended(_) => (text("暂停"), self.null()),
            State::Exited(on) => (text(exited), self.day_or_null(on)),
            State::Repaired => {
                let on = entry.term.from.map(|from| from.plus(5));
                (text(repaired), self.day_or_null(on))
            }
            State::Revoked => (text("撤销"), self.null()),
        }
    }

    fn taxpayer(&mut self) -> Vec<Cell<'a>> {
        let entry = &self.listing.entry;
        let year = entry.term.from.map_or(2025, |from| from.ymd().0 - 1);
        vec![
            self.name(),
            self.any(),
            text(year.to_string()),
            text(entry.authority.as_str()),
            self.from(),
            self.to(),
        ]
    }
}

/// The word of 双公示 for the kind of a person's document.
fn document_word(id: &Identifier) -> &'static str {
    match id.kind() {
        IdentifierKind::Passport => "护照号",
        IdentifierKind::HomeReturnPermit => "港澳居民来往内地通行证",
        IdentifierKind::TaiwanPermit => "台湾居民来往大陆通行证",
        IdentifierKind::ForeignPermanentResident => "外国人永久居留身份证",
        _ => "身份证",
    }
}

fn full_width(c: char) -> char {
    char::from_u32(c as u32 + 0xfee0).filter(|_| c.is_ascii_graphic()).unwrap_or(c)
}

/// Cut where people cut: `91320500-MA000001-5-D`, `MA000001-5`, `320500-19000102-0018`.
fn hyphenated(id: &Identifier) -> String {
    let plain = id.text();
    let cuts: &[usize] = match (id.kind(), plain.len()) {
        (IdentifierKind::Uscc, _) => &[8, 16, 17],
        (IdentifierKind::OrgCode, _) => &[8],
        (_, 18) => &[6, 14],
        _ => &[4],
    };
    let mut text = String::with_capacity(plain.len() + cuts.len());
    for (at, c) in plain.char_indices() {
        if cuts.contains(&at) {
            text.push('-');
        }
        text.push(c);
    }
    text
}
