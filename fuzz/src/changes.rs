//! The body of `POST /v1/changes` (`b`), and a commit as a ledger keeps it (`k`).

use crate::ground::NOW;
use crate::{Corpus, GROUND};
use std::sync::Arc;
use uuid::Uuid;
use xincha::http::{Worker, answer, changes};
use xincha::ledger::Commit;
use xincha::live::View;

/// What is taken is kept as it was taken, fits or is refused, and can be asked about.
pub fn run(data: &[u8]) -> Corpus {
    let Some((letter, bytes)) = data.split_first() else { return Corpus::Reject };
    let mut view = View::clone(&GROUND.1);
    match letter {
        b'b' => {
            let catalogue = view.generation.ground.catalogue.clone();
            let Ok(changes) = changes::read(bytes, &catalogue) else { return Corpus::Keep };
            let commit = Commit { first: view.overlay.change() + 1, at: NOW, changes };
            assert_eq!(Commit::from_bytes(&commit.to_bytes()).as_ref(), Ok(&commit));
            for change in &commit.changes {
                let before = view.overlay.change();
                match view.apply(change) {
                    Ok(number) => assert_eq!((number, view.overlay.change()), (before + 1, number)),
                    Err(_) => assert_eq!(view.overlay.change(), before),
                }
            }
        }
        b'k' => {
            let Ok(commit) = Commit::from_bytes(bytes) else { return Corpus::Keep };
            assert_eq!(Commit::from_bytes(&commit.to_bytes()).as_ref(), Ok(&commit));
            assert_eq!(commit.last() - commit.first + 1, commit.changes.len() as u64);
            assert!(commit.after(commit.last()).is_empty());
            commit.after(commit.first - 1).iter().for_each(|change| view.replay(change));
        }
        _ => return Corpus::Reject,
    }
    ask(&view);
    Corpus::Keep
}

/// Whoever was changed is found without a fault.
fn ask(view: &View) {
    let (mut worker, mut out) = (Worker::searching(), Vec::new());
    let listed = view.listed();
    let subjects: Vec<serde_json::Value> = listed
        .entries()
        .filter(|entry| !entry.name().is_empty() && entry.name().len() <= 256)
        .take(20)
        .map(|entry| serde_json::json!({"ref": "a", "name": entry.name()}))
        .collect();
    let body =
        serde_json::json!({"matter": crate::ground::MATTER, "subjects": subjects}).to_string();
    let view = &Arc::new(view.clone());
    let _ = answer(view, NOW, Uuid::nil(), body.as_bytes(), &mut worker, &mut out);
    view.overlay.standing();
    view.keys();
}
