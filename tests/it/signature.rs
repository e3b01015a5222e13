//! Signed snapshots: what was signed opens, and anything else is refused for its own reason; a
//! publish that fails at any step leaves a signed snapshot current.

use crate::command::{Home, Service};
use crate::town;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use xincha::snapshot::{Signature, SigningKey, Snapshot, Store, TrustedKeys};

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn trusting(keys: &[&SigningKey]) -> TrustedKeys {
    TrustedKeys::parse(&keys.iter().map(|key| key.public()).collect::<Vec<_>>()).unwrap()
}

fn snapshot_of(name: &str) -> Vec<u8> {
    let entry = town::listed("court", name, &["91320500MA0000015D"]);
    fs::read(&town::build(&[entry]).path).unwrap()
}

fn publish(store: &Store, id: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let (building, _) = store.building(id)?;
    fs::write(&building, bytes)?;
    store.publish(&building, id)
}

/// A store that signs, with one snapshot in it.
struct Signed {
    folder: tempfile::TempDir,
    key: SigningKey,
    trusted: TrustedKeys,
    path: PathBuf,
    bytes: Vec<u8>,
}

fn signed() -> Signed {
    let folder = tempfile::tempdir().unwrap();
    let key = key();
    key.save(&folder.path().join("key.pem")).unwrap();
    let trusted = trusting(&[&key]);
    let bytes = snapshot_of("苏州星河科技有限公司");
    let path = publish(&store(&folder), "first", &bytes).unwrap();
    Signed { folder, key, trusted, path, bytes }
}

fn store(folder: &tempfile::TempDir) -> Store {
    let key = SigningKey::load(&folder.path().join("key.pem")).unwrap();
    Store::open(&folder.path().join("store")).unwrap().signing(Some(key))
}

fn refused(path: &Path, trusted: &TrustedKeys) -> String {
    match Snapshot::open_signed(path, trusted) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_published_with_a_key_opens_for_those_who_trust_it() {
    let Signed { folder: _folder, key, trusted, path, .. } = signed();
    let snapshot = Snapshot::open_signed(&path, &trusted).unwrap();
    assert_eq!(snapshot.signed_by(), Some(key.id()));
    assert_eq!(Snapshot::open(&path).unwrap().signed_by(), None, "not asked");
    // old and new key while they are rotated, in either order; then the old one is out
    let new = self::key();
    for keys in [[&key, &new], [&new, &key]] {
        Snapshot::open_signed(&path, &trusting(&keys)).unwrap();
    }
    let error = refused(&path, &trusting(&[&new]));
    assert!(error.contains("not trusted") && error.contains(&key.id().to_string()), "{error}");
    assert!(refused(&path, &TrustedKeys::default()).contains("not trusted"));
}

#[test]
fn every_flipped_byte_of_the_snapshot_is_refused() {
    let Signed { folder: _folder, trusted, path, mut bytes, .. } = signed();
    let signature = Signature::beside(&path).unwrap();
    signature.verify(&bytes, "first", &trusted).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        let error = signature.verify(&bytes, "first", &trusted).expect_err("flipped").to_string();
        assert!(error.contains("altered"), "byte {at}: {error}");
        // in memory every byte; on disk, where the mapping is, every 97th
        if at % 97 == 0 {
            fs::write(&path, &bytes).unwrap();
            assert!(refused(&path, &trusted).contains("altered"), "byte {at} on disk");
        }
        bytes[at] ^= 1;
    }
}

