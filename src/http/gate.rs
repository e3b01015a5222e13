//! Who asks, and whether it may: the head of a request → [`Who`], or a problem.
//!
//! | way | told by |
//! |---|---|
//! | API key | `Authorization: Bearer xc_…` |
//! | signed request | `Authorization: XC-HMAC-SHA256 client=…, key=…, time=…, nonce=…, body=…, signature=…`, or `XC-HMAC-SM3` |
//! | signed as in the field | `x-app-id`, `x-timestamp`, `x-signature`; or `x-tif-paasid`, `x-tif-timestamp`, `x-tif-nonce`, `x-tif-signature` |
//! | client certificate | the handshake |
//!
//! Where there are no clients, whoever reaches the service may ask for everything.

use super::problem::{Code, Problem};
use super::who::Who;
use crate::audit::{Act, Log, Record};
use crate::clients::nonces::{Nonce, Used};
use crate::clients::signature::digest_of;
use crate::clients::{
    Client, Clients, Digest, Follower, Hash, Permit, Roll, Scope, Signed, Style, Unsigned,
};
use crate::record::Instant;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::http::request::Parts;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use subtle::ConstantTimeEq;

/// What each path needs, the hot one first.
pub const NEEDS: [(&str, Scope); 25] = [
    ("/v1/check", Scope::Check),
    ("/v1/screen", Scope::Screen),
    ("/v1/evidence", Scope::Check),
    ("/v1/search", Scope::Search),
    ("/v1/suggest", Scope::Search),
    ("/v1/cross", Scope::Batch),
    ("/v1/jobs", Scope::Batch),
    ("/v1/jobs/{id}", Scope::Batch),
    ("/v1/jobs/{id}/cancel", Scope::Batch),
    ("/v1/jobs/{id}/result", Scope::Batch),
    ("/v1/jobs/{id}/rejects", Scope::Batch),
    ("/v1/jobs/{id}/page", Scope::Batch),
    ("/match/{dataset}", Scope::Search),
    ("/catalog", Scope::Read),
    ("/algorithms", Scope::Read),
    ("/v1/changes", Scope::Change),
    ("/v1/lists", Scope::Read),
    ("/v1/measures", Scope::Read),
    ("/v1/matters", Scope::Read),
    ("/v1/data", Scope::Read),
    ("/metrics", Scope::Read),
    ("/v1/data/refresh", Scope::Admin),
    ("/v1/data/rollback", Scope::Admin),
    ("/v1/data/approve", Scope::Admin),
    ("/v1/data/discard", Scope::Admin),
];

/// Paths that every client may ask for: what it is told there is its own.
pub const KNOWN: [&str; 2] = ["/v1/receipts/{id}", "/v1/recalls"];

/// Paths that anybody may ask for.
pub const FREE: [&str; 4] = ["/v1/problems", "/healthz", "/readyz", "/openapi.json"];

/// Refusals that are recorded in a second; all are counted.
const RECORDED_MAX: u64 = 20;

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// SHA-256 of the certificate that it showed.
    pub certificate: Option<Digest>,
}

/// A request that may be answered.
pub struct Admitted {
    /// Who sent it.
    pub who: Who,
    /// What its body must be.
    pub(super) signed_body: Option<SignedBody>,
    /// Held while it is answered.
    _permit: Option<Permit>,
}

/// The digest of the body that was signed.
#[derive(Clone, Copy)]
pub(super) struct SignedBody {
    hash: Hash,
    digest: [u8; 32],
}

impl SignedBody {
    fn fits(&self, body: &[u8]) -> bool {
        self.hash.of(body).ct_eq(&self.digest).into()
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It does not say who asks.
    Nobody,
    /// No client has this key, signer or certificate, or the header cannot be read.
    Unknown,
    /// Its signature does not count.
    Unsigned,
    /// Its nonce was used before.
    Replayed,
    /// It alters something, and may have been used before the start.
    Early,
    /// Its body is not the one that was signed.
    Altered,
    /// The client's last day is over.
    Expired,
    /// The client may not ask from there.
    Address,
    /// The client lacks this scope.
    Scope(Scope),
    /// The client asks too much.
    Pace,
}

impl Refusal {
    /// Their words in the audit log and the metrics.
    const CODES: [&str; 10] = [
        "nobody", "unknown", "unsigned", "replayed", "early", "altered", "expired", "address",
        "scope", "pace",
    ];

    /// Where it is counted.
    fn place(self) -> usize {
        match self {
            Refusal::Nobody => 0,
            Refusal::Unknown => 1,
            Refusal::Unsigned => 2,
            Refusal::Replayed => 3,
            Refusal::Early => 4,
            Refusal::Altered => 5,
            Refusal::Expired => 6,
            Refusal::Address => 7,
            Refusal::Scope(_) => 8,
            Refusal::Pace => 9,
        }
    }

