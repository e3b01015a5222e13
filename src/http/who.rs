//! Whoever asks, and what it may ask about.

use super::gate::lacking;
use super::problem::{Code, Problem};
use crate::catalogue::{Catalogue, ListNo, MatterNo};
use crate::clients::{Client, Scope};
use axum::extract::Request;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// A client, and where it asks from; no client where there are none, and everything may be asked.
#[derive(Clone, Debug)]
pub struct Who {
    /// The client.
    pub client: Option<Arc<Client>>,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
}

impl Who {
    /// Whoever asks where there are no clients.
    pub(super) const ANYBODY: Who =
        Who { client: None, peer: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED) };

    /// Who sent the request.
    pub(super) fn of(request: &Request) -> Result<Who, Problem> {
        request.extensions().get::<Who>().cloned().ok_or(Code::Internal.whole())
    }

    /// Its name. Where it is no client, its address; a host has as many addresses of the sixth version as it
    /// likes: all that begin as a network's do are one.
    pub fn name(&self) -> String {
        const NETWORK: u32 = 64;
        match (&self.client, self.peer.to_canonical()) {
            (Some(client), _) => client.name.clone(),
            (None, IpAddr::V4(ip)) => ip.to_string(),
            (None, IpAddr::V6(ip)) => {
                let network = ip.to_bits() >> (128 - NETWORK) << (128 - NETWORK);
                format!("{}/{NETWORK}", Ipv6Addr::from_bits(network))
            }
        }
    }

    /// It has the scope.
    pub(super) fn has(&self, scope: Scope) -> bool {
        self.client.as_ref().is_none_or(|client| client.may(scope))
    }

    /// It must have the scope.
    pub(super) fn must_have(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) { Ok(()) } else { Err(lacking(scope)) }
    }

    /// It may ask about a matter, and use the lists on which what is told of it rests.
    pub(super) fn may_handle(
        &self,
        catalogue: &Catalogue,
        matter: MatterNo,
        at: &str,
    ) -> Result<(), Problem> {
        let Some(client) = &self.client else { return Ok(()) };
        may_handle(client, catalogue, matter, at)
    }

    /// What it asks may rest on these lists.
    pub(super) fn may_consult(
        &self,
        catalogue: &Catalogue,
        lists: impl IntoIterator<Item = ListNo>,
        at: &str,
    ) -> Result<(), Problem> {
        let Some(client) = &self.client else { return Ok(()) };
        may_consult(client, catalogue, lists, at)
    }

    /// Codes of the lists that it may use; all where there are none.
    pub(super) fn lists(&self) -> Option<&BTreeSet<String>> {
        self.client.as_ref()?.lists.as_ref()
    }

    /// It may change the list of this code.
    pub(super) fn may_change(
        &self,
        list: &str,
        at: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        if self.client.as_ref().is_none_or(|client| client.may_change(list)) {
            return Ok(());
        }
        Err(forbidden(&at(), "It may not change this list.", "无权变更此名单。"))
    }
}

/// A client may ask about a matter, and use the lists on which what is told of it rests.
pub(super) fn may_handle(
    client: &Client,
    catalogue: &Catalogue,
    matter: MatterNo,
    at: &str,
) -> Result<(), Problem> {
    // What is asked without a matter has no code, which no client is given.
    if !client.may_handle(&catalogue.matter(matter).code) {
        return Err(forbidden(at, "It may not ask about this matter.", "无权核查此事项。"));
    }
    may_consult(client, catalogue, catalogue.rests_on(matter), at)
}

/// What is left out would be a silent "clear": who may not see a list is told so.
fn may_consult(
    client: &Client,
    catalogue: &Catalogue,
    lists: impl IntoIterator<Item = ListNo>,
    at: &str,
) -> Result<(), Problem> {
    if client.lists.is_none() {
        return Ok(());
    }
    let refused = lists.into_iter().find(|&list| !client.may_consult(&catalogue.list(list).code));
    let Some(list) = refused else { return Ok(()) };
    let code = &catalogue.list(list).code;
    let told = [
        format!("It may not use the list {code}, on which this rests."),
        format!("无权使用所涉名单 {code}。"),
    ];
    let [en, zh] = told;
    Err(Code::Forbidden.at(at).because(en, zh))
}

fn forbidden(at: &str, fault: &str, fault_zh: &str) -> Problem {
    Code::Forbidden.at(at).because(fault.to_owned(), fault_zh.to_owned())
}
