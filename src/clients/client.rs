//! A client, and what it may.

use super::pace::Pace;
use super::recall_url::RecallUrl;
use crate::record::Day;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// A kind of request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Check the subjects of a handling.
    Check,
    /// Screen the bidders of a section.
    Screen,
    /// Look for names.
    Search,
    /// Hand in whole files, compare lists with lists.
    Batch,
    /// Send changes of lists.
    Change,
    /// Read the catalogue and the state of the data.
    Read,
    /// Read what was asked and answered.
    Audit,
    /// Refresh, roll back, approve, discard.
    Admin,
    /// See persons' names and numbers whole where a document is made of what was asked.
    Unmasked,
}

impl Scope {
    /// All, in the order of their words.
    pub const ALL: [Scope; 9] = [
        Scope::Check,
        Scope::Screen,
        Scope::Search,
        Scope::Batch,
        Scope::Change,
        Scope::Read,
        Scope::Audit,
        Scope::Admin,
        Scope::Unmasked,
    ];

    /// Its word.
    pub fn code(self) -> &'static str {
        match self {
            Scope::Check => "check",
            Scope::Screen => "screen",
            Scope::Search => "search",
            Scope::Batch => "batch",
            Scope::Change => "change",
            Scope::Read => "read",
            Scope::Audit => "audit",
            Scope::Admin => "admin",
            Scope::Unmasked => "unmasked",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let known = Scope::ALL.into_iter().find(|scope| scope.code() == text);
        known.ok_or_else(|| {
            let words = Scope::ALL.map(Scope::code).join(", ");
            format!("应为其一 / is none of: {words}")
        })
    }
}

/// Some of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// It is one of them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(all: I) -> Scopes {
        Scopes(all.into_iter().fold(0, |bits, scope| bits | 1 << scope as u16))
    }
}

/// Whoever asks, as the file tells it. `None` is no bound.
#[derive(Debug)]
pub struct Client {
    /// Its name in the file.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Codes of matters that it may ask about.
    pub matters: Option<BTreeSet<String>>,
    /// Codes of lists that what it asks may rest on.
    pub lists: Option<BTreeSet<String>>,
    /// Codes of lists that it may change.
    pub change_lists: Option<BTreeSet<String>>,
    /// Networks that it may ask from.
    pub addresses: Option<Vec<IpNet>>,
    /// The last day on which it may ask, in Asia/Shanghai.
    pub expires: Option<Day>,
    /// It must say for what it asks about natural persons.
    pub purpose: bool,
    /// Where it is told of recalls; nowhere where there is none.
    pub recall_url: Option<RecallUrl>,
    /// How much it asks. Lives on when the file is read again.
    pub pace: Arc<Pace>,
}

impl Client {
    /// It may ask for this.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// It may ask about the matter of this code.
    pub fn may_handle(&self, matter: &str) -> bool {
        self.matters.as_ref().is_none_or(|matters| matters.contains(matter))
    }

    /// What it asks may rest on the list of this code.
    pub fn may_consult(&self, list: &str) -> bool {
        self.lists.as_ref().is_none_or(|lists| lists.contains(list))
    }

    /// It may change the list of this code.
    pub fn may_change(&self, list: &str) -> bool {
        self.change_lists.as_ref().is_none_or(|lists| lists.contains(list))
    }

    /// It may ask from this address.
    pub fn may_ask_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let networks = self.addresses.as_ref();
        networks.is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }

    /// Its last day is over.
    pub fn has_expired(&self, today: Day) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}
