//! All clients of a file, or every mistake in it.

use super::client::{Client, Scope, Scopes};
use super::key::Digest;
use super::pace::{Bounds, Pace};
use super::signature::Signer;
use crate::record::Day;
use crate::secret::{Secret, SecretError};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Characters of a client's name, which stands in logs and headers.
const NAME_CHARS_MAX: usize = 64;
const NO_NAME: &str = "名称应以字母开头，由 1 至 64 个字母、数字、- _ . 组成 / \
                       a name begins with a letter and has 1 to 64 letters, digits, - _ .";
/// Bytes of a secret that signs: fewer may be guessed.
const SECRET_BYTES_MIN: usize = 16;
/// Natural persons on no list that one operator may ask about in ten minutes where nothing is told.
const MISSES: u32 = 200;
/// The same of all operators of a client together.
const MISSES_TOTAL: u32 = 50_000;

const FIELDS: [&str; 17] = [
    "label",
    "keys",
    "secrets",
    "certificates",
    "scopes",
    "matters",
    "lists",
    "change_lists",
    "per_second",
    "burst",
    "concurrency",
    "addresses",
    "expires",
    "purpose",
    "misses",
    "misses_total",
    "recall_url",
];
const SECRET_FIELDS: [&str; 4] = ["id", "secret", "algorithm", "style"];

/// What is wrong with a file, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// In Chinese and English.
    pub what: String,
}

/// Every mistake of a file, by line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Mistake { line, what }) in self.0.iter().enumerate() {
            let break_before = if at > 0 { "\n" } else { "" };
            write!(f, "{break_before}{line}: {what}")?;
        }
        Ok(())
    }
}

/// All clients, and the ways to find one.
#[derive(Debug, Default)]
pub struct Roll {
    clients: BTreeMap<String, Arc<Client>>,
    keys: FxHashMap<u64, (Digest, Arc<Client>)>,
    signers: FxHashMap<String, (Signer, Arc<Client>)>,
    certificates: FxHashMap<Digest, Arc<Client>>,
}

impl Roll {
    /// The clients of a text. Those that were there `before` go on as they asked until now.
    ///
    /// # Errors
    ///
    /// Every mistake.
    pub fn parse(text: &str, before: Option<&Roll>) -> Result<Roll, Mistakes> {
        let mut page = Page { text, mistakes: Vec::new() };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            page.refuse(at, error.message().to_owned());
        }
        let mut roll = Roll::default();
        if errors.is_empty() {
            roll.read(&mut page, document.get_ref(), before);
        }
        let Page { mut mistakes, .. } = page;
        mistakes.sort_by_key(|mistake| mistake.line);
        if mistakes.is_empty() { Ok(roll) } else { Err(Mistakes(mistakes)) }
    }

    fn read(&mut self, page: &mut Page, document: &DeTable<'_>, before: Option<&Roll>) {
        for (key, value) in document {
            let clients = value.get_ref().as_table().filter(|_| key.get_ref() == "client");
            let Some(clients) = clients else {
                let what = format!("未知字段 / unknown field `{}`: [client.NAME]", key.get_ref());
                page.refuse(key.span().start, what);
                continue;
            };
            for (name, value) in clients {
                let at = name.span().start;
                let name = name.get_ref().as_ref();
                if !is_name(name) {
                    page.refuse(at, NO_NAME.to_owned());
                }
                match value.get_ref() {
                    DeValue::Table(cells) => {
                        let row = Row { page: &mut *page, cells, at };
                        self.read_client(name, row, before);
                    }
                    _ => page.refuse(at, "应为一节 / is no table".to_owned()),
                }
            }
        }
    }

    fn read_client(&mut self, name: &str, mut row: Row<'_, '_, '_>, before: Option<&Roll>) {
        row.know(&FIELDS);
        let bounds = Bounds {
            per_second: row.one("per_second"),
            burst: row.one("burst"),
            concurrency: row.one("concurrency"),
            misses: row.one("misses").unwrap_or(MISSES),
            misses_total: row.one("misses_total").unwrap_or(MISSES_TOTAL),
        };
        if bounds.burst.is_some() && bounds.per_second.is_none() {
            row.refuse("burst", "需要 per_second / needs per_second".to_owned());
        }
        let before = before.and_then(|roll| roll.clients.get(name));
        let pace = before.map(|client| &client.pace).filter(|pace| pace.bounds == bounds);
        let networks: Option<Vec<Network>> = row.each("addresses");
        let client = Arc::new(Client {
            name: name.to_owned(),
            label: row.one("label").unwrap_or_default(),
            scopes: row.each::<Scope>("scopes").into_iter().flatten().collect::<Scopes>(),
            matters: row.each("matters").map(BTreeSet::from_iter),
            lists: row.each("lists").map(BTreeSet::from_iter),
            change_lists: row.each("change_lists").map(BTreeSet::from_iter),
            addresses: networks
                .map(|all| all.into_iter().map(|Network(network)| network).collect()),
            expires: row.one::<Day>("expires"),
            purpose: row.one("purpose").unwrap_or(true),
            recall_url: row.told("recall_url"),
            pace: pace.cloned().unwrap_or_else(|| Arc::new(Pace::new(bounds))),
        });
        for digest in row.each::<Digest>("keys").into_iter().flatten() {
            let known = self.keys.insert(digest.place(), (digest, client.clone()));
            row.refuse_twice("keys", known.is_some());
        }
        for digest in row.each::<Digest>("certificates").into_iter().flatten() {
            let known = self.certificates.insert(digest, client.clone());
            row.refuse_twice("certificates", known.is_some());
        }
        for signer in row.signers() {
            let known = self.signers.insert(signer.id.clone(), (signer, client.clone()));
            row.refuse_twice("secrets", known.is_some());
        }
        self.clients.insert(name.to_owned(), client);
    }

    /// There is no client.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// All, by name.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.clients.values()
    }

    /// The client of a name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Client>> {
        self.clients.get(name)
    }

    /// The ids of a client's keys.
    pub fn keys_of(&self, name: &str) -> Vec<String> {
        let its = self.keys.values().filter(|(_, client)| client.name == name);
        let mut ids: Vec<String> = its.map(|(digest, _)| digest.id()).collect();
        ids.sort_unstable();
        ids
    }

    /// Whose key this is. Cost: one SHA-256 and one look-up; allocates nothing.
    pub fn by_key(&self, key: &str) -> Option<&Arc<Client>> {
        let digest = Digest::of_key(key)?;
        let (kept, client) = self.keys.get(&digest.place())?;
        kept.is(&digest).then_some(client)
    }

    /// Who signs under this id.
    pub fn signer(&self, id: &str) -> Option<&(Signer, Arc<Client>)> {
        self.signers.get(id)
    }

    /// The environment has every secret that is told by its name.
    pub fn check_secrets(&self) -> Result<(), SecretError> {
        self.signers.values().try_for_each(|(signer, _)| signer.secret.reveal().map(drop))
    }

    /// Whose certificate has this fingerprint.
    pub fn by_certificate(&self, fingerprint: &Digest) -> Option<&Arc<Client>> {
        self.certificates.get(fingerprint)
    }
}

