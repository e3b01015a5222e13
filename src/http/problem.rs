//! What went wrong with a request: RFC 9457 documents with a stable code, in English and Chinese.
//!
//! A problem never repeats a value of the request: it names the field at fault by a JSON pointer.
//!
//! | code | status | when |
//! |---|---|---|
//! | `invalid_host` | 400 | an HTTP/1.1 request without `Host`, or any with two or with one that is none; closed |
//! | `invalid_json` | 400 | the body is not one JSON document in UTF-8 |
//! | `unknown_field` | 400 | a field that the request does not have |
//! | `duplicate_field` | 400 | a field given twice |
//! | `missing_field` | 400 | a field that must be there |
//! | `wrong_type` | 400 | a value of another JSON type than the field's |
//! | `unknown_matter` | 422 | no matter of the catalogue has this code |
//! | `empty_subjects` | 422 | no subject |
//! | `too_many_subjects` | 422 | more subjects than one check takes |
//! | `too_many_identifiers` | 422 | more identifiers than one subject may have, or two with hidden digits |
//! | `value_too_long` | 422 | a text longer than its field takes |
//! | `empty_value` | 422 | a text that must say something and is empty |
//! | `invalid_identifier` | 422 | empty, a placeholder, too short, or hidden beyond use |
//! | `unknown_identifier_kind` | 422 | a kind of identifier that does not exist |
//! | `unknown_subject_kind` | 422 | a kind of subject that does not exist |
//! | `masked_needs_name` | 422 | an identifier with hidden digits and no name |
//! | `subject_unidentified` | 422 | neither a name nor an identifier |
//! | `duplicate_ref` | 422 | two subjects of one `ref` |
//! | `unknown_role` | 422 | a role that the matter does not have |
//! | `invalid_time` | 422 | no RFC 3339 time, before 1990, or more than a day ahead |
//! | `empty_changes` | 422 | no change |
//! | `too_many_changes` | 422 | more changes than one request takes |
//! | `unknown_change` | 422 | a change that there is not |
//! | `unknown_list` | 422 | no list of the catalogue has this code |
//! | `invalid_expression` | 422 | no expression over lists; `detail` says where and why |
//! | `invalid_day` | 422 | no day such as 2026-03-31 |
//! | `out_of_range` | 422 | a number too small, or greater than `max` |
//! | `unknown_source` | 422 | no source has this code |
//! | `too_many_values` | 422 | more values of a property than one query takes |
//! | `empty_queries` | 400 | no query |
//! | `too_many_queries` | 400 | more queries than one request takes |
//! | `unknown_schema` | 400 | a schema that FollowTheMoney does not have |
//! | `unknown_algorithm` | 400 | an algorithm that there is not |
//! | `invalid_form` | 400 | no form of `options` and then `file` |
//! | `invalid_option` | 422 | a value that this option does not take; `detail` says which it does |
//! | `no_such_job` | 404 | no job of this client has this id, or it was removed |
//! | `no_result` | 409 | the job has nothing to fetch here: it has not ended, failed, was cancelled, rejected no row |
//! | `quota_exceeded` | 429 | more jobs that have not ended, or more bytes, than a client may have |
//! | `no_such_receipt` | 404 | no answer has this receipt, or it was another client's, or is no longer kept |
//! | `missing_purpose` | 422 | who asks about a natural person does not say for what |
//! | `unauthenticated` | 401 | it is not known who asks |
//! | `forbidden` | 403 | the client may not ask this; `detail` says why, `pointer` where |
//! | `too_many_requests` | 429 | the client asks too much; `Retry-After` says when to come again |
//! | `nothing_held` | 409 | no build of this source is held |
//! | `refresh_running` | 409 | a refresh is under way |
//! | `no_such_snapshot` | 409 | no such snapshot is kept, or none before the present one |
//! | `unknown_dataset` | 404 | no list of the catalogue has this code, nor is it `default` |
//! | `not_found` | 404 | no such path |
//! | `method_not_allowed` | 405 | the path has other methods, named in `Allow` |
//! | `request_timeout` | 408 | the body did not arrive in time |
//! | `body_too_large` | 413 | more bytes than a body may have |
//! | `unsupported_media_type` | 415 | a body that is not plain `application/json` |
//! | `internal` | 500 | a fault of the service |
//! | `not_ready` | 503 | no data has been loaded yet |
//! | `change_not_reached` | 503 | the change asked for is not seen here yet |
//! | `ledger_unavailable` | 503 | it is not known whether the changes were kept: send them again |
//! | `storage_unavailable` | 503 | the disk refuses what is to be kept |
//! | `audit_unavailable` | 503 | the audit log takes no records, so nothing is answered |
//! | `not_loaded_here` | 503 | this process serves what another one builds |
//! | `overloaded` | 503 | more connections, or changes that wait, than the service holds |

