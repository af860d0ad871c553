//! Reading and writing XDR (RFC 4506): the one module that speaks `nom`.
//!
//! All sizes are multiples of four bytes and all numbers big-endian. A final pad that is missing is tolerated, because a length
//! has already said where the content ends.
//!
//! The parsers of single values are our own and `nom` joins them: `nom`'s own build a number byte by byte, which the compiler does
//! not always turn back into one load.

use nom::error::ParseError;
use nom::{IResult, Parser};

use crate::error::ErrorKind;
use crate::tag::Tag;

/// The error of the parsers in here: there was less input than needed. What that means is for the caller to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Short;

impl<I> ParseError<I> for Short {
    fn from_error_kind(_: I, _: nom::error::ErrorKind) -> Self {
        Self
    }

    fn append(_: I, _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// Parses exactly `N` bytes.
#[inline(always)]
fn array<const N: usize>(input: &[u8]) -> IResult<&[u8], [u8; N], Short> {
    match input.split_first_chunk() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Err(nom::Err::Error(Short)),
    }
}

/// Parses an `unsigned int`.
#[inline(always)]
fn uint(input: &[u8]) -> IResult<&[u8], u32, Short> {
    array.map(u32::from_be_bytes).parse_complete(input)
}

/// Parses exactly `length` bytes.
#[inline(always)]
fn bytes<'a>(length: usize) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Short> {
    move |input: &'a [u8]| match input.split_at_checked(length) {
        Some((content, rest)) => Ok((rest, content)),
        None => Err(nom::Err::Error(Short)),
    }
}

/// Parses `length` bytes and the pad that follows them, as far as there is one.
#[inline(always)]
fn padded<'a>(length: u32) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Short> {
    let length = length as usize;
    let with_pad = length.wrapping_add(3) & !3;
    move |input: &'a [u8]| match input.split_at_checked(with_pad) {
        Some((content, rest)) => match content.get(..length) {
            Some(content) => Ok((rest, content)),
            None => Err(nom::Err::Error(Short)),
        },
        None => without_pad(length, input),
    }
}

#[cold]
fn without_pad(length: usize, input: &[u8]) -> IResult<&[u8], &[u8], Short> {
    bytes(length)
        .parse_complete(input)
        .map(|(_, content)| (&[][..], content))
}

/// The bytes that are still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(&'a [u8]);

/// One tagged, length-delimited structure.
pub(crate) struct Tagged<'a> {
    pub(crate) tag: Tag,
    pub(crate) body: &'a [u8],
}

/// What came of looking for a tagged structure.
pub(crate) enum TaggedError {
    /// Fewer than the 8 bytes of tag and length were left.
    Missing,
    /// The length points past the end.
    Overrun(Tag),
}

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn len(self) -> usize {
        self.0.len()
    }

    /// Returns where this input stands in the datagram, when it ends at the offset `end`.
    pub(crate) fn offset(self, end: u32) -> u32 {
        end.saturating_sub(wire_length(self.len()))
    }

    /// Returns all that is left and leaves nothing.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Returns the bytes between an earlier state of this input and now.
    pub(crate) fn since(self, earlier: Self) -> &'a [u8] {
        let length = earlier.len().saturating_sub(self.len());
        earlier.0.get(..length).unwrap_or_default()
    }

    #[inline(always)]
    fn run<T>(
        &mut self,
        mut parser: impl Parser<&'a [u8], Output = T, Error = Short>,
    ) -> Option<T> {
        let (rest, value) = parser.parse_complete(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    #[inline(always)]
    pub(crate) fn uint(&mut self) -> Option<u32> {
        self.run(uint)
    }

    /// Takes exactly `length` bytes; no pad.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        self.run(bytes(length))
    }

    /// Takes `opaque<>` or `string<>`: length, content, pad.
    #[inline(always)]
    pub(crate) fn opaque(&mut self) -> Option<&'a [u8]> {
        self.run(uint.flat_map(padded))
    }

    /// Takes `{tag, length, body, pad}`.
    #[inline(always)]
    pub(crate) fn tagged(&mut self) -> Result<Tagged<'a>, TaggedError> {
        let (tag, length) = self.run((uint, uint)).ok_or(TaggedError::Missing)?;
        let tag = Tag::from_wire(tag);
        let body = self.run(padded(length)).ok_or(TaggedError::Overrun(tag))?;
        Ok(Tagged { tag, body })
    }
}

