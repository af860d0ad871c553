//! Structures of the specification: declared once, and from that one declaration come the type, decoding, encoding and field names.
//!
//! `fixed_structures!` is for structures whose layout is the same in every datagram: one length check, then reads at constant
//! offsets. `structures!` is for those with strings, addresses or arrays, which are read field by field.

use std::fmt;
use std::ops::Deref;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::ErrorKind;
use crate::tag::Tag;
use crate::wire::{CounterValue, FixedValue, Input, Value};

/// A structure of the specification with a number of its own.
pub trait Structure: Copy {
    /// The specification's name, in snake case: `virt_cpu`.
    const NAME: &'static str;
    /// The specification's number.
    const TAG: Tag;
    /// The specification's field names in the order of the wire, in snake case: `cpu_time`.
    const FIELDS: &'static [&'static str];

    /// Sets every field after the first `present` to sFlow's "unknown": zero or empty, all ones for counters, -1 for
    /// percentages and load averages.
    fn forget_after(&mut self, present: u32);

    /// Writes the first `present` fields as entries of a map, under the names of [`FIELDS`](Self::FIELDS).
    ///
    /// # Errors
    /// Passes on what the serializer says.
    fn serialize_fields<M: SerializeMap>(&self, present: u32, map: &mut M) -> Result<(), M::Error>;
}

/// Decoding and encoding of a structure's body.
pub(crate) trait Body<'a>: Structure {
    /// Reads a complete structure of fixed layout; `None` if it is not complete or its layout is not fixed.
    fn decode_fixed(body: &[u8]) -> Option<Self>;
    fn decode(input: &mut Input<'a>) -> Result<Fields<Self>, ErrorKind>;
    fn encode(&self, present: u32, out: &mut Vec<u8>);
}

/// A structure as it was received: a record may be shorter than the specification, then its last fields are absent.
///
/// Absent fields hold sFlow's "unknown" (see [`Structure::forget_after`]). What a record has beyond the known fields is ignored.
#[derive(Clone, Copy, PartialEq)]
pub struct Fields<T> {
    value: T,
    present: u32,
}

impl<T: Structure> Fields<T> {
    /// Makes a structure of which all fields are present.
    #[must_use]
    pub const fn complete(value: T) -> Self {
        Self {
            value,
            present: Self::COUNT,
        }
    }

    /// Makes a structure of which only the first `present` fields are there; the others become unknown.
    #[must_use]
    pub fn truncated(mut value: T, present: u32) -> Self {
        let present = present.min(Self::COUNT);
        value.forget_after(present);
        Self { value, present }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "no structure has 2^32 fields"
    )]
    pub(crate) const COUNT: u32 = T::FIELDS.len() as u32;

    pub(crate) const fn received(value: T, present: u32) -> Self {
        Self { value, present }
    }

    /// Returns how many of the leading fields are present.
    #[must_use]
    pub const fn present(&self) -> u32 {
        self.present
    }

    /// Tells whether all fields this crate knows are present.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.present == Self::COUNT
    }

    /// Returns the structure, with "unknown" for what is absent.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for Fields<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Structure> From<T> for Fields<T> {
    fn from(value: T) -> Self {
        Self::complete(value)
    }
}

impl<T: Structure + fmt::Debug> fmt::Debug for Fields<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        if !self.is_complete() {
            write!(f, " (first {} fields)", self.present)?;
        }
        Ok(())
    }
}

impl<T: Structure> Serialize for Fields<T> {
    /// Writes a map of the fields that are present.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.present as usize))?;
        self.value.serialize_fields(self.present, &mut map)?;
        map.end()
    }
}

/// Reads a field of a structure without fixed layout; once the bytes have run out, this and all later fields are absent.
#[inline(always)]
pub(crate) fn read_field<'a, T: Value<'a>>(
    input: &mut Input<'a>,
    present: &mut u32,
    absent: T,
) -> Result<T, ErrorKind> {
    if input.len() < T::MIN_SIZE {
        input.rest();
        return Ok(absent);
    }
    *present = present.wrapping_add(1);
    T::read(input)
}

/// Reads a field of fixed size at `*at` where it still lies within `bytes`; once one does not, none does.
pub(crate) fn field_at<T: FixedValue>(
    bytes: &[u8],
    at: &mut usize,
    present: &mut u32,
    absent: T,
) -> T {
    let end = at.saturating_add(T::SIZE);
    if end > bytes.len() {
        *at = usize::MAX;
        return absent;
    }
    let value = T::at(bytes, *at);
    *at = end;
    *present = present.wrapping_add(1);
    value
}

pub(crate) const fn unknown_counter<T: CounterValue>() -> T {
    T::UNKNOWN
}

/// Gives what an absent field holds: `gauge` fields their type's "unknown" (zero, empty, -1 for floats), `counter` and
/// `percentage` fields all ones.
macro_rules! absent {
    (gauge $type:ty) => {
        <$type as $crate::wire::Value<'_>>::unknown()
    };
    (counter $type:ty) => {
        $crate::structure::unknown_counter::<$type>()
    };
    (percentage $type:ty) => {
        $crate::structure::unknown_counter::<$type>()
    };
}

