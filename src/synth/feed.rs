//! The feeds of the city: which list, in which layout, in which format, how many of the entries.

use super::Formats;
use crate::record::ListKind;

/// The columns of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// 双公示 行政处罚, current field codes.
    Penalty,
    /// 双公示 行政处罚, field codes of the old generation.
    PenaltyOld,
    /// 双公示 行政许可.
    Licence,
    /// 失信被执行人, 限制消费人员.
    Court,
    /// 拖欠农民工工资.
    Wages,
    /// 政府采购严重违法失信行为记录.
    Procurement,
    /// The common layout of departments.
    Department,
    /// 纳税信用A级纳税人.
    Taxpayer,
}

/// File format and encoding of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// CSV, UTF-8.
    Csv,
    /// CSV, UTF-8 with a byte order mark.
    CsvBom,
    /// CSV, GB18030.
    CsvGb18030,
    /// An object per line, UTF-8.
    JsonLines,
    /// Excel.
    Xlsx,
    /// Parquet, compressed with Zstandard; one column of days is typed.
    ParquetZstd,
    /// Parquet, compressed with Snappy; every column is text.
    ParquetSnappy,
}

impl Format {
    /// Ending of the file name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv | Format::CsvBom | Format::CsvGb18030 => "csv",
            Format::JsonLines => "jsonl",
            Format::Xlsx => "xlsx",
            Format::ParquetZstd | Format::ParquetSnappy => "parquet",
        }
    }

    /// In words, for the README of a city.
    pub fn description(self) -> &'static str {
        match self {
            Format::Csv => "CSV, UTF-8",
            Format::CsvBom => "CSV, UTF-8 with BOM",
            Format::CsvGb18030 => "CSV, GB18030",
            Format::JsonLines => "JSON lines, UTF-8",
            Format::Xlsx => "Excel",
            Format::ParquetZstd => "Parquet, zstd",
            Format::ParquetSnappy => "Parquet, snappy",
        }
    }

    /// Rows of one file: Excel is slow to write and to read long before its 1,048,576 rows.
    pub fn rows_max(self) -> u64 {
        match self {
            Format::Xlsx => 200_000,
            _ => 1_250_000,
        }
    }
}

/// One feed.
#[derive(Debug)]
pub struct Feed {
    /// Beginning of the file names, and code of the source.
    pub code: &'static str,
    /// Code of the list.
    pub list: &'static str,
    /// Name of the list.
    pub name: &'static str,
    /// What the list says.
    pub kind: ListKind,
    /// Its columns.
    pub layout: Layout,
    /// Its format in a varied city.
    pub format: Format,
    /// Entries, per 10,000 of the city.
    pub share: u32,
    /// Natural persons, per 10,000 of its subjects.
    pub persons: u32,
    /// Vehicles, per 10,000 of its subjects.
    pub vehicles: u32,
    pub(super) authority: &'static str,
    pub(super) document: &'static str,
    pub(super) reasons: &'static [&'static str],
}

impl Feed {
    /// Its format in a city of such formats.
    pub fn format_in(&self, formats: Formats) -> Format {
        match formats {
            Formats::Varied => self.format,
            Formats::Csv => Format::Csv,
        }
    }
}

macro_rules! feeds {
    ($($code:literal $list:literal $name:literal $kind:ident $layout:ident $format:ident
       $share:literal $persons:literal $vehicles:literal
       $authority:literal $document:literal [$($reason:literal),+];)+) => {
        &[$(Feed {
            code: $code, list: $list, name: $name, kind: ListKind::$kind, layout: Layout::$layout,
            format: Format::$format, share: $share, persons: $persons, vehicles: $vehicles,
            authority: $authority, document: $document, reasons: &[$($reason),+],
        }),+]
    };
}