use super::json;
use hyper::StatusCode;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use std::time::Duration;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The ways to say who asks, beside a client certificate.
const CHALLENGE: &str =
    r#"Bearer realm="xincha", XC-HMAC-SHA256 realm="xincha", XC-HMAC-SM3 realm="xincha""#;

/// Characters of a pointer that are shown: the name of an unknown field is the caller's, and may be
/// anything.
const POINTER_CHARS_MAX: usize = 120;

/// What went wrong. The order is that of the [module](self)'s table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the module's table says what each means")]
pub enum Code {
    InvalidHost,
    InvalidJson,
    UnknownField,
    DuplicateField,
    MissingField,
    WrongType,
    UnknownMatter,
    EmptySubjects,
    TooManySubjects,
    TooManyIdentifiers,
    ValueTooLong,
    EmptyValue,
    InvalidIdentifier,
    UnknownIdentifierKind,
    UnknownSubjectKind,
    MaskedNeedsName,
    SubjectUnidentified,
    DuplicateRef,
    UnknownRole,
    InvalidTime,
    EmptyChanges,
    TooManyChanges,
    UnknownChange,
    UnknownList,
    InvalidExpression,
    InvalidDay,
    OutOfRange,
    UnknownSource,
    TooManyValues,
    EmptyQueries,
    TooManyQueries,
    UnknownSchema,
    UnknownAlgorithm,
    InvalidForm,
    InvalidOption,
    NoSuchJob,
    NoResult,
    QuotaExceeded,
    NoSuchReceipt,
    MissingPurpose,
    Unauthenticated,
    Forbidden,
    TooManyRequests,
    NothingHeld,
    RefreshRunning,
    NoSuchSnapshot,
    UnknownDataset,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    BodyTooLarge,
    UnsupportedMediaType,
    Internal,
    NotReady,
    ChangeNotReached,
    LedgerUnavailable,
    StorageUnavailable,
    AuditUnavailable,
    NotLoadedHere,
    Overloaded,
}

/// What is said of a code.
struct Text {
    code: Code,
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    title_zh: &'static str,
    detail: &'static str,
    detail_zh: &'static str,
}

macro_rules! texts {
    ($($code:ident $name:literal $status:ident $title:literal $title_zh:literal $detail:literal $detail_zh:literal)*) => {
        /// One row a code, in the order of [`Code`].
        static TEXTS: &[Text] = &[$(Text {
            code: Code::$code,
            name: $name,
            status: StatusCode::$status,
            title: $title,
            title_zh: $title_zh,
            detail: $detail,
            detail_zh: $detail_zh,
        }),*];
    };
}

