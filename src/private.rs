//! Files that their owner alone may use.

use std::fs::{File, metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Make one, which is whoever's something else is: what an administrator makes for a service that has a user of its own
/// would not be read by that. Whoever may not give files away keeps it.
///
/// # Errors
///
/// There is a file already, or it cannot be made.
pub fn create(path: &Path, like: &Path) -> io::Result<File> {
    let file = File::options().create_new(true).write(true).mode(0o600).open(path)?;
    if let Ok(like) = metadata(like) {
        let _ = fchown(&file, Some(like.uid()), Some(like.gid()));
    }
    Ok(file)
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