    fn code(self) -> &'static str {
        Refusal::CODES[self.place()]
    }
}

/// How many requests were not let in since the start. Cloning shares.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Refused>);

#[derive(Default)]
struct Refused {
    counts: [AtomicU64; Refusal::CODES.len()],
    log: Option<Log>,
    /// The second in which the last was recorded, and how many were in it.
    second: AtomicU64,
    recorded: AtomicU64,
}

impl Refusals {
    /// Recorded in the audit log: twenty a second, that nobody fills it from outside.
    pub fn recorded(log: Log) -> Refusals {
        Refusals(Arc::new(Refused { log: Some(log), ..Refused::default() }))
    }

    /// For one reason, whatever the scope.
    pub fn count(&self, why: Refusal) -> u64 {
        self.0.counts[why.place()].load(Relaxed)
    }

    /// For each reason, by its word.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.counts.iter().map(|count| count.load(Relaxed));
        Refusal::CODES.into_iter().zip(counts)
    }

    /// The one place where everybody passes who is not let in.
    fn note(&self, why: Refusal, peer: &Peer, client: Option<&Client>) {
        self.0.counts[why.place()].fetch_add(1, Relaxed);
        let client = client.map_or("", |client| client.name.as_str());
        tracing::debug!(?why, address = %peer.address, client, "未放行 / a request was not let in");
        if let Some(log) = &self.0.log {
            let record = Record { client, peer: Some(peer.address), ..log.now(Act::Refused) };
            if self.is_within(record.millis / 1_000) {
                // A log that takes nothing says so itself, and nothing is answered here.
                let _ = log.append(0, &Record { outcome: why.code(), ..record });
            }
        }
    }

    /// One more may be recorded in this second.
    fn is_within(&self, second: u64) -> bool {
        if self.0.second.swap(second, Relaxed) != second {
            self.0.recorded.store(0, Relaxed);
        }
        self.0.recorded.fetch_add(1, Relaxed) < RECORDED_MAX
    }
}

/// One worker's own gate.
pub struct Gate {
    clients: RefCell<Follower>,
    refusals: Refusals,
}

impl Gate {
    /// One that knows these clients, and counts what it refuses.
    pub fn new(clients: &Clients, refusals: Refusals) -> Gate {
        Gate { clients: RefCell::new(clients.follow()), refusals }
    }

    /// Who asks, from the head alone. Cost with an API key: a SHA-256 of one block, a look-up, its pace;
    /// allocates nothing.
    ///
    /// # Errors
    ///
    /// It is not known who asks, or who does may not: see [`Refusal`].
    pub fn admit(&self, peer: &Peer, head: &Parts, now_ms: u64) -> Result<Admitted, Problem> {
        let mut follower = self.clients.borrow_mut();
        let path = head.uri.path();
        let (roll, scope) = match (follower.current(), need(path)) {
            (Some(roll), Some(scope)) => (roll, Some(scope)),
            (Some(roll), None) if KNOWN.iter().any(|template| fits(template, path)) => (roll, None),
            // Nothing is routed that the table does not know.
            (Some(_), None) if !FREE.contains(&path) => return Err(Code::NotFound.whole()),
            _ => {
                let who = Who { client: None, peer: peer.address };
                return Ok(Admitted { who, signed_body: None, _permit: None });
            }
        };
        let told = told(&head.headers, peer);
        let known = known(roll, &told, head, now_ms);
        let (client, signature) = known.map_err(|why| self.refuse(why, peer, None))?;
        let nonce = signature.and_then(|it| Some((Nonce::new(it.signer, it.nonce?), it.until)));
        let replayed = |client| Err(self.refuse(Refusal::Replayed, peer, client));
        // What is sent again by another is not at its client's expense.
        if nonce.is_some_and(|(nonce, _)| follower.nonces().knows(nonce)) {
            return replayed(Some(&client));
        }
        let may_be_forgotten = |until| follower.nonces().may_be_forgotten(until);
        if nonce.is_some_and(|(_, until)| alters(&head.method, scope) && may_be_forgotten(until)) {
            return Err(self.refuse(Refusal::Early, peer, Some(&client)));
        }
        let signed_body = signature.and_then(|signature| signature.signed_body);
        let admitted = self.allow(client, scope, peer, now_ms, signed_body)?;
        // Nor is anything kept of what is refused: it may come again as it is.
        match nonce.map(|(nonce, until)| follower.nonces().use_up(nonce, until)) {
            None | Some(Used::Now) => Ok(admitted),
            Some(Used::Before) => replayed(admitted.who.client.as_deref()),
            Some(Used::Full) => Err(Code::Overloaded.whole()),
        }
    }

