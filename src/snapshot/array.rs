//! A typed view of a section that keeps the mapping alive. `unsafe` maps it.

#![allow(unsafe_code)]

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable};

/// The bytes of a file, mapped.
#[derive(Clone)]
pub(super) struct Mapped(Arc<Mmap>);

impl Mapped {
    pub(super) fn map(path: &Path) -> io::Result<Mapped> {
        let file = File::open(path)?;
        // SAFETY: a mapping is sound while nobody changes or shortens the file. Snapshots are
        // immutable once published: they are written under another name, synced and renamed, and a
        // store never writes to a published file; deleting one leaves the mapped pages alone.
        let mapping = unsafe { Mmap::map(&file)? };
        Ok(Mapped(Arc::new(mapping)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A slice of `T` inside a mapped snapshot. Cloning shares; dropping the last clone unmaps.
pub struct Array<T> {
    first: *const T,
    len: usize,
    _mapped: Mapped,
    _of: PhantomData<T>,
}

// SAFETY: an `Array` is a shared view of immutable memory that `_mapped` keeps alive; sharing or
// sending it is sharing or sending a `&[T]`.
unsafe impl<T: Sync> Send for Array<T> {}
unsafe impl<T: Sync> Sync for Array<T> {}

impl<T: FromBytes + Immutable> Array<T> {
    /// The view of `bytes[start..start + length]`; `None` when that is outside, no whole number of
    /// `T`, or not aligned for `T`.
    pub(super) fn new(mapped: &Mapped, start: usize, length: usize) -> Option<Array<T>> {
        let bytes = mapped.bytes().get(start..start.checked_add(length)?)?;
        if size_of::<T>() == 0 || !length.is_multiple_of(size_of::<T>()) {
            return None;
        }
        let first = bytes.as_ptr().cast::<T>();
        first.is_aligned().then(|| Array {
            first,
            len: length / size_of::<T>(),
            _mapped: mapped.clone(),
            _of: PhantomData,
        })
    }
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Array<T> {
        Array { first: self.first, len: self.len, _mapped: self._mapped.clone(), _of: PhantomData }
    }
}

impl<T> Deref for Array<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` checked bounds, size and alignment against the mapping that `_mapped` keeps
        // alive and unchanged, and `T: FromBytes` takes any bytes.
        unsafe { std::slice::from_raw_parts(self.first, self.len) }
    }
}

impl AsRef<[u8]> for Array<u8> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Ask the processor to fetch the cache line of a value before it is needed.
#[inline]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
