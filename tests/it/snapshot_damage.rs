//! Every byte of a small snapshot flipped, every truncation, a file with more at its end: a clean
//! error, never a panic and never an answer.

use crate::town;
use std::fs;
use xincha::snapshot::{OpenError, Snapshot, Store};

fn small() -> (Vec<u8>, tempfile::TempDir) {
    let mut person = town::listed("court", "李四", &[]);
    person.subject.masked = xincha::record::MaskedIdentifier::parse("1101011900****0006");
    let town = town::build(&[
        town::listed("court", "苏州星河科技有限公司", &["91320500MA0000015D", "320500000000001"]),
        town::listed("red", "苏州明珠建设有限公司", &["91320505MA0000023G"]),
        town::listed("watch", "车", &["苏E12345"]),
        person,
    ]);
    (fs::read(&town.path).unwrap(), tempfile::tempdir().unwrap())
}

fn error_of(bytes: &[u8], folder: &tempfile::TempDir) -> Option<OpenError> {
    let path = folder.path().join("damaged.xcs");
    fs::write(&path, bytes).unwrap();
    Snapshot::open(&path).err()
}

#[test]
fn every_flipped_byte_is_noticed() {
    let (whole, folder) = small();
    assert!(error_of(&whole, &folder).is_none(), "the whole file opens");
    let mut bytes = whole.clone();
    // In memory every byte and two of its bits; on disk, where the mapping is, every 97th.
    for at in 0..bytes.len() {
        for bit in [1u8, 0x80] {
            bytes[at] ^= bit;
            assert!(xincha::snapshot::reader::verify(&bytes).is_err(), "byte {at} bit {bit}");
            if at % 97 == 0 && bit == 1 {
                assert!(error_of(&bytes, &folder).is_some(), "byte {at} on disk");
            }
            bytes[at] ^= bit;
        }
    }
}

#[test]
fn every_truncation_is_noticed() {
    let (whole, folder) = small();
    for length in 0..whole.len() {
        assert!(xincha::snapshot::reader::verify(&whole[..length]).is_err(), "{length} bytes");
        if length % 97 == 0 || length < 70 {
            assert!(error_of(&whole[..length], &folder).is_some(), "{length} bytes on disk");
        }
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(error_of(&longer, &folder).unwrap().to_string().contains("appended"));
}

#[test]
fn errors_say_what_the_damage_likely_means() {
    let (whole, folder) = small();
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);
    let rows: [(Damage, &str); 5] = [
        (&|bytes| bytes.truncate(10), "an interrupted copy"),
        (&|bytes| bytes[0] = b'P', "not a snapshot"),
        (&|bytes| bytes.truncate(bytes.len() - 1), "cut short"),
        (&|bytes| bytes[70] ^= 1, "section \"text\" is damaged"),
        (&|bytes| *bytes.last_mut().unwrap() ^= 1, "table of sections is damaged"),
    ];
    for (damage, expected) in rows {
        let mut bytes = whole.clone();
        damage(&mut bytes);
        let error = error_of(&bytes, &folder).unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn equal_entries_make_equal_bytes() {
    assert_eq!(small().0, small().0);
}

/// A publish that dies at any step leaves the snapshot before it current.
#[test]
fn a_failed_publish_leaves_the_one_before() {
    let (whole, folder) = small();
    let store = Store::open(&folder.path().join("store")).unwrap();
    assert!(store.current().unwrap().is_none());
    let (building, _) = store.building("first").unwrap();
    fs::write(&building, &whole).unwrap();
    let first = store.publish(&building, "first").unwrap();
    assert_eq!(store.current().unwrap(), Some(first.clone()));

    // died while writing: a half file under the building name
    let (wreck, _) = store.building("second").unwrap();
    fs::write(&wreck, &whole[..100]).unwrap();
    assert_eq!(store.current().unwrap(), Some(first.clone()));
    // died after the rename, before the pointer; and while writing the pointer aside
    fs::rename(&wreck, store.folder().join("second.xcs")).unwrap();
    fs::write(store.folder().join("CURRENT.new"), "sec").unwrap();
    assert_eq!(store.current().unwrap(), Some(first.clone()));
    Snapshot::open(&first).unwrap();

    // the next build clears the wreck and succeeds
    let (building, _) = store.building("third").unwrap();
    fs::write(&building, &whole).unwrap();
    let third = store.publish(&building, "third").unwrap();
    assert_eq!(store.current().unwrap(), Some(third));
    store.prune(1).unwrap();
    let left = fs::read_dir(store.folder()).unwrap().count();
    assert_eq!(left, 3, "current, one other, the pointer");
}

#[test]
fn a_pointer_to_nothing_is_an_error_not_an_empty_service() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    fs::write(folder.path().join("CURRENT"), "gone\n").unwrap();
    assert!(store.current().unwrap_err().to_string().contains("not there"));
    fs::write(folder.path().join("CURRENT"), "../gone\n").unwrap();
    assert!(store.current().is_err());
}

/// Writes of one byte at a time, some interrupted: the hash is of what was written.
#[test]
fn a_stuttering_disk_makes_the_same_file() {
    use std::io::{self, Cursor, Seek, SeekFrom, Write};
    struct Stutter(Cursor<Vec<u8>>, u32);
    impl Write for Stutter {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.0.write(&buffer[..buffer.len().min(1 + self.1 as usize % 5)])
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Stutter {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    fn write<W: Write + Seek>(out: W) -> W {
        let mut writer = xincha::snapshot::Writer::new(out).unwrap();
        writer.section("first", b"some bytes that are longer than one write").unwrap();
        writer.section("empty", b"").unwrap();
        writer.begin("parts").unwrap();
        (0..100u8).for_each(|n| writer.write_all(&[n; 7]).unwrap());
        writer.finish().unwrap().0
    }
    let smooth = write(Cursor::new(Vec::new())).into_inner();
    let stuttered = write(Stutter(Cursor::new(Vec::new()), 0)).0.into_inner();
    assert_eq!(smooth, stuttered);
    xincha::snapshot::reader::verify(&smooth).unwrap();
}