/// Every feed, in the order of the entries. The large public registers come first, so that entries of
/// the lists find their earlier subjects there; the red lists come after the black ones.
///
/// Columns: code, list, name, kind, layout, format; share, persons, vehicles (per 10,000); authority,
/// the word of its documents, reasons.
#[rustfmt::skip]
pub const FEEDS: &[Feed] = feeds! {
    "xzxk" "xzxk" "行政许可" Record Licence ParquetZstd 2200 2000 0 "行政审批局" "行审许" ["食品经营许可", "公共场所卫生许可", "道路运输经营许可", "建筑业企业资质许可", "医疗机构执业登记", "排污许可"];
    "xzcf" "xzcf" "行政处罚" Focus Penalty CsvBom 1800 3000 0 "市场监督管理局" "市监罚字" ["经营超过保质期的食品", "未按规定公示营业执照", "发布虚假广告", "销售不符合标准的产品", "无照经营", "未取得许可从事经营"];
    "xzcfold" "xzcf" "行政处罚（旧格式）" Focus PenaltyOld CsvGb18030 500 2500 0 "城市管理行政执法局" "城管罚字" ["擅自占用道路", "未密闭运输散装物料", "擅自设置户外广告", "噪声扰民"];
    "sxbzxr" "sxbzxr" "失信被执行人名单" Black Court CsvGb18030 1100 6000 0 "人民法院" "执" ["有履行能力而拒不履行生效法律文书确定义务", "违反财产报告制度", "以虚假诉讼规避执行", "被执行人无正当理由拒不履行执行和解协议"];
    "xzxfry" "xzxfry" "限制消费人员名单" Black Court JsonLines 900 8500 0 "人民法院" "执" ["未按执行通知书指定的期间履行给付义务", "单位被限制消费后其负责人一并限制"];
    "scjg_yzsx" "scjg_yzsx" "市场监管严重违法失信名单" Black Department CsvGb18030 250 500 0 "市场监督管理局" "市监列" ["列入经营异常名录满三年未改正", "生产销售假冒伪劣产品", "提交虚假材料取得登记"];
    "zdsssx" "zdsssx" "重大税收违法失信主体" Black Department Csv 300 500 0 "税务局稽查局" "税稽罚" ["虚开增值税专用发票", "逃避缴纳税款", "骗取出口退税", "逃避追缴欠税"];
    "tqnmggz" "tqnmggz" "拖欠农民工工资失信联合惩戒对象名单" Black Wages Xlsx 150 0 0 "人力资源和社会保障局" "人社监列" ["克扣、无故拖欠农民工工资报酬数额较大", "拖欠工资引发群体性事件", "以转包分包逃避支付工资"];
    "aqsc" "aqsc" "安全生产严重失信主体名单" Black Department Xlsx 100 3000 0 "应急管理局" "应急列" ["发生较大生产安全责任事故", "瞒报谎报生产安全事故", "未取得安全生产许可擅自生产"];
    "tjsx" "tjsx" "统计严重失信企业" Black Department Csv 60 0 0 "统计局" "统失信" ["编造虚假统计数据", "拒绝提供统计资料"];
    "hgsx" "hgsx" "海关失信企业" Black Department JsonLines 50 0 0 "海关" "关缉决" ["走私普通货物", "非报关企业一年内违规三次以上"];
    "wlsc" "wlsc" "文化和旅游市场严重失信主体" Black Department CsvGb18030 60 2000 0 "文化广电和旅游局" "文旅列" ["未经许可经营旅行社业务", "擅自从事营业性演出"];
    "shzz" "shzz" "社会组织严重违法失信名单" Black Department Xlsx 50 0 0 "民政局" "民列" ["连续两年未报送年度工作报告", "私分、挪用社会组织资产"];
    "czcx" "czcx" "严重违法超限超载运输失信当事人" Black Department CsvGb18030 150 2000 5000 "交通运输局" "交超" ["一年内违法超限运输三次以上", "车货总质量超过限定百分之百"];
    "ggzy" "ggzy" "公共资源交易领域严重失信主体" Black Department JsonLines 60 500 0 "发展和改革委员会" "发改失信" ["串通投标", "弄虚作假骗取中标"];
    "hjwf" "hjwf" "环境违法企业黑名单" Black Department ParquetSnappy 120 0 0 "生态环境局" "环罚" ["篡改伪造监测数据", "通过暗管排放污染物", "非法处置危险废物"];
    "gcjs" "gcjs" "工程建设市场主体黑名单" Black Department CsvBom 100 1000 0 "住房和城乡建设局" "建罚" ["发生质量安全事故", "转包和违法分包", "利用虚假材料取得资质"];
    "zfcg_yzwf" "zfcg_yzwf" "政府采购严重违法失信行为记录" Ban Procurement Csv 80 0 0 "财政局" "财购罚" ["提供虚假材料谋取中标", "与其他供应商恶意串通", "中标后无正当理由不签订合同"];
    "spyp_jy" "spyp_jy" "食品药品从业禁止" Ban Department Csv 80 8000 0 "市场监督管理局" "市监禁" ["因食品安全犯罪被判处有期徒刑", "被吊销许可证的直接负责主管人员", "生产销售假药"];
    "zqqh_jr" "zqqh_jr" "证券期货市场禁入" Ban Department Xlsx 40 8000 0 "证券监督管理局" "证禁" ["内幕交易", "操纵证券市场", "信息披露违法"];
    "jyyc" "jyyc" "经营异常名录" Focus Department ParquetSnappy 700 0 0 "市场监督管理局" "市监异" ["未按规定期限公示年度报告", "通过登记的住所无法联系"];
    "zdgz" "zdgz" "重点关注对象名单" Focus Department CsvGb18030 150 1500 0 "信用办" "信关" ["违反信用承诺", "一年内受到三次以上行政处罚"];
    "nsxy_a" "nsxy_a" "纳税信用A级纳税人" Red Taxpayer Csv 500 0 0 "税务局" "税信" ["年度评价指标得分90分以上"];
    "hg_gjrz" "hg_gjrz" "海关高级认证企业" Red Department Csv 30 0 0 "海关" "关认" ["通过高级认证"];
    "sxjl" "sxjl" "守信激励对象" Red Department JsonLines 100 1000 0 "信用办" "信激" ["连续三年无失信记录", "诚信示范单位"];
    "cxdx" "cxdx" "诚信典型" Red Department CsvGb18030 70 3000 0 "文明办" "文明" ["诚信之星", "拾金不昧", "诚信经营户"];
    "zyz" "zyz" "优秀志愿者" Red Department CsvBom 300 10000 0 "团委" "团志" ["志愿服务时长超过三百小时", "五星级志愿者"];
};

/// Entries that every feed has at the least, so that each layout and the cast are in every city.
pub(super) const FEED_MIN: u64 = 4;

const _: () = {
    let mut sum = 0;
    let mut at = 0;
    while at < FEEDS.len() {
        sum += FEEDS[at].share;
        at += 1;
    }
    assert!(sum == 10_000, "shares are per 10,000 of the city");
};
