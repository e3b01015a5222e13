//! A snapshot.
//!
//! | letter | the rest is |
//! |---|---|
//! | `s` | alterations of its sections, each of eight bytes: which, where, whether it ends there, what stands there |
//! | `r` | alterations of the file, each of eight bytes: where, what stands there then |
//! | `g` | a signature |
//!
//! Where sections are altered all hashes are made good, as one who forges a snapshot would. Sections that `fst`
//! reads stay as they are: it trusts its bytes, and what stops a forger is the signature.

use crate::ground::{self, BLACK, HIDDEN, MATTER, NOW, PERSON};
use crate::{Corpus, GROUND, folder};
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use uuid::Uuid;
use xincha::http::{Worker, answer};
use xincha::live::{Generation, View};
use xincha::snapshot::{Signature, SigningKey, TrustedKeys, Writer, reader};

/// What the sound one is signed under.
const ID: &str = "20261122T0200Z-4f1c";

static FORGED: LazyLock<PathBuf> = LazyLock::new(|| folder().join("forged.xcs"));
/// The sections of the sound one.
static SECTIONS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let snapshot = &GROUND.1.generation.snapshot;
    let bytes = |name: &str| snapshot.array::<u8>(name).expect("a section").to_vec();
    snapshot.sections().map(|(name, _)| (name.to_owned(), bytes(name))).collect()
});
static SIGNED: LazyLock<(Signature, TrustedKeys)> = LazyLock::new(|| {
    let key = SigningKey::generate().expect("a key");
    (Signature::sign(b"bytes", ID, &key), TrustedKeys::of(&key))
});

/// A forged one is refused or answers, a damaged one is refused; no text but the signature itself is one.
pub fn run(data: &[u8]) -> Corpus {
    match data.split_first() {
        Some((b's', alterations)) => forged(alterations),
        Some((b'r', alterations)) => damaged(alterations),
        Some((b'g', text)) => signature(text),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
}

fn forged(alterations: &[u8]) {
    let mut sections = SECTIONS.clone();
    for alteration in alterations.as_chunks::<8>().0 {
        let [section, low, high, ends, value @ ..] = *alteration;
        let at = usize::from(section) % sections.len();
        let (name, bytes) = &mut sections[at];
        if is_of_fst(name) {
            continue;
        }
        let at = usize::from(u16::from_le_bytes([low, high])).min(bytes.len());
        if ends == 255 {
            bytes.truncate(at);
        } else {
            bytes[at..].iter_mut().zip(value).for_each(|(byte, value)| *byte = value);
        }
    }
    let mut writer = Writer::new(Cursor::new(Vec::new())).expect("a file in memory");
    sections.iter().for_each(|(name, bytes)| writer.section(name, bytes).expect("a section"));
    let bytes = writer.finish().expect("a snapshot").0.into_inner();
    fs::write(&*FORGED, bytes).expect("a file");
    let catalogue = Arc::new(ground::catalogue());
    let Ok(generation) = Generation::open(&FORGED, catalogue, None) else { return };
    let _ = generation.ground.index.validate();
    let view = View::of(Arc::new(generation));
    let (mut worker, mut out) = (Worker::searching(), Vec::new());
    for subject in [BLACK, PERSON, HIDDEN, (BLACK.0, ""), ("苏州星和科技有限公司", "")] {
        let id = if subject.1.is_empty() { "null".to_owned() } else { format!("{:?}", subject.1) };
        let body = format!(
            r#"{{"matter":"{MATTER}","subjects":[{{"ref":"a","name":"{}","id":{id}}}]}}"#,
            subject.0
        );
        let _ = answer(&view, NOW, Uuid::nil(), body.as_bytes(), &mut worker, &mut out);
    }
    assert!(view.listed().entries().all(|entry| entry.names().count() > 0));
}

fn is_of_fst(name: &str) -> bool {
    let part = name.strip_prefix("names.").or_else(|| name.strip_prefix("masks."));
    name == "ids.texts" || part.is_some_and(|part| part.parse::<u8>().is_ok())
}

fn damaged(alterations: &[u8]) {
    let sound = fs::read(GROUND.1.generation.snapshot.path()).expect("a file");
    let mut bytes = sound.clone();
    for alteration in alterations.as_chunks::<8>().0 {
        let [a, b, c, d, value @ ..] = *alteration;
        let at = u32::from_le_bytes([a, b, c, d]) as usize % bytes.len();
        bytes[at..].iter_mut().zip(value).for_each(|(byte, value)| *byte = value);
    }
    assert_eq!(reader::verify(&bytes).is_ok(), bytes == sound);
}

fn signature(text: &[u8]) {
    let Ok(signature) = Signature::parse(text) else { return };
    assert_eq!(signature.to_string().as_bytes(), text);
    let (sound, trusted) = &*SIGNED;
    let holds = signature.verify(b"bytes", ID, trusted).is_ok();
    assert_eq!(holds, signature == *sound);
    assert!(signature.verify(b"other", ID, trusted).is_err());
}
