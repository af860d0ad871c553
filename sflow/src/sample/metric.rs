//! InMon's samples of custom metrics: `rtmetric` and `rtflow`. They have no sequence number and no numbered data source.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use super::read_uint;
use crate::address::Mac;
use crate::bytes::Text;
use crate::error::{DecodeError, ErrorKind};
use crate::sequence::{Item, Iter, Sequence};
use crate::wire::{self, Input, Value};

/// `rtmetric` 4300:1002: named values of one source.
///
/// On the wire: source name, number of metrics, metrics of {name, type, value}.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RtMetric<'a> {
    /// The name of what was measured.
    pub datasource_name: Text<'a>,
    metrics: Sequence<'a, RtMetricField<'a>>,
}

impl<'a> RtMetric<'a> {
    /// Makes a sample, for encoding.
    #[must_use]
    pub const fn new(datasource_name: Text<'a>, metrics: &'a [RtMetricField<'a>]) -> Self {
        Self {
            datasource_name,
            metrics: Sequence::new(metrics),
        }
    }

    /// Returns the same sample with other metrics, for encoding.
    #[must_use]
    pub const fn with_metrics(self, metrics: &'a [RtMetricField<'a>]) -> Self {
        Self {
            metrics: Sequence::new(metrics),
            ..self
        }
    }

    /// Goes through the metrics; a value of unknown type ends the walk, because its length cannot be known.
    pub fn metrics(&self) -> Iter<'a, RtMetricField<'a>> {
        self.metrics.iter()
    }

    #[inline(always)]
    pub(super) fn read(input: &mut Input<'a>, end: u32) -> Result<Self, ErrorKind> {
        let datasource_name = Text::read(input)?;
        let count = read_uint(input)?;
        Ok(Self {
            datasource_name,
            metrics: Sequence::from_wire(input.rest(), count, end),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.datasource_name.write(out);
        self.metrics.write(out);
    }
}

/// `rtflow` 4300:1003: named attributes of one sampled event.
///
/// On the wire: source name, sampling rate, sample pool, number of attributes, attributes of {name, type, value}.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RtFlow<'a> {
    /// The name of what was sampled.
    pub datasource_name: Text<'a>,
    /// One event in how many is sampled.
    pub sampling_rate: u32,
    /// Counts the events that could have been sampled; hsflowd sends 0.
    pub sample_pool: u32,
    fields: Sequence<'a, RtFlowField<'a>>,
}

impl<'a> RtFlow<'a> {
    /// Makes a sample, for encoding, with a sample pool of 0.
    #[must_use]
    pub const fn new(
        datasource_name: Text<'a>,
        sampling_rate: u32,
        fields: &'a [RtFlowField<'a>],
    ) -> Self {
        Self {
            datasource_name,
            sampling_rate,
            sample_pool: 0,
            fields: Sequence::new(fields),
        }
    }

    /// Returns the same sample with other attributes, for encoding.
    #[must_use]
    pub const fn with_fields(self, fields: &'a [RtFlowField<'a>]) -> Self {
        Self {
            fields: Sequence::new(fields),
            ..self
        }
    }

    /// Goes through the attributes; a value of unknown type ends the walk, because its length cannot be known.
    pub fn fields(&self) -> Iter<'a, RtFlowField<'a>> {
        self.fields.iter()
    }

    #[inline(always)]
    pub(super) fn read(input: &mut Input<'a>, end: u32) -> Result<Self, ErrorKind> {
        let datasource_name = Text::read(input)?;
        let sampling_rate = read_uint(input)?;
        let sample_pool = read_uint(input)?;
        let count = read_uint(input)?;
        let fields = Sequence::from_wire(input.rest(), count, end);
        Ok(Self {
            datasource_name,
            sampling_rate,
            sample_pool,
            fields,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.datasource_name.write(out);
        wire::put_uint(out, self.sampling_rate);
        wire::put_uint(out, self.sample_pool);
        self.fields.write(out);
    }
}

/// Declares `{name, type, value}` with the values a type number can have.
macro_rules! typed_values {
    ($(#[$meta:meta])* $field:ident, $value:ident { $( $(#[$variant_meta:meta])* $variant:ident($type:ty) = $number:literal $word:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Serialize)]
        pub struct $field<'a> {
            /// The name.
            pub name: Text<'a>,
            /// The value, with its type.
            #[serde(flatten)]
            pub value: $value<'a>,
        }

        #[doc = concat!("The value of a [`", stringify!($field), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub enum $value<'a> {
            $( $(#[$variant_meta])* $variant($type), )+
        }

        impl $value<'_> {
            /// Returns the type in one word.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $word, )+
                }
            }
        }

        impl Serialize for $value<'_> {
            /// Writes a map of `type` and `value`.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", self.type_name())?;
                match self {
                    $( Self::$variant(value) => map.serialize_entry("value", value)?, )+
                }
                map.end()
            }
        }

        impl<'a> $field<'a> {
            fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
                let name = Text::read(input)?;
                let value = match input.uint().ok_or(ErrorKind::MissingRecord)? {
                    $( $number => $value::$variant(Value::read(input)?), )+
                    other => return Err(ErrorKind::UnknownValueType(other)),
                };
                Ok(Self { name, value })
            }
        }

        impl<'a> Item<'a> for $field<'a> {
            fn next_item(walk: &mut Iter<'a, Self>) -> Option<Result<Self, DecodeError>> {
                if !walk.count() {
                    return walk.next_of_slice();
                }
                let mut input = walk.input;
                let value = if input.len() == 0 { Err(ErrorKind::MissingRecord) } else { Self::read(&mut input) };
                walk.input = input;
                Some(value.map_err(|kind| {
                    walk.stop();
                    DecodeError::new(kind, walk.place().offset(), None)
                }))
            }

            fn write_item(&self, out: &mut Vec<u8>) {
                self.name.write(out);
                match self.value {
                    $( $value::$variant(value) => {
                        wire::put_uint(out, $number);
                        Value::write(value, out);
                    } )+
                }
            }
        }
    };
}

typed_values! {
    /// One metric of an [`RtMetric`].
    RtMetricField, RtMetricValue {
        /// Type 0.
        String(Text<'a>) = 0 "string",
        /// Type 1: counts up.
        Counter32(u32) = 1 "counter32",
        /// Type 2: counts up.
        Counter64(u64) = 2 "counter64",
        /// Type 3.
        Gauge32(u32) = 3 "gauge32",
        /// Type 4.
        Gauge64(u64) = 4 "gauge64",
        /// Type 5.
        Float(f32) = 5 "float",
        /// Type 6.
        Double(f64) = 6 "double",
    }
}

typed_values! {
    /// One attribute of an [`RtFlow`].
    RtFlowField, RtFlowValue {
        /// Type 0.
        String(Text<'a>) = 0 "string",
        /// Type 1.
        Mac(Mac) = 1 "mac",
        /// Type 2.
        Ipv4(Ipv4Addr) = 2 "ip",
        /// Type 3.
        Ipv6(Ipv6Addr) = 3 "ip6",
        /// Type 4.
        Int32(u32) = 4 "int32",
        /// Type 5.
        Int64(u64) = 5 "int64",
        /// Type 6.
        Float(f32) = 6 "float",
        /// Type 7.
        Double(f64) = 7 "double",
    }
}

wire::fixed_value!(f64, 8, -1.0, |bytes| Self::from_be_bytes(bytes), |value| {
    value.to_be_bytes()
});