#[test]
fn every_flipped_or_missing_byte_of_the_signature_file_is_refused() {
    let Signed { folder: _folder, trusted, path, .. } = signed();
    let file = Signature::path_of(&path);
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        for bit in [1, 2, 0x20, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= bit;
            fs::write(&file, &bytes).unwrap();
            let error = refused(&path, &trusted);
            let expected = ["the signature file is damaged", "not trusted"];
            assert!(expected.iter().any(|part| error.contains(part)), "byte {at}: {error}");
        }
        fs::write(&file, &whole[..at]).unwrap();
        assert!(refused(&path, &trusted).contains("damaged"), "{at} bytes");
    }
    fs::write(&file, [&whole[..], &[b'\n'; 5000]].concat()).unwrap();
    assert!(refused(&path, &trusted).contains("damaged"));
    fs::write(&file, &whole).unwrap();
    Snapshot::open_signed(&path, &trusted).unwrap();
}

#[test]
fn a_snapshot_cut_short_or_appended_to_is_refused() {
    let Signed { folder: _folder, trusted, path, bytes, .. } = signed();
    for length in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = refused(&path, &trusted);
        let expected = if length < 64 { "too short" } else { "altered" };
        assert!(error.contains(expected), "{length} bytes: {error}");
    }
    fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
    assert!(refused(&path, &trusted).contains("altered"));
}

/// Files that are sound in themselves: their checksums say nothing against them.
#[test]
fn a_sound_snapshot_that_nobody_signed_here_is_refused() {
    let Signed { folder, key, trusted, path, bytes } = signed();
    let (second, other) = (store(&folder), snapshot_of("苏州明珠建设有限公司"));
    let second = publish(&second, "second", &other).unwrap();
    let sig = Signature::path_of;

    // contents of another under this name
    fs::copy(&second, &path).unwrap();
    Snapshot::open(&path).unwrap();
    assert!(refused(&path, &trusted).contains("altered"));
    // and its signature too: a good one, of another snapshot
    fs::copy(sig(&second), sig(&path)).unwrap();
    let error = refused(&path, &trusted);
    assert!(error.contains("of the snapshot second, not of first"), "{error}");
    // its signature beside the true contents
    fs::write(&path, &bytes).unwrap();
    assert!(refused(&path, &trusted).contains("of the snapshot second, not of first"));
    // a file that names this snapshot, and a signature that is of another
    let forged = fs::read_to_string(sig(&second)).unwrap().replace("id second", "id first");
    fs::write(sig(&path), forged).unwrap();
    assert!(refused(&path, &trusted).contains("does not hold"));
    // a stranger's signature, also under the trusted key's name
    let stranger = self::key();
    let document = Signature::sign(&bytes, "first", &stranger).to_string();
    fs::write(sig(&path), &document).unwrap();
    assert!(refused(&path, &trusted).contains(&stranger.id().to_string()));
    let claimed = document.replace(&stranger.id().to_string(), &key.id().to_string());
    fs::write(sig(&path), claimed).unwrap();
    assert!(refused(&path, &trusted).contains("does not hold"));
    // none
    fs::remove_file(sig(&path)).unwrap();
    assert!(refused(&path, &trusted).contains("unsigned"));
    Snapshot::open(&path).unwrap();
    // and a store without a key publishes what only those open who do not ask
    let plain = Store::open(&folder.path().join("plain")).unwrap();
    let plain = publish(&plain, "first", &bytes).unwrap();
    assert!(refused(&plain, &trusted).contains("unsigned"));
}

/// The mapping that was verified is the one that is used, whatever then happens to the name.
#[test]
fn what_was_opened_stays_when_its_name_is_taken() {
    let Signed { folder, trusted, path, bytes, .. } = signed();
    let snapshot = Snapshot::open_signed(&path, &trusted).unwrap();
    let other = folder.path().join("other");
    fs::write(&other, snapshot_of("苏州明珠建设有限公司")).unwrap();
    fs::rename(&other, &path).unwrap();
    let (name, length) = snapshot.sections().next().unwrap();
    let section = snapshot.array::<u8>(name).unwrap();
    assert!(length > 0 && section[..] == bytes[64..64 + length as usize]);
}