texts! {
    InvalidHost "invalid_host" BAD_REQUEST
        "Host is missing, given twice, or none" "Host 缺失、重复或无效"
        "A request names its host in one header `Host`." "请求应带且仅带一个有效的请求头 Host。"
    InvalidJson "invalid_json" BAD_REQUEST
        "The body is not JSON" "请求体不是合法的 JSON"
        "The body must be one JSON document in UTF-8." "请求体应为一份 UTF-8 编码的 JSON 文档。"
    UnknownField "unknown_field" BAD_REQUEST
        "Unknown field" "未知字段"
        "The request has no such field; see /openapi.json." "请求中没有此字段，请见 /openapi.json。"
    DuplicateField "duplicate_field" BAD_REQUEST
        "Field given twice" "字段重复"
        "A field may be given once." "同一字段只能出现一次。"
    MissingField "missing_field" BAD_REQUEST
        "Missing field" "缺少字段"
        "This field must be given." "此字段必填。"
    WrongType "wrong_type" BAD_REQUEST
        "Wrong type" "类型错误"
        "The value has another JSON type than the field takes." "字段值的 JSON 类型不正确。"
    UnknownMatter "unknown_matter" UNPROCESSABLE_ENTITY
        "Unknown matter" "未知事项"
        "No matter of the catalogue has this code; see /v1/matters." "目录中没有此事项编码，请见 /v1/matters。"
    EmptySubjects "empty_subjects" UNPROCESSABLE_ENTITY
        "No subject" "没有核查主体"
        "A check asks about one subject or more." "一次核查至少包含一个主体。"
    TooManySubjects "too_many_subjects" UNPROCESSABLE_ENTITY
        "Too many subjects" "主体过多"
        "One check takes no more subjects than `max`; send several checks." "一次核查的主体数不得超过 max，请分次提交。"
    TooManyIdentifiers "too_many_identifiers" UNPROCESSABLE_ENTITY
        "Too many identifiers" "证件号码过多"
        "One subject has at most `max` identifiers, of which one may have hidden digits." "一个主体的证件号码不得超过 max 个，其中至多一个可含掩码。"
    ValueTooLong "value_too_long" UNPROCESSABLE_ENTITY
        "Value too long" "内容过长"
        "The text is longer than `max` (bytes of UTF-8; characters for a matter)." "文本长度超过 max（按 UTF-8 字节计，事项编码按字符计）。"
    EmptyValue "empty_value" UNPROCESSABLE_ENTITY
        "Empty value" "内容为空"
        "The text must not be empty." "文本不得为空。"
    InvalidIdentifier "invalid_identifier" UNPROCESSABLE_ENTITY
        "Not an identifier" "无效的证件号码"
        "The value is empty, a placeholder, shorter than four characters, or shows fewer than six of its digits. Leave the field out where no identifier is known." "号码为空、为占位值、不足四位，或可见位数不足六位。没有号码时请省略该字段。"
    UnknownIdentifierKind "unknown_identifier_kind" UNPROCESSABLE_ENTITY
        "Unknown kind of identifier" "未知的证件类型"
        "The kinds are listed in /openapi.json; leave the kind to the service by giving `id`." "证件类型请见 /openapi.json；也可只填 id，由服务识别类型。"
    UnknownSubjectKind "unknown_subject_kind" UNPROCESSABLE_ENTITY
        "Unknown kind of subject" "未知的主体类型"
        "One of: organisation, individual_business, natural_person, vehicle." "应为 organisation、individual_business、natural_person、vehicle 之一。"
    MaskedNeedsName "masked_needs_name" UNPROCESSABLE_ENTITY
        "An identifier with hidden digits needs a name" "掩码证件号码需要同时提供名称"
        "An identifier with hidden digits fits many; give the name as well." "含掩码的号码可对应多人，请同时提供名称。"
    SubjectUnidentified "subject_unidentified" UNPROCESSABLE_ENTITY
        "Neither name nor identifier" "既无名称也无证件号码"
        "A subject is asked about by a name, an identifier, or both." "主体应提供名称、证件号码或两者。"
    DuplicateRef "duplicate_ref" UNPROCESSABLE_ENTITY
        "Two subjects of one ref" "主体标识重复"
        "`ref` tells the subjects of a check apart." "ref 用于区分同一次核查中的主体，不得重复。"
    UnknownRole "unknown_role" UNPROCESSABLE_ENTITY
        "Unknown role" "未知的主体角色"
        "The matter has no such role; see /v1/matters." "该事项没有此角色，请见 /v1/matters。"
    InvalidTime "invalid_time" UNPROCESSABLE_ENTITY
        "Not a time that can be asked about" "无效的时间"
        "RFC 3339 with an offset, not before 1990 and at most a day ahead." "应为带时区的 RFC 3339 时间，不早于 1990 年，且不晚于当前时间一天。"
    EmptyChanges "empty_changes" UNPROCESSABLE_ENTITY
        "No change" "没有变更"
        "A request holds one change or more." "一次请求至少包含一项变更。"
    TooManyChanges "too_many_changes" UNPROCESSABLE_ENTITY
        "Too many changes" "变更过多"
        "One request takes no more changes than `max`; send several requests." "一次请求的变更数不得超过 max，请分次提交。"
    UnknownChange "unknown_change" UNPROCESSABLE_ENTITY
        "Unknown change" "未知的变更类型"
        "Changes are list, amend, extend, note_objection, lift_objection, suspend, resume, exit, repair, revoke." "变更类型为 list、amend、extend、note_objection、lift_objection、suspend、resume、exit、repair、revoke。"
    UnknownList "unknown_list" UNPROCESSABLE_ENTITY
        "Unknown list" "未知名单"
        "No list of the catalogue has this code; see /v1/lists." "目录中没有此名单编码，请见 /v1/lists。"
    InvalidExpression "invalid_expression" UNPROCESSABLE_ENTITY
        "Not an expression" "无效的表达式"
        "This is no expression over lists." "不是有效的名单表达式。"
    InvalidDay "invalid_day" UNPROCESSABLE_ENTITY
        "Invalid day" "无效的日期"
        "A day is written 2026-03-31." "日期应写作 2026-03-31。"
    OutOfRange "out_of_range" UNPROCESSABLE_ENTITY
        "Number out of range" "数值超出范围"
        "The number is too small, or greater than `max`." "数值过小，或大于 max。"
    UnknownSource "unknown_source" UNPROCESSABLE_ENTITY
        "Unknown source" "未知来源"
        "No source has this code; see /v1/data." "没有此来源编码，请见 /v1/data。"
    TooManyValues "too_many_values" UNPROCESSABLE_ENTITY
        "Too many values" "取值过多"
        "A property has no more values, and a query no more names, than `max`." "一个属性的取值数、一个查询的名称总数均不得超过 max。"
    EmptyQueries "empty_queries" BAD_REQUEST
        "No query" "没有查询"
        "A request holds one query or more." "一次请求至少包含一个查询。"
    TooManyQueries "too_many_queries" BAD_REQUEST
        "Too many queries" "查询过多"
        "One request takes no more queries than `max`; send several requests." "一次请求的查询数不得超过 max，请分次提交。"
    UnknownSchema "unknown_schema" BAD_REQUEST
        "Unknown schema" "未知的 schema"
        "One of: Thing, LegalEntity, Organization, Company, PublicBody, Person, Asset, Vehicle, Airplane, Vessel; nothing is listed of FollowTheMoney's others." "应为 Thing、LegalEntity、Organization、Company、PublicBody、Person、Asset、Vehicle、Airplane、Vessel 之一；FollowTheMoney 的其他 schema 均无名单。"
    UnknownAlgorithm "unknown_algorithm" BAD_REQUEST
        "Unknown algorithm" "未知算法"
        "There is no such algorithm; see /algorithms." "没有此算法，请见 /algorithms。"
    InvalidForm "invalid_form" BAD_REQUEST
        "Not such a form" "表单不正确"
        "The body is a multipart/form-data form of two parts: `options`, a JSON object that may be left out, and then `file`." "请求体应为 multipart/form-data 表单，依次为 options（JSON 对象，可省略）和 file。"
    InvalidOption "invalid_option" UNPROCESSABLE_ENTITY
        "No such value" "选项的值不正确"
        "This option does not take the value." "该选项没有此值。"
    NoSuchJob "no_such_job" NOT_FOUND
        "No such job" "没有此任务"
        "No job of yours has this id; it may have been removed when its time was over." "没有此编号的任务，可能已过期删除。"
    NoResult "no_result" CONFLICT
        "Nothing to fetch" "没有可下载的文件"
        "The job has no such file: it has not ended, failed, was cancelled, or rejected no row." "任务没有此文件：尚未完成、已失败、已取消，或没有不可用的行。"
    QuotaExceeded "quota_exceeded" TOO_MANY_REQUESTS
        "More than a client may have" "超出客户端配额"
        "At most `max` jobs that have not ended, or bytes that are kept: wait until jobs have ended, or remove some." "未完成的任务数或保留的字节数不得超过 max：请等待任务完成或删除部分任务。"
    NoSuchReceipt "no_such_receipt" NOT_FOUND
        "No such receipt" "没有此回执"
        "No answer of this client has this receipt, or its record is no longer kept." "该客户没有此回执，或其记录已不再保留。"
    MissingPurpose "missing_purpose" UNPROCESSABLE_ENTITY
        "Purpose not stated" "未说明用途"
        "Who asks about natural persons says for what: a check by `case` and `operator`, a search by `reason`." "查询自然人须说明用途：核查填写 case 与 operator，检索填写 reason。"
    Unauthenticated "unauthenticated" UNAUTHORIZED
        "Not known who asks" "未通过身份验证"
        "Send an API key of a client, a signed request, or a client certificate." "请提供客户端的 API 密钥、签名或证书。"
    Forbidden "forbidden" FORBIDDEN
        "Not allowed" "无权访问"
        "The client may not ask this." "该客户端无权进行此操作。"
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS
        "The client asks too much" "请求过于频繁"
        "Come again after the seconds that the header `Retry-After` says." "请在响应头 Retry-After 所示秒数后重试。"
    NothingHeld "nothing_held" CONFLICT
        "Nothing is held" "没有被搁置的数据"
        "No delivery of this source is held." "该来源没有被搁置的数据。"
    RefreshRunning "refresh_running" CONFLICT
        "A refresh is under way" "正在刷新"
        "A refresh is under way; follow it in /v1/data." "数据正在刷新，进度请见 /v1/data。"
    NoSuchSnapshot "no_such_snapshot" CONFLICT
        "No such snapshot" "没有此快照"
        "No such snapshot is kept, or none before the present one; see /v1/data." "未保留此快照，或没有更早的快照，请见 /v1/data。"
    UnknownDataset "unknown_dataset" NOT_FOUND
        "No such dataset" "没有此数据集"
        "A dataset is a list's code, or default for all lists; see /catalog." "数据集为名单编码，或以 default 指全部名单，请见 /catalog。"
    NotFound "not_found" NOT_FOUND
        "Not found" "路径不存在"
        "There is nothing here; see /openapi.json." "此路径不存在，请见 /openapi.json。"
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED
        "Method not allowed" "请求方法不允许"
        "The header `Allow` names the methods of this path." "此路径允许的方法见响应头 Allow。"
    RequestTimeout "request_timeout" REQUEST_TIMEOUT
        "The request took too long" "请求超时"
        "The body did not arrive in time." "请求体未能及时送达。"
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE
        "The body is too large" "请求体过大"
        "A body has at most `max` bytes." "请求体不得超过 max 字节。"
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE
        "Not application/json" "不支持的媒体类型"
        "Send the header content-type: application/json, and a body that is not compressed." "请带请求头 content-type: application/json 提交，且不压缩。"
    Internal "internal" INTERNAL_SERVER_ERROR
        "Internal error" "内部错误"
        "The service failed; nothing was decided." "服务内部错误，未作出任何判定。"
    NotReady "not_ready" SERVICE_UNAVAILABLE
        "Not ready" "服务未就绪"
        "No data has been loaded yet; nothing was decided." "数据尚未加载，未作出任何判定。"
    ChangeNotReached "change_not_reached" SERVICE_UNAVAILABLE
        "Change not reached" "尚未同步到所要求的变更"
        "The change asked for is not seen here yet; nothing was decided. Ask again." "本机尚未同步到所要求的变更，未作出任何判定，请重试。"
    LedgerUnavailable "ledger_unavailable" SERVICE_UNAVAILABLE
        "The ledger is not available" "变更台账不可用"
        "It is not known whether the changes were kept. Send them again under the same keys." "无法确认变更是否已登记，请以相同的键重新提交。"
    StorageUnavailable "storage_unavailable" SERVICE_UNAVAILABLE
        "The disk refuses" "存储不可用"
        "What was sent could not be kept; nothing of it was." "提交的内容无法保存，未保留任何部分。"
    AuditUnavailable "audit_unavailable" SERVICE_UNAVAILABLE
        "Not recorded, so not answered" "无法留痕，不予作答"
        "The audit log takes no records now, and nothing is answered that is not recorded." "审计日志目前无法写入；未留痕的回答一律不予提供。"
    NotLoadedHere "not_loaded_here" SERVICE_UNAVAILABLE
        "Not done here" "本机不执行此操作"
        "This process serves what another one builds: ask the one whose /v1/data says that it builds." "本进程只提供由另一进程构建的数据，请向 /v1/data 中 builds 为 true 的进程提交。"
    Overloaded "overloaded" SERVICE_UNAVAILABLE
        "Too many requests" "请求过多"
        "The service holds as many connections or requests as it can; try again later." "服务的连接或请求数已满，请稍后重试。"
}

