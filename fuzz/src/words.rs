//! Words: the whole is a text; a signed request has a part a line.

use crate::{Corpus, GROUND};
use std::cell::RefCell;
use xincha::audit::ReceiptNo;
use xincha::clients::{Digest, Hash, Signed, Signer, Style};
use xincha::cross::Expression;
use xincha::record::{Identifier, IdentifierKind, MaskedIdentifier, Packed};
use xincha::secret::Secret;
use xincha::source::date;
use xincha::text::{Keys, Name};

thread_local! {
    static SCRATCH: RefCell<(Keys, Name)> = RefCell::default();
}

/// What is read and written is read as the same; nobody who does not know the secret has signed.
pub fn run(data: &[u8]) -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    identifiers(text);
    names(text);
    days(text);
    expressions(text);
    signatures(text);
    if let Ok(no) = text.parse::<ReceiptNo>() {
        assert_eq!(no.to_string(), text);
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
    Corpus::Keep
}

fn identifiers(text: &str) {
    let kinds = (0..=u8::MAX).map_while(IdentifierKind::from_number);
    let stated = kinds.map(|kind| Identifier::of(kind, text));
    let masked = MaskedIdentifier::parse(text);
    for identifier in stated.chain([Identifier::recognise(text)]).flatten() {
        assert_eq!(Identifier::of(identifier.kind(), identifier.text()).as_ref(), Ok(&identifier));
        assert!(identifier.agrees(&identifier).is_some() && !identifier.contradicts(&identifier));
        if let Some(packed) = Packed::pack(&identifier) {
            assert_eq!(packed.unpack().as_ref(), Some(&identifier));
        }
        let _ = (identifier.derived(), identifier.masked(), identifier.hidden());
        let _ = masked.as_ref().map(|masked| masked.fits(&identifier));
    }
    if let Some(masked) = &masked {
        assert_eq!(MaskedIdentifier::parse(masked.text()).as_ref(), Some(masked));
    }
    Packed::prefix_ranges(text);
}

/// Keys of a key are the key.
fn names(text: &str) {
    SCRATCH.with_borrow_mut(|(keys, name)| {
        keys.of(text);
        let folded = keys.folded.clone();
        keys.of(&folded);
        assert_eq!(keys.folded, folded);
        name.of(text);
    });
    let view = &GROUND.1;
    view.listed().named(text).for_each(drop);
    view.listed().suspects(text).for_each(drop);
}

fn days(text: &str) {
    if let Ok(Some(day)) = date::read(text) {
        assert_eq!(date::read(&day.to_string()), Ok(Some(day)));
        assert_eq!(date::read_end(text), Ok(Some(day)));
    }
    let _ = (date::read_end(text), date::is_null(text));
}

fn expressions(text: &str) {
    let catalogue = &GROUND.1.generation.ground.catalogue;
    match Expression::parse(text, catalogue) {
        Ok(expression) => drop(expression.sides()),
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.column)),
    }
}

fn signatures(text: &str) {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let signed = Signed {
        time: line(),
        nonce: line(),
        signature: line(),
        body: line(),
        method: line(),
        target: line(),
    };
    for (hash, style) in [
        (Hash::Sha256, Style::Request),
        (Hash::Sm3, Style::IdTime),
        (Hash::Sha256, Style::TokenNonce),
    ] {
        let signer = Signer {
            id: "k".to_owned(),
            secret: Secret::new("sixteen bytes, or more"),
            hash,
            style,
        };
        for now in [0, 1_795_312_800_000, u64::MAX] {
            assert!(signer.verify(&signed, now).is_err(), "signed by nobody");
        }
    }
}