fn names(store: &Store) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<String> = fs::read_dir(store.folder())
        .unwrap()
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files of a store whose first snapshot is current, and others.
fn beside_the_first<'a>(others: &[&'a str]) -> Vec<&'a str> {
    let mut all = [&["CURRENT", "first.sig", "first.xcs"], others].concat();
    all.sort();
    all
}

/// A folder stands where a step wants to write, so the publish fails there for real. The next build
/// removes what the failed one left, but a whole snapshot, which pruning removes.
#[test]
fn a_publish_that_fails_at_any_step_leaves_the_one_before() {
    let whole = ["second.sig", "second.xcs"];
    let rows: [(&str, &[&str], &[&str]); 4] = [
        ("building-second.sig", &["building-second"], &[]),
        ("second.sig", &["building-second", "building-second.sig"], &[]),
        ("second.xcs", &["building-second", "second.sig"], &[]),
        ("CURRENT.new", &whole, &whole),
    ];
    for (obstacle, left, kept) in rows {
        let Signed { folder, trusted, path, bytes, .. } = signed();
        let store = store(&folder);
        let (building, _) = store.building("second").unwrap();
        fs::write(&building, &bytes).unwrap();
        fs::create_dir(store.folder().join(obstacle)).unwrap();
        store.publish(&building, "second").expect_err(obstacle);
        fs::remove_dir(store.folder().join(obstacle)).unwrap();
        assert_eq!(names(&store), beside_the_first(left), "{obstacle}");
        assert_eq!(store.current().unwrap(), Some(path.clone()), "{obstacle}");
        Snapshot::open_signed(&path, &trusted).unwrap();
        if !kept.is_empty() {
            Snapshot::open_signed(&store.folder().join("second.xcs"), &trusted).unwrap();
        }

        let (building, _) = store.building("third").unwrap();
        let expected = beside_the_first(&[&["building-third"], kept].concat());
        assert_eq!(names(&store), expected, "{obstacle}");
        fs::write(&building, &bytes).unwrap();
        let third = store.publish(&building, "third").unwrap();
        assert_eq!(store.current().unwrap(), Some(third.clone()));
        Snapshot::open_signed(&third, &trusted).unwrap();
        store.prune(0).unwrap();
        assert_eq!(names(&store), ["CURRENT", "third.sig", "third.xcs"], "{obstacle}");
    }
}

#[test]
fn pruning_that_died_between_snapshot_and_signature_is_finished_by_the_next_build() {
    let Signed { folder, bytes, path, .. } = signed();
    let store = store(&folder);
    publish(&store, "second", &bytes).unwrap();
    fs::remove_file(path).unwrap();
    publish(&store, "third", &bytes).unwrap();
    let expected = ["CURRENT", "second.sig", "second.xcs", "third.sig", "third.xcs"];
    assert_eq!(names(&store), expected);
}

const CHECK: [&str; 5] =
    ["check", "--matter", "11320500000000019Y3000123456001", "--id", "91320507MA00001031"];