/// Neither an address nor anything that a log or a header would have to quote.
fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_plain)
}

/// A network, or one address.
struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Network).map_err(|_| {
            "应为地址或网段，例如 10.1.0.0/16 / is no address and no network such as 10.1.0.0/16"
                .to_owned()
        })
    }
}

/// A file while it is read.
struct Page<'t> {
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl Page<'_> {
    fn refuse(&mut self, at: usize, what: String) {
        let line = self.text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        self.mistakes.push(Mistake { line, what });
    }
}

/// One table of it.
struct Row<'p, 't, 'd> {
    page: &'p mut Page<'t>,
    cells: &'d DeTable<'d>,
    at: usize,
}

impl<'d> Row<'_, '_, 'd> {
    fn know(&mut self, known: &[&str]) {
        for key in self.cells.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let what =
                format!("未知字段 / unknown field `{}`: {}", key.get_ref(), known.join(", "));
            self.page.refuse(key.span().start, what);
        }
    }

    fn refuse(&mut self, field: &str, what: String) {
        let at = self.cells.get(field).map_or(self.at, |value| value.span().start);
        self.page.refuse(at, format!("`{field}`: {what}"));
    }

    fn refuse_twice(&mut self, field: &str, is_known: bool) {
        if is_known {
            self.refuse(field, "重复 / is there twice".to_owned());
        }
    }

    /// A value; `None` where it is absent or refused.
    fn one<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let value = self.cells.get(field)?;
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(field, error.message().trim().to_owned());
                None
            }
        }
    }

    /// Values written as texts, those that cannot be read left out.
    fn each<T: FromStr<Err: fmt::Display>>(&mut self, field: &str) -> Option<Vec<T>> {
        let value = self.cells.get(field)?;
        let Some(values) = value.get_ref().as_array() else {
            self.refuse(field, "应为文本数组 / is no array of strings".to_owned());
            return None;
        };
        let mut read = Vec::new();
        for value in values {
            let parsed = match value.get_ref().as_str() {
                Some(text) => text.parse().map_err(|why: T::Err| why.to_string()),
                None => Err("应为文本 / is no string".to_owned()),
            };
            match parsed {
                Ok(value) => read.push(value),
                Err(why) => self.page.refuse(value.span().start, format!("`{field}`: {why}")),
            }
        }
        Some(read)
    }

    fn signers(&mut self) -> Vec<Signer> {
        let Some(value) = self.cells.get("secrets") else { return Vec::new() };
        let Some(values) = value.get_ref().as_array() else {
            self.refuse("secrets", "应为数组 / is no array".to_owned());
            return Vec::new();
        };
        values.iter().filter_map(|value| self.signer(value)).collect()
    }

    fn signer(&mut self, value: &'d Spanned<DeValue<'d>>) -> Option<Signer> {
        let at = value.span().start;
        let Some(cells) = value.get_ref().as_table() else {
            let what = "`secrets`: 应为 / is no { id, secret, algorithm, style }".to_owned();
            self.page.refuse(at, what);
            return None;
        };
        let mut row = Row { page: &mut *self.page, cells, at };
        row.know(&SECRET_FIELDS);
        let id: Option<String> = row.one("id");
        let secret: Option<Secret> = row.one("secret");
        for (field, is_there) in
            [("id", cells.contains_key("id")), ("secret", cells.contains_key("secret"))]
        {
            if !is_there {
                row.refuse(field, "缺少 / is missing".to_owned());
            }
        }
        if id.as_ref().is_some_and(|id| id.is_empty() || id.contains(['\n', ',', '='])) {
            row.refuse("id", "不得为空或含 , = / is empty, or holds , or =".to_owned());
        }
        // Whoever edits the file need not have the environment of the service.
        let text = secret.as_ref().and_then(|secret| secret.reveal().ok());
        if text.is_some_and(|text| text.len() < SECRET_BYTES_MIN) {
            let why =
                format!("不足 {SECRET_BYTES_MIN} 字节 / has fewer than {SECRET_BYTES_MIN} bytes");
            row.refuse("secret", why);
        }
        let hash = row.parsed("algorithm");
        let style = row.parsed("style");
        Some(Signer { id: id?, secret: secret?, hash, style })
    }

    /// A value written as a text, the default where it is absent or refused.
    fn parsed<T: FromStr<Err: fmt::Display> + Default>(&mut self, field: &str) -> T {
        self.told(field).unwrap_or_default()
    }

    /// A value written as a text; `None` where it is absent or refused.
    fn told<T: FromStr<Err: fmt::Display>>(&mut self, field: &str) -> Option<T> {
        let text = self.one::<String>(field)?;
        text.parse().map_err(|why: T::Err| self.refuse(field, why.to_string())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Key, Style};

    #[test]
    fn a_client_is_found_by_its_key_and_may_what_the_file_says() {
        let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
        let text = format!(
            r#"
            [client.portal]
            label = "一网通办"
            keys = ["{}"]
            scopes = ["check", "read"]
            matters = ["m"]
            change_lists = []
            addresses = ["10.1.0.0/16", "::1"]
            expires = "2026-03-31"
            per_second = 5
            secrets = [{{ id = "k", secret = "sixteen bytes, or more" }}]
            certificates = ["sha256:{}"]
            "#,
            key.digest,
            "ab".repeat(32)
        );
        let roll = Roll::parse(&text, None).unwrap();
        let client = roll.by_key(key.reveal()).unwrap();
        assert_eq!((client.name.as_str(), client.purpose), ("portal", true));
        assert!(roll.by_key(other.reveal()).is_none());
        assert!(client.may(Scope::Check) && !client.may(Scope::Admin));
        assert!(client.may_handle("m") && !client.may_handle("n"));
        assert!(client.may_consult("any") && !client.may_change("any"));
        for (address, may) in [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.0", false)] {
            assert_eq!(client.may_ask_from(address.parse().unwrap()), may, "{address}");
        }
        let last: Day = "2026-03-31".parse().unwrap();
        assert!(!client.has_expired(last) && client.has_expired(last.plus(1)));
        assert!(roll.by_certificate(&Digest([0xab; 32])).is_some());
        assert_eq!(roll.signer("k").unwrap().0.style, Style::Request);
        assert_eq!(roll.keys_of("portal"), [key.digest.id()]);

        let again = Roll::parse(&text, Some(&roll)).unwrap();
        let of = |roll: &Roll| roll.by_key(key.reveal()).unwrap().pace.clone();
        assert!(Arc::ptr_eq(&of(&roll), &of(&again)), "what was asked is not forgotten");
        let faster = text.replace("per_second = 5", "per_second = 6");
        let faster = Roll::parse(&faster, Some(&roll)).unwrap();
        assert!(!Arc::ptr_eq(&of(&roll), &of(&faster)));
    }

    #[test]
    fn every_mistake_is_told_at_its_line() {
        let text = r#"[clients.a]

[client."a b"]
[client.b]
scopes = ["check", "chekc",
  "reed"]
keys = ["sha256:00"]
colour = "red"
expires = "31.3.2026"
per_second = 0
purpose = "yes"
recall_url = "http://10.0.0.1/"
addresses = ["10.0.0.0/99"]
secrets = [
  { id = "k", secret = "short" },
  { secret = "env:XINCHA_NO_SUCH_VARIABLE", style = "s", key = 1 },
]
[client.c]
burst = 3
"#;
        let Mistakes(mistakes) = Roll::parse(text, None).unwrap_err();
        let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(
            lines,
            [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 16, 16, 19],
            "{mistakes:#?}"
        );
        let syntax = Roll::parse("[client.a]\nlabel = \n", None).unwrap_err();
        assert_eq!(syntax.0[0].line, 2);
        let key = Key::generate().unwrap().digest;
        let twice = format!("[client.a]\nkeys = [\"{key}\"]\n[client.b]\nkeys = [\"{key}\"]\n");
        assert_eq!(Roll::parse(&twice, None).unwrap_err().0[0].line, 4);
    }
}