/// Converts a length to the wire's 32 bits; nothing in memory that came from a datagram exceeds them.
pub(crate) fn wire_length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(crate) fn put_uint(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_pad(out: &mut Vec<u8>, length: usize) {
    out.extend(std::iter::repeat_n(0, length.wrapping_neg() & 3));
}

pub(crate) fn put_opaque(out: &mut Vec<u8>, content: &[u8]) {
    put_uint(out, wire_length(content.len()));
    out.extend_from_slice(content);
    put_pad(out, content.len());
}

/// Writes `{tag, length, body, pad}` around what `body` writes.
pub(crate) fn put_tagged(out: &mut Vec<u8>, tag: Tag, body: impl FnOnce(&mut Vec<u8>)) {
    put_uint(out, tag.to_wire());
    let at = out.len();
    put_uint(out, 0);
    let start = out.len();
    body(out);
    let length = out.len().saturating_sub(start);
    if let Some(slot) = out.get_mut(at..start) {
        slot.copy_from_slice(&wire_length(length).to_be_bytes());
    }
    put_pad(out, length);
}

/// One value of a structure, whose size may depend on its content.
pub(crate) trait Value<'a>: Copy {
    /// The least number of bytes any value of this type takes.
    const MIN_SIZE: usize;
    /// Every value takes exactly `MIN_SIZE` bytes.
    const FIXED: bool;

    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind>;
    fn write(self, out: &mut Vec<u8>);
    /// What sFlow writes where the value is not known.
    fn unknown() -> Self;
}

/// One value that always takes the same number of bytes.
pub(crate) trait FixedValue: Copy {
    const SIZE: usize;

    /// Reads the value at `offset`; a caller has checked that it lies within `bytes` (else the value is zero).
    fn at(bytes: &[u8], offset: usize) -> Self;
    fn put(self, out: &mut Vec<u8>);
}

/// A number that counts up and for which "unknown" is the highest value.
pub(crate) trait CounterValue: FixedValue {
    const UNKNOWN: Self;
}

#[inline(always)]
pub(crate) fn chunk<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes
        .get(offset..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .unwrap_or([0; N])
}

/// Implements both value traits for a type of fixed size, from and to big-endian bytes.
macro_rules! fixed_value {
    ($type:ty, $size:literal, $unknown:expr, |$bytes:ident| $from:expr, |$value:ident| $to:expr) => {
        impl $crate::wire::FixedValue for $type {
            const SIZE: usize = $size;

            #[inline(always)]
            fn at(bytes: &[u8], offset: usize) -> Self {
                let $bytes: [u8; $size] = $crate::wire::chunk(bytes, offset);
                $from
            }

            fn put(self, out: &mut Vec<u8>) {
                let $value = self;
                out.extend_from_slice(&$to);
            }
        }

        impl<'a> $crate::wire::Value<'a> for $type {
            const MIN_SIZE: usize = $size;
            const FIXED: bool = true;

            #[inline(always)]
            fn read(input: &mut $crate::wire::Input<'a>) -> Result<Self, $crate::error::ErrorKind> {
                let bytes = input
                    .bytes($size)
                    .ok_or($crate::error::ErrorKind::ArrayOverrun)?;
                Ok($crate::wire::FixedValue::at(bytes, 0))
            }

            fn write(self, out: &mut Vec<u8>) {
                $crate::wire::FixedValue::put(self, out);
            }

            fn unknown() -> Self {
                $unknown
            }
        }
    };
}
pub(crate) use fixed_value;

fixed_value!(u32, 4, 0, |bytes| Self::from_be_bytes(bytes), |value| value
    .to_be_bytes());
fixed_value!(u64, 8, 0, |bytes| Self::from_be_bytes(bytes), |value| value
    .to_be_bytes());
fixed_value!(i32, 4, 0, |bytes| Self::from_be_bytes(bytes), |value| value
    .to_be_bytes());
fixed_value!(f32, 4, -1.0, |bytes| Self::from_be_bytes(bytes), |value| {
    value.to_be_bytes()
});
fixed_value!([u8; 4], 4, [0; 4], |bytes| bytes, |value| value);

impl CounterValue for u32 {
    const UNKNOWN: Self = Self::MAX;
}

impl CounterValue for u64 {
    const UNKNOWN: Self = Self::MAX;
}

impl CounterValue for i32 {
    const UNKNOWN: Self = -1;
}
