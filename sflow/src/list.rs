//! Arrays inside a record.

use std::fmt;
use std::slice;

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;
use crate::wire::{self, Input, Value};

/// An array `T<>` inside a record: either bytes of a datagram, or a slice of values to be encoded.
///
/// Bytes are walked once when the record is decoded, so reading the items cannot fail.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    bytes: &'a [u8],
    /// The number of items in `bytes`.
    count: u32,
    /// What there is instead of bytes.
    items: &'a [T],
}

impl<'a, T> List<'a, T> {
    /// Makes a list of values, for encoding.
    #[must_use]
    pub const fn new(items: &'a [T]) -> Self {
        Self {
            bytes: &[],
            count: 0,
            items,
        }
    }

    /// Returns the number of items.
    #[must_use]
    pub const fn len(&self) -> usize {
        if self.items.is_empty() {
            self.count as usize
        } else {
            self.items.len()
        }
    }

    /// Tells whether there are no items.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[expect(private_bounds, reason = "only the types of this crate are items")]
impl<'a, T: Value<'a>> List<'a, T> {
    /// Goes through the items in the order of the wire.
    pub fn iter(&self) -> ListIter<'a, T> {
        ListIter {
            input: Input::new(self.bytes),
            left: self.count,
            items: self.items.iter(),
        }
    }
}

/// Goes through the items of a [`List`].
#[derive(Debug, Clone)]
pub struct ListIter<'a, T> {
    input: Input<'a>,
    left: u32,
    items: slice::Iter<'a, T>,
}

impl<'a, T: Value<'a>> Iterator for ListIter<'a, T> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        let Some(left) = self.left.checked_sub(1) else {
            return self.items.next().copied();
        };
        self.left = left;
        T::read(&mut self.input).ok()
    }
}

impl<'a, T: Value<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> Default for List<'a, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a, T: Value<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Value<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: Value<'a> + Serialize> Serialize for List<'a, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'a, T: Value<'a>> Value<'a> for List<'a, T> {
    const MIN_SIZE: usize = 4;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        let count = input.uint().ok_or(ErrorKind::ArrayOverrun)?;
        let least = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(T::MIN_SIZE))
            .unwrap_or(usize::MAX);
        if T::FIXED {
            let bytes = input.bytes(least).ok_or(ErrorKind::ArrayOverrun)?;
            return Ok(Self {
                bytes,
                count,
                items: &[],
            });
        }
        if least > input.len() {
            return Err(ErrorKind::ArrayOverrun);
        }
        let start = *input;
        for _ in 0..count {
            T::read(input)?;
        }
        Ok(Self {
            bytes: input.since(start),
            count,
            items: &[],
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        wire::put_uint(out, wire::wire_length(self.len()));
        self.iter().for_each(|item| item.write(out));
    }

    fn unknown() -> Self {
        Self::new(&[])
    }
}