    fn allow(
        &self,
        client: Arc<Client>,
        scope: Option<Scope>,
        peer: &Peer,
        now_ms: u64,
        signed_body: Option<SignedBody>,
    ) -> Result<Admitted, Problem> {
        let refuse = |why| Err(self.refuse(why, peer, Some(&client)));
        let today = || Instant::of_millis(now_ms).day();
        if client.expires.is_some() && client.has_expired(today()) {
            return refuse(Refusal::Expired);
        }
        if !client.may_ask_from(peer.address) {
            return refuse(Refusal::Address);
        }
        if let Some(scope) = scope.filter(|scope| !client.may(*scope)) {
            return refuse(Refusal::Scope(scope));
        }
        let permit = client.pace.admit();
        let permit =
            permit.map_err(|wait| self.refuse(Refusal::Pace, peer, Some(&client)).after(wait))?;
        let who = Who { client: Some(client), peer: peer.address };
        Ok(Admitted { who, signed_body, _permit: Some(permit) })
    }

    /// The body is the one that was signed.
    ///
    /// # Errors
    ///
    /// It is another.
    pub fn check_body(&self, admitted: &Admitted, body: &[u8]) -> Result<(), Problem> {
        if admitted.signed_body.is_none_or(|signed_body| signed_body.fits(body)) {
            return Ok(());
        }
        let Who { client, peer } = &admitted.who;
        let peer = Peer { address: *peer, certificate: None };
        Err(self.refuse(Refusal::Altered, &peer, client.as_deref()))
    }

    #[cold]
    fn refuse(&self, why: Refusal, peer: &Peer, client: Option<&Client>) -> Problem {
        self.refusals.note(why, peer, client);
        let (code, fault, fault_zh) = match why {
            Refusal::Nobody | Refusal::Unknown => return Code::Unauthenticated.whole(),
            Refusal::Unsigned => (
                Code::Unauthenticated,
                "The signature does not fit this request at this time.",
                "签名与请求或当前时间不符。",
            ),
            Refusal::Replayed => {
                (Code::Unauthenticated, "The nonce was used before.", "随机数已使用过。")
            }
            Refusal::Early => (
                Code::Unauthenticated,
                "It was signed before the service started, which cannot tell whether it was used: sign it anew.",
                "签名早于服务本次启动，无法确认是否已使用过：请重新签名。",
            ),
            Refusal::Altered => (
                Code::Unauthenticated,
                "The body is not the one that was signed.",
                "请求体与签名不符。",
            ),
            Refusal::Expired => (Code::Forbidden, "The client has expired.", "客户端已过有效期。"),
            Refusal::Address => (
                Code::Forbidden,
                "The client may not ask from this address.",
                "不允许从此地址访问。",
            ),
            Refusal::Scope(scope) => return lacking(scope),
            Refusal::Pace => return Code::TooManyRequests.whole(),
        };
        code.whole().because(fault.to_owned(), fault_zh.to_owned())
    }
}

/// A client that may not ask for this.
pub(super) fn lacking(scope: Scope) -> Problem {
    let scope = scope.code();
    Code::Forbidden
        .whole()
        .because(format!("It lacks the scope {scope}."), format!("缺少权限 {scope}。"))
}

/// The scope that a path needs.
fn need(path: &str) -> Option<Scope> {
    let is_it = |(template, _): &&(&str, Scope)| {
        *template == path || (template.contains('{') && fits(template, path))
    };
    NEEDS.iter().find(is_it).map(|(_, scope)| *scope)
}

/// Whether a request does more than ask about subjects and names, which is posted too. Files and crossings are
/// more: they are work.
fn alters(method: &Method, scope: Option<Scope>) -> bool {
    method != Method::GET && !matches!(scope, Some(Scope::Check | Scope::Screen | Scope::Search))
}

/// A path is one of a template's.
pub(super) fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let each = template
        .split('/')
        .all(|part| parts.next().is_some_and(|given| part == given || part.starts_with('{')));
    each && parts.next().is_none()
}

/// What a head tells of who asks.
enum Told<'h> {
    Nobody,
    Unreadable,
    Key(&'h str),
    Signed { hash: Hash, client: &'h str, key: &'h str, signed: Signed<'h> },
    InStyle { style: Style, key: &'h str, signed: Signed<'h> },
    Certificate(Digest),
}

/// A good signature, whose nonce is not used up yet.
#[derive(Clone, Copy)]
struct Signature<'h> {
    signed_body: Option<SignedBody>,
    signer: &'h str,
    nonce: Option<&'h str>,
    until: u64,
}