/// Make a key with the command; answers the two lines to configure.
fn keygen(home: &Home, name: &str) -> (String, String) {
    let file = home.folder.path().join(name);
    let (code, out, err) = home.run(&["keygen", "--out", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let line = |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    (line("signing_key = "), line("trusted_keys = "))
}

/// Replace what the configuration says of keys.
fn configure(home: &Home, build_on_start: bool, lines: &[&str]) {
    let text = fs::read_to_string(home.config()).unwrap();
    let is_other = |line: &&str| {
        !["build_on_start", "signing_key", "trusted_keys"].iter().any(|key| line.starts_with(key))
    };
    let kept: Vec<&str> = text.lines().filter(is_other).collect();
    let started = format!("build_on_start = {build_on_start}");
    let text = [&kept[..], &[started.as_str()], lines].concat().join("\n") + "\n";
    fs::write(home.config(), text).unwrap();
}

/// What the service says until it serves, or until it ends.
fn serve(home: &Home) -> (bool, String) {
    let mut service = Service(
        home.command(&["serve"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap(),
    );
    let mut log = String::new();
    for line in BufReader::new(service.0.stderr.take().unwrap()).lines() {
        log += &(line.unwrap() + "\n");
        if log.contains("http://") {
            return (true, log);
        }
    }
    let until = Instant::now() + Duration::from_secs(20);
    while service.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "neither serves nor ends: {log}");
        std::thread::sleep(Duration::from_millis(10));
    }
    (false, log)
}

#[test]
fn the_command_makes_a_key_signs_and_refuses_what_was_tampered_with() {
    let home = Home::new();
    let (signing, trusted) = keygen(&home, "key.pem");
    let file = home.folder.path().join("key.pem");
    let (code, _, err) = home.run(&["keygen", "--out", file.to_str().unwrap()]);
    assert!(code == 1 && err.contains("never overwritten"), "{err}");
    configure(&home, false, &[&signing, &trusted]);

    let (code, _, err) = home.run(&["build"]);
    assert!(code == 0 && err.contains("will be signed"), "{err}");
    let (code, out, err) = home.run(&["verify"]);
    assert!(code == 0 && out.contains("signed by key"), "{out}{err}");
    assert_eq!(home.run(&CHECK).0, 0);
    let (serves, log) = serve(&home);
    assert!(serves, "{log}");

    // Without the key it cannot build another that it would trust.
    configure(&home, false, &[&trusted]);
    let snapshots = home.folder.path().join("snapshots");
    let id = fs::read_to_string(snapshots.join("CURRENT")).unwrap();
    let path = snapshots.join(format!("{}.xcs", id.trim()));
    let (whole, sig) = (fs::read(&path).unwrap(), Signature::path_of(&path));
    let refused = |expected: &str| {
        for arguments in [&CHECK[..], &["verify"], &["verify", path.to_str().unwrap()]] {
            let (code, _, err) = home.run(arguments);
            assert!(code == 1 && err.contains(expected), "{arguments:?}: {err}");
        }
        let (serves, log) = serve(&home);
        assert!(!serves && log.contains(expected), "{log}");
    };
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(&path, bytes).unwrap();
    refused("altered since it was signed");
    fs::write(&path, whole).unwrap();
    let document = fs::read(&sig).unwrap();
    fs::remove_file(&sig).unwrap();
    refused("unsigned");
    let (_, others) = keygen(&home, "other.pem");
    fs::write(&sig, document).unwrap();
    configure(&home, false, &[&others]);
    refused("not trusted");

    // without trusted keys nothing is asked, and verify says so
    configure(&home, false, &[]);
    let (code, out, _) = home.run(&["verify"]);
    assert!(code == 0 && out.contains("not checked, says key"), "{out}");
    fs::remove_file(&sig).unwrap();
    let (code, out, _) = home.run(&["verify"]);
    assert!(code == 0 && out.contains("unsigned"), "{out}");
}

#[test]
fn a_builder_whose_key_is_wrong_is_told_before_it_reads_a_feed() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let (signing, _) = keygen(&home, "key.pem");
    let (_, others) = keygen(&home, "other.pem");
    assert_eq!(home.run(&["build"]).0, 0, "a snapshot that a failed build could fall back to");
    let told = |expected: &str| {
        let (code, _, err) = home.run(&["build"]);
        assert!(code == 1 && err.contains(expected), "{err}");
        let (serves, log) = serve(&home);
        assert!(!serves && log.contains(expected), "{log}");
    };
    configure(&home, true, &[&signing, &others]);
    told("is not among the trusted keys");
    configure(&home, true, &[&others]);
    told("no signing_key");
    configure(&home, true, &["signing_key = \"key.pem\""]);
    let file = home.folder.path().join("key.pem");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    told("chmod 600");
    fs::write(&file, "nothing").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    told("no Ed25519 private key");
}