impl Code {
    /// How many there are.
    pub const COUNT: usize = Code::Overloaded as usize + 1;

    /// Every code.
    pub fn all() -> impl Iterator<Item = Code> {
        TEXTS.iter().map(|text| text.code)
    }

    fn text(self) -> &'static Text {
        &TEXTS[self as usize]
    }

    /// The word used in the API.
    pub fn name(self) -> &'static str {
        self.text().name
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        self.text().status
    }

    /// A problem of this code with the request as a whole.
    pub fn whole(self) -> Problem {
        Problem { code: self, pointer: None, max: None, fault: None, retry_after: None }
    }

    /// A problem of this code with a field, by its JSON pointer.
    pub fn at(self, pointer: impl Into<String>) -> Problem {
        Problem { pointer: Some(pointer.into()), ..self.whole() }
    }
}

/// A problem with a request, ready to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// The field at fault, as a JSON pointer (RFC 6901) into the body.
    pub pointer: Option<String>,
    /// The bound that was passed.
    pub max: Option<usize>,
    /// What is wrong in particular, in English and Chinese.
    pub fault: Option<Box<[String; 2]>>,
    /// Seconds until it may be asked again.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// The same, naming the bound that was passed.
    pub fn beyond(self, max: usize) -> Problem {
        Problem { max: Some(max), ..self }
    }

    /// The same, saying what is wrong in particular.
    pub fn because(self, fault: String, fault_zh: String) -> Problem {
        Problem { fault: Some(Box::new([fault, fault_zh])), ..self }
    }

    /// The same, saying when to come again.
    pub fn after(self, wait: Duration) -> Problem {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Problem { retry_after: Some(seconds.max(1)), ..self }
    }

    /// Say in the head of an answer what its body is, when to come again, and whether the connection goes on.
    pub fn head(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.code == Code::Overloaded {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        // Others on the way may read what follows otherwise.
        if self.code == Code::InvalidHost {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// The document.
    pub fn to_json(&self) -> Vec<u8> {
        let text = self.code.text();
        let mut out = Vec::with_capacity(512);
        out.extend_from_slice(b"{\"type\":");
        json::string(&format!("urn:xincha:problem:{}", text.name), &mut out);
        let mut member = |name: &str, value: &str| {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            json::string(value, &mut out);
        };
        member("title", text.title);
        member("title_zh", text.title_zh);
        member("code", text.name);
        match &self.fault {
            None => {
                member("detail", text.detail);
                member("detail_zh", text.detail_zh);
            }
            Some(fault) => {
                member("detail", &format!("{} {}", text.detail, fault[0]));
                member("detail_zh", &format!("{}{}", text.detail_zh, fault[1]));
            }
        }
        if let Some(pointer) = &self.pointer {
            member("pointer", &pointer.chars().take(POINTER_CHARS_MAX).collect::<String>());
        }
        if let Some(max) = self.max {
            out.extend_from_slice(format!(",\"max\":{max}").as_bytes());
        }
        out.extend_from_slice(format!(",\"status\":{}}}", text.status.as_u16()).as_bytes());
        out
    }
}

/// A part of a JSON pointer.
pub fn escape_part(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_codes() {
        for (at, text) in TEXTS.iter().enumerate() {
            assert_eq!(text.code as usize, at, "{}", text.name);
            assert!(text.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        }
        assert_eq!(TEXTS.len(), Code::COUNT);
    }

    #[test]
    fn the_table_of_the_module_names_every_code() {
        let table = include_str!("problem.rs");
        for code in Code::all() {
            let row = format!("//! | `{}` | {} |", code.name(), code.status().as_u16());
            assert!(table.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_document_names_the_field_and_the_bound() {
        let problem = Code::ValueTooLong.at("/subjects/0/name").beyond(600);
        let document: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
        assert_eq!(document["type"], "urn:xincha:problem:value_too_long");
        assert_eq!(document["status"], 422);
        assert_eq!(document["pointer"], "/subjects/0/name");
        assert_eq!(document["max"], 600);
        assert_eq!(escape_part("a/b~c"), "a~1b~0c");
    }
}
