//! SHA-256 (FIPS 180-4) or SM3 (GB/T 32905-2016): the hash of the whole log, chosen once.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A hash.
pub type Hash = [u8; 32];

/// Before what a chain links.
const LINK: u8 = 0;
/// Before two nodes of a tree (RFC 6962, section 2.1).
const NODE: u8 = 1;
/// Before what was asked and answered.
const TEXTS: u8 = 2;
/// Before a line of seals.
const LINE: u8 = 3;

/// Which hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Algorithm {
    /// SHA-256. Cost: 40 ns for each 64 bytes where the processor has instructions for it.
    #[default]
    Sha256 = 0,
    /// SM3. Cost: 250 ns for each 64 bytes.
    Sm3 = 1,
}

impl Algorithm {
    /// That of a number.
    pub fn from_number(number: u8) -> Option<Algorithm> {
        [Algorithm::Sha256, Algorithm::Sm3].into_iter().find(|it| *it as u8 == number)
    }

    fn hash(self, kind: &[u8], parts: &[&[u8]]) -> Hash {
        fn of<D: sha2::Digest<OutputSize = sha2::digest::consts::U32>>(
            kind: &[u8],
            parts: &[&[u8]],
        ) -> Hash {
            let mut hash = D::new();
            hash.update(kind);
            parts.iter().for_each(|part| hash.update(part));
            hash.finalize().into()
        }
        match self {
            Algorithm::Sha256 => of::<sha2::Sha256>(kind, parts),
            Algorithm::Sm3 => of::<sm3::Sm3>(kind, parts),
        }
    }

    /// That of a record after the record before it.
    pub fn link(self, previous: &Hash, payload: &[u8]) -> Hash {
        self.hash(&[LINK], &[previous, payload])
    }

    /// That of two nodes.
    pub fn node(self, left: &Hash, right: &Hash) -> Hash {
        self.hash(&[NODE], &[left, right])
    }

    /// That of a line of seals.
    pub fn line(self, line: &[u8]) -> Hash {
        self.hash(&[LINE], &[line])
    }

    /// One of many secrets of one: the first hash of one-step key derivation (NIST SP 800-56C rev. 2, section 4,
    /// option 1). One block, where HMAC takes two.
    pub(super) fn derive(self, secret: &Hash, of: &[u8; 16]) -> Hash {
        self.hash(&1u32.to_be_bytes(), &[secret, of])
    }

    /// What commits to a request and its answer: without the salt neither can be guessed from it, with the
    /// salt both can be held against it.
    /// `answer` may come in parts.
    pub fn commit(self, salt: &Hash, request: &[u8], answer: &[&[u8]]) -> Hash {
        let length = (request.len() as u64).to_le_bytes();
        let mut parts = SmallVec::<[&[u8]; 8]>::from_slice(&[salt, &length, request]);
        parts.extend_from_slice(answer);
        self.hash(&[TEXTS], &parts)
    }
}

/// A request to which its path and query belong, as it is committed to: these, a line break, the body.
pub fn with_target(target: &str, body: &[u8]) -> Vec<u8> {
    [target.as_bytes(), b"\n", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_of_their_standards() {
        // The examples of both standards: the kind is the first letter of "abc".
        let of_abc = |algorithm: Algorithm| hex::encode(algorithm.hash(b"a", &[b"b", b"c"]));
        assert_eq!(
            of_abc(Algorithm::Sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            of_abc(Algorithm::Sm3),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }

    #[test]
    fn what_is_asked_and_what_is_answered_are_told_apart() {
        let commit =
            |request: &[u8], answer: &[u8]| Algorithm::Sha256.commit(&[7; 32], request, &[answer]);
        assert_ne!(commit(b"ab", b"c"), commit(b"a", b"bc"));
    }
}