fn told<'h>(headers: &'h HeaderMap, peer: &Peer) -> Told<'h> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(value) = headers.get(AUTHORIZATION) {
        let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' '))
        else {
            return Told::Unreadable;
        };
        return match scheme {
            _ if scheme.eq_ignore_ascii_case("bearer") => Told::Key(rest.trim()),
            "XC-HMAC-SHA256" => signed(Hash::Sha256, rest),
            "XC-HMAC-SM3" => signed(Hash::Sm3, rest),
            _ => Told::Unreadable,
        };
    }
    if let Some(key) = text("x-app-id") {
        let of = |name| text(name).unwrap_or_default();
        let signed =
            Signed { time: of("x-timestamp"), signature: of("x-signature"), ..Signed::default() };
        return Told::InStyle { style: Style::IdTime, key, signed };
    }
    if let Some(key) = text("x-tif-paasid") {
        let of = |name| text(name).unwrap_or_default();
        let signed = Signed {
            time: of("x-tif-timestamp"),
            nonce: of("x-tif-nonce"),
            signature: of("x-tif-signature"),
            ..Signed::default()
        };
        return Told::InStyle { style: Style::TokenNonce, key, signed };
    }
    peer.certificate.map_or(Told::Nobody, Told::Certificate)
}

fn signed(hash: Hash, parts: &str) -> Told<'_> {
    let (mut client, mut key, mut signed) = ("", "", Signed::default());
    for part in parts.split(',') {
        let Some((name, value)) = part.trim().split_once('=') else { return Told::Unreadable };
        let place = match name {
            "client" => &mut client,
            "key" => &mut key,
            "time" => &mut signed.time,
            "nonce" => &mut signed.nonce,
            "body" => &mut signed.body,
            "signature" => &mut signed.signature,
            _ => return Told::Unreadable,
        };
        // Given twice, one of the two was not meant.
        if !std::mem::replace(place, value).is_empty() {
            return Told::Unreadable;
        }
    }
    Told::Signed { hash, client, key, signed }
}

type Known<'h> = (Arc<Client>, Option<Signature<'h>>);

fn known<'h>(
    roll: &Roll,
    told: &Told<'h>,
    head: &'h Parts,
    now_ms: u64,
) -> Result<Known<'h>, Refusal> {
    let unsigned = |_: Unsigned| Refusal::Unsigned;
    match *told {
        Told::Nobody => Err(Refusal::Nobody),
        Told::Unreadable => Err(Refusal::Unknown),
        Told::Key(key) => {
            let client = roll.by_key(key).ok_or(Refusal::Unknown)?;
            Ok((client.clone(), None))
        }
        Told::Certificate(digest) => {
            let client = roll.by_certificate(&digest).ok_or(Refusal::Unknown)?;
            Ok((client.clone(), None))
        }
        Told::Signed { hash, client: name, key, signed } => {
            let (signer, client) = roll.signer(key).ok_or(Refusal::Unknown)?;
            let is_its = client.name == name && signer.style == Style::Request;
            if !is_its || signer.hash != hash {
                return Err(Refusal::Unknown);
            }
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            let signed = Signed { method: head.method.as_str(), target, ..signed };
            let until = signer.verify(&signed, now_ms).map_err(unsigned)?;
            let digest = digest_of(signed.body).ok_or(Refusal::Unsigned)?;
            let signed_body = Some(SignedBody { hash, digest });
            let signature =
                Signature { signed_body, signer: key, nonce: Some(signed.nonce), until };
            Ok((client.clone(), Some(signature)))
        }
        Told::InStyle { style, key, signed } => {
            let (signer, client) = roll.signer(key).ok_or(Refusal::Unknown)?;
            if signer.style != style {
                return Err(Refusal::Unknown);
            }
            let until = signer.verify(&signed, now_ms).map_err(unsigned)?;
            let nonce = (style == Style::TokenNonce).then_some(signed.nonce);
            Ok((client.clone(), Some(Signature { signed_body: None, signer: key, nonce, until })))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::PATHS;

    #[test]
    fn every_path_needs_a_scope_or_is_free() {
        for (path, _) in PATHS {
            let needs = NEEDS.iter().filter(|(template, _)| template == &path).count();
            let others = [&FREE[..], &KNOWN].concat().iter().filter(|it| **it == path).count();
            assert_eq!(needs + others, 1, "{path}");
        }
        assert_eq!(NEEDS.len() + FREE.len() + KNOWN.len(), PATHS.len());
    }

    #[test]
    fn a_path_needs_what_its_template_says() {
        for (path, scope) in [
            ("/v1/check", Some(Scope::Check)),
            ("/v1/jobs/x/result", Some(Scope::Batch)),
            ("/v1/jobs/x", Some(Scope::Batch)),
            ("/match/default", Some(Scope::Search)),
            ("/v1/jobs/x/other", None),
            ("/v1/jobs/x/result/y", None),
            ("/healthz", None),
        ] {
            assert_eq!(need(path), scope, "{path}");
        }
    }
}
