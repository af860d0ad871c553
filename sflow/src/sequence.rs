//! Samples of a datagram, records of a sample, values of a metric sample: things that are read one by one and may each be bad.

use std::fmt;
use std::slice;

use crate::error::DecodeError;
use crate::wire::{self, Input};

/// Items that are read as they are asked for: either bytes of a datagram, or a slice of values to be encoded.
#[derive(Clone, Copy)]
pub struct Sequence<'a, T> {
    bytes: &'a [u8],
    /// How many items `bytes` is said to hold.
    count: u32,
    /// The offset in the datagram at which `bytes` ends.
    end: u32,
    /// What there is instead of bytes.
    items: &'a [T],
}

/// Something that a sequence holds.
pub(crate) trait Item<'a>: Copy {
    /// Reads the next item; `None` if there are no more.
    fn next_item(walk: &mut Iter<'a, Self>) -> Option<Result<Self, DecodeError>>;
    fn write_item(&self, out: &mut Vec<u8>);
}

/// A place in a datagram, from which its offset is computed only when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The offset of the end of what is walked over.
    end: u32,
    /// The bytes between the place and that end.
    left: usize,
}

impl Place {
    pub(crate) fn offset(self) -> u32 {
        self.end.saturating_sub(wire::wire_length(self.left))
    }
}

impl<'a, T> Sequence<'a, T> {
    /// Makes a sequence of values, for encoding.
    #[must_use]
    pub const fn new(items: &'a [T]) -> Self {
        Self {
            bytes: &[],
            count: 0,
            end: 0,
            items,
        }
    }

    pub(crate) const fn from_wire(bytes: &'a [u8], count: u32, end: u32) -> Self {
        Self {
            bytes,
            count,
            end,
            items: &[],
        }
    }

    /// Returns the same bytes as a sequence of other items; of a slice nothing.
    #[inline(always)]
    pub(crate) const fn raw<U>(&self) -> Sequence<'a, U> {
        Sequence::from_wire(self.bytes, self.count, self.end)
    }

    /// Returns how many items were announced; there may be fewer.
    #[must_use]
    pub fn announced(&self) -> u32 {
        if self.items.is_empty() {
            self.count
        } else {
            wire::wire_length(self.items.len())
        }
    }
}

#[expect(private_bounds, reason = "only the types of this crate are items")]
impl<'a, T: Item<'a>> Sequence<'a, T> {
    /// Goes through the items; a bad one is an error, and the walk goes on behind it where its length was sound.
    #[inline(always)]
    pub fn iter(&self) -> Iter<'a, T> {
        Iter {
            input: Input::new(self.bytes),
            left: self.count,
            end: self.end,
            items: self.items.iter(),
        }
    }

    /// Writes the count and the items; bytes of the wire are copied as they are.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        wire::put_uint(out, self.announced());
        out.extend_from_slice(self.bytes);
        self.items.iter().for_each(|item| item.write_item(out));
    }
}

/// Goes through the items of a [`Sequence`].
#[derive(Debug, Clone)]
pub struct Iter<'a, T> {
    pub(crate) input: Input<'a>,
    /// How many items were announced and not yet looked at.
    left: u32,
    /// The offset in the datagram at which `input` ends.
    pub(crate) end: u32,
    /// What there is instead of bytes.
    items: slice::Iter<'a, T>,
}

impl<T: Copy> Iter<'_, T> {
    /// Returns where the walk stands.
    #[inline(always)]
    pub(crate) fn place(&self) -> Place {
        Place {
            end: self.end,
            left: self.input.len(),
        }
    }

    /// Ends the walk: nothing that follows can be found.
    pub(crate) fn stop(&mut self) {
        self.left = 0;
    }

    /// Counts one item of the wire; `false` if there are no more.
    #[inline(always)]
    pub(crate) fn count(&mut self) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        true
    }

    /// Returns the next item of a slice.
    #[inline(always)]
    pub(crate) fn next_of_slice(&mut self) -> Option<Result<T, DecodeError>> {
        self.items.next().and_then(copy_item)
    }
}

/// Returns a copy; not inline, so that the way of items from the wire stays free of copies.
#[inline(never)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the caller returns it as it is, without moving it"
)]
fn copy_item<T: Copy>(item: &T) -> Option<Result<T, DecodeError>> {
    Some(Ok(*item))
}

impl<'a, T: Item<'a>> Iterator for Iter<'a, T> {
    type Item = Result<T, DecodeError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        T::next_item(self)
    }
}

impl<'a, T: Item<'a>> IntoIterator for Sequence<'a, T> {
    type Item = Result<T, DecodeError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Item<'a> + PartialEq> PartialEq for Sequence<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for Sequence<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