macro_rules! field_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

macro_rules! fixed_structures {
    ($(
        $(#[$meta:meta])*
        $name:ident = $enterprise:literal : $format:literal $spec:literal $fields:tt
    )+) => {
        $(fixed_structures! { @one [$(#[$meta])*] $name $enterprise $format $spec $fields })+
    };
    (@one [$(#[$meta:meta])*] $name:ident $enterprise:literal $format:literal $spec:literal {
        $( $(#[$field_meta:meta])* $field:ident $(as $alias:literal)? : $kind:ident $type:ty ),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )+
        }

        impl $name {
            /// The bytes that all fields take, without tag and length.
            pub const SIZE: usize = 0_usize
                $( .wrapping_add(<$type as $crate::wire::FixedValue>::SIZE) )+;
        }

        structure_impl! { [] $name [$enterprise $format $spec] $( $field [$($alias)?] $kind $type ),+ }

        impl<'a> $crate::structure::Body<'a> for $name {
            #[inline(always)]
            #[allow(unused_assignments, reason = "the last offset is not needed")]
            fn decode_fixed(body: &[u8]) -> Option<Self> {
                let bytes = body.first_chunk::<{ $name::SIZE }>()?;
                let mut at = 0_usize;
                $(
                    let $field = <$type as $crate::wire::FixedValue>::at(bytes, at);
                    at = at.wrapping_add(<$type as $crate::wire::FixedValue>::SIZE);
                )+
                Some(Self { $($field),+ })
            }

            fn decode(
                input: &mut $crate::wire::Input<'a>,
            ) -> Result<$crate::structure::Fields<Self>, $crate::error::ErrorKind> {
                let bytes = input.rest();
                let mut at = 0;
                let mut present = 0;
                $( let $field = $crate::structure::field_at(bytes, &mut at, &mut present, absent!($kind $type)); )+
                Ok($crate::structure::Fields::received(Self { $($field),+ }, present))
            }

            fn encode(&self, present: u32, out: &mut Vec<u8>) {
                let mut left = present;
                $(
                    if left == 0 {
                        return;
                    }
                    left = left.wrapping_sub(1);
                    $crate::wire::FixedValue::put(self.$field, out);
                )+
                let _ = left;
            }
        }
    };
}

macro_rules! structures {
    ($(
        $(#[$meta:meta])*
        $name:ident $(<$lifetime:lifetime>)? = $enterprise:literal : $format:literal $spec:literal $fields:tt
    )+) => {
        $(structures! { @one [$(#[$meta])*] $name [$($lifetime)?] $enterprise $format $spec $fields })+
    };
    (@one [$(#[$meta:meta])*] $name:ident [$($lifetime:lifetime)?] $enterprise:literal $format:literal $spec:literal {
        $( $(#[$field_meta:meta])* $field:ident $(as $alias:literal)? : $kind:ident $type:ty ),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name $(<$lifetime>)? {
            $( $(#[$field_meta])* pub $field: $type, )+
        }

        structure_impl! { [$($lifetime)?] $name [$enterprise $format $spec] $( $field [$($alias)?] $kind $type ),+ }

        structures! { @body [$($lifetime)?] $name $( $field $kind $type ),+ }
    };
    (@body [] $name:ident $($rest:tt)+) => {
        structures! { @body_of ['wire] [$name] $($rest)+ }
    };
    (@body [$lifetime:lifetime] $name:ident $($rest:tt)+) => {
        structures! { @body_of [$lifetime] [$name<$lifetime>] $($rest)+ }
    };
    (@body_of [$lifetime:lifetime] [$name:ty] $( $field:ident $kind:ident $type:ty ),+) => {
        impl<$lifetime> $crate::structure::Body<$lifetime> for $name {
            #[inline(always)]
            fn decode_fixed(_: &[u8]) -> Option<Self> {
                None
            }

            #[inline(always)]
            fn decode(input: &mut $crate::wire::Input<$lifetime>) -> Result<$crate::structure::Fields<Self>, $crate::error::ErrorKind> {
                let mut present = 0;
                $( let $field = $crate::structure::read_field(input, &mut present, absent!($kind $type))?; )+
                Ok($crate::structure::Fields::received(Self { $($field),+ }, present))
            }

            fn encode(&self, present: u32, out: &mut Vec<u8>) {
                let mut left = present;
                $(
                    if left == 0 {
                        return;
                    }
                    left = left.wrapping_sub(1);
                    $crate::wire::Value::write(self.$field, out);
                )+
                let _ = left;
            }
        }
    };
}

macro_rules! structure_impl {
    ([$($lifetime:lifetime)?] $name:ident [$enterprise:literal $format:literal $spec:literal]
     $( $field:ident [$($alias:literal)?] $kind:ident $type:ty ),+) => {
        impl $(<$lifetime>)? $crate::structure::Structure for $name $(<$lifetime>)? {
            const NAME: &'static str = $spec;
            const TAG: $crate::tag::Tag = $crate::tag::Tag::new($enterprise, $format);
            const FIELDS: &'static [&'static str] = &[$( field_name!($field $($alias)?) ),+];

            fn forget_after(&mut self, present: u32) {
                let mut left = present;
                $(
                    if left == 0 {
                        self.$field = absent!($kind $type);
                    }
                    left = left.saturating_sub(1);
                )+
                let _ = left;
            }

            fn serialize_fields<M: serde::ser::SerializeMap>(&self, present: u32, map: &mut M) -> Result<(), M::Error> {
                let mut left = present;
                $(
                    if left == 0 {
                        return Ok(());
                    }
                    left = left.wrapping_sub(1);
                    map.serialize_entry(field_name!($field $($alias)?), &self.$field)?;
                )+
                let _ = left;
                Ok(())
            }
        }
    };
}

/// Declares the records of one kind: an enum with a variant for each structure and one for what is not known.
macro_rules! records {
    ($(#[$meta:meta])* $name:ident<$lifetime:lifetime> { $( $variant:ident($type:ty) ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub enum $name<$lifetime> {
            $(
                #[doc = concat!("A record of type [`", stringify!($variant), "`].")]
                $variant($crate::structure::Fields<$type>),
            )+
            /// A record this crate has no structure for.
            Unknown($crate::sample::RawRecord<$lifetime>),
        }

        impl<$lifetime> $name<$lifetime> {
            /// Returns the record's number.
            #[must_use]
            pub const fn tag(&self) -> $crate::tag::Tag {
                match self {
                    $( Self::$variant(_) => <$type as $crate::structure::Structure>::TAG, )+
                    Self::Unknown(raw) => raw.tag,
                }
            }

            /// Returns the specification's name in snake case, or `None` for a record without a structure.
            #[must_use]
            pub const fn name(&self) -> Option<&'static str> {
                match self {
                    $( Self::$variant(_) => Some(<$type as $crate::structure::Structure>::NAME), )+
                    Self::Unknown(_) => None,
                }
            }

            /// Decodes one record, which ends at `end`.
            ///
            /// Not inline, so that a record is written once, to where the caller wants it: moving one costs more than reading
            /// one.
            #[inline(never)]
            fn decode(
                tag: $crate::tag::Tag,
                body: &$lifetime [u8],
                end: $crate::sequence::Place,
            ) -> Option<Result<Self, $crate::error::DecodeError>> {
                match tag {
                    $(
                        <$type as $crate::structure::Structure>::TAG => {
                            if let Some(value) = <$type as $crate::structure::Body<$lifetime>>::decode_fixed(body) {
                                return Some(Ok(Self::$variant($crate::structure::Fields::complete(value))));
                            }
                            $crate::sample::decode_record::<$type, Self>(tag, body, end)
                        }
                    )+
                    tag => Some(Ok(Self::Unknown($crate::sample::RawRecord { tag, data: $crate::bytes::Opaque::new(body) }))),
                }
            }

            fn encode_body(&self, out: &mut Vec<u8>) {
                match self {
                    $( Self::$variant(fields) => {
                        <$type as $crate::structure::Body<$lifetime>>::encode(fields.value(), fields.present(), out);
                    } )+
                    Self::Unknown(raw) => out.extend_from_slice(raw.data.as_bytes()),
                }
            }
        }

        impl<$lifetime> $crate::sequence::Item<$lifetime> for $name<$lifetime> {
            #[inline(always)]
            fn next_item(
                walk: &mut $crate::sequence::Iter<$lifetime, Self>,
            ) -> Option<Result<Self, $crate::error::DecodeError>> {
                if !walk.count() {
                    return walk.next_of_slice();
                }
                match walk.input.tagged() {
                    Ok(record) => Self::decode(record.tag, record.body, walk.place()),
                    Err(error) => {
                        walk.stop();
                        $crate::sample::lost_record(error, walk.place())
                    }
                }
            }

            fn write_item(&self, out: &mut Vec<u8>) {
                $crate::wire::put_tagged(out, self.tag(), |out| self.encode_body(out));
            }
        }

        impl serde::Serialize for $name<'_> {
            /// Writes a map of the fields that are present, or the hexadecimal digits of a record without a structure.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(fields) => fields.serialize(serializer), )+
                    Self::Unknown(raw) => raw.data.serialize(serializer),
                }
            }
        }

        $(
            impl<$lifetime> From<$type> for $name<$lifetime> {
                fn from(value: $type) -> Self {
                    Self::$variant($crate::structure::Fields::complete(value))
                }
            }

            impl<$lifetime> From<$crate::structure::Fields<$type>> for $name<$lifetime> {
                fn from(fields: $crate::structure::Fields<$type>) -> Self {
                    Self::$variant(fields)
                }
            }
        )+
    };
}
