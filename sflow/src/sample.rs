//! Samples: what a datagram is made of, and the records in them.

mod metric;
mod packet;

pub use metric::{RtFlow, RtFlowField, RtFlowValue, RtMetric, RtMetricField, RtMetricValue};
pub use packet::{DiscardedPacket, FlowSample};

use crate::bytes::Opaque;
use crate::counter::CounterRecord;
use crate::data_source::DataSource;
use crate::error::{DecodeError, ErrorKind};
use crate::sequence::{Item, Iter, Place, Sequence};
use crate::structure::{Body, Fields};
use crate::tag::Tag;
use crate::wire::{self, Input, Tagged, TaggedError, Value};

/// One sample of a datagram.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Sample<'a> {
    /// `counters_sample` 0:2 or `counters_sample_expanded` 0:4.
    Counters(CountersSample<'a>),
    /// `flow_sample` 0:1 or `flow_sample_expanded` 0:3.
    Flow(FlowSample<'a>),
    /// `discarded_packet` 0:5.
    DiscardedPacket(DiscardedPacket<'a>),
    /// `rtmetric` 4300:1002.
    RtMetric(RtMetric<'a>),
    /// `rtflow` 4300:1003.
    RtFlow(RtFlow<'a>),
    /// A sample this crate has no structure for.
    Unknown(RawSample<'a>),
}

impl Sample<'_> {
    const FLOW: Tag = Tag::new(0, 1);
    const COUNTERS: Tag = Tag::new(0, 2);
    const FLOW_EXPANDED: Tag = Tag::new(0, 3);
    const COUNTERS_EXPANDED: Tag = Tag::new(0, 4);
    const DISCARDED_PACKET: Tag = Tag::new(0, 5);
    const RT_METRIC: Tag = Tag::new(4300, 1002);
    const RT_FLOW: Tag = Tag::new(4300, 1003);

    /// Returns the sample's number.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        match self {
            Self::Counters(sample) => match sample.form() {
                Form::Compact => Self::COUNTERS,
                Form::Expanded => Self::COUNTERS_EXPANDED,
            },
            Self::Flow(sample) => match sample.form() {
                Form::Compact => Self::FLOW,
                Form::Expanded => Self::FLOW_EXPANDED,
            },
            Self::DiscardedPacket(_) => Self::DISCARDED_PACKET,
            Self::RtMetric(_) => Self::RT_METRIC,
            Self::RtFlow(_) => Self::RT_FLOW,
            Self::Unknown(raw) => raw.tag,
        }
    }
}

/// Whether data sources and interfaces take one word or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Class and index share a word of 8 and 24 bits, format and interface one of 2 and 30 bits.
    Compact,
    /// Each has a word of its own. hsflowd always sends this.
    Expanded,
}

/// `counters_sample` 0:2 and `counters_sample_expanded` 0:4: what an agent counted for one data source.
///
/// On the wire: sequence number, data source, number of records, records.
#[derive(Debug, Clone, Copy)]
pub struct CountersSample<'a> {
    /// Counts the samples of this data source; starts again at 1 when the agent lost its state.
    pub sequence: u32,
    /// What was counted.
    pub data_source: DataSource,
    form: Form,
    records: Sequence<'a, CounterRecord<'a>>,
}

impl<'a> CountersSample<'a> {
    /// Makes a sample in the expanded form, for encoding.
    #[must_use]
    pub const fn expanded(
        sequence: u32,
        data_source: DataSource,
        records: &'a [CounterRecord<'a>],
    ) -> Self {
        Self {
            sequence,
            data_source,
            form: Form::Expanded,
            records: Sequence::new(records),
        }
    }

    /// Makes a sample in the compact form, for encoding; expanded where the data source does not fit.
    #[must_use]
    pub const fn compact(
        sequence: u32,
        data_source: DataSource,
        records: &'a [CounterRecord<'a>],
    ) -> Self {
        let form = if data_source.to_compact().is_some() {
            Form::Compact
        } else {
            Form::Expanded
        };
        Self {
            sequence,
            data_source,
            form,
            records: Sequence::new(records),
        }
    }

    /// Returns the same sample with other records, for encoding.
    #[must_use]
    pub const fn with_records(self, records: &'a [CounterRecord<'a>]) -> Self {
        Self {
            records: Sequence::new(records),
            ..self
        }
    }

    /// Returns how the data source was, or will be, written.
    #[must_use]
    pub const fn form(&self) -> Form {
        match self.form {
            Form::Compact if self.data_source.to_compact().is_none() => Form::Expanded,
            form => form,
        }
    }

    /// Returns how many records were announced; there may be fewer.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.records.announced()
    }

    /// Goes through the records; a bad one is an error and the walk goes on behind it.
    #[inline(always)]
    pub fn records(&self) -> Iter<'a, CounterRecord<'a>> {
        self.records.iter()
    }

    /// Goes through the records of a received sample without decoding them; [`RawRecord::decode`] decodes those that matter.
    ///
    /// What does not fit into the sample is an error here as in [`records`](Self::records); what is wrong inside a record shows
    /// only when it is decoded. A sample made of a slice has no raw records.
    #[inline(always)]
    pub fn raw_records(&self) -> Iter<'a, RawRecord<'a>> {
        self.records.raw().iter()
    }

    #[inline(always)]
    fn read(input: &mut Input<'a>, end: u32, form: Form) -> Result<Self, ErrorKind> {
        let sequence = read_uint(input)?;
        let data_source = read_data_source(input, form)?;
        let count = read_uint(input)?;
        Ok(Self {
            sequence,
            data_source,
            form,
            records: Sequence::from_wire(input.rest(), count, end),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        wire::put_uint(out, self.sequence);
        write_data_source(self.data_source, self.form(), out);
        self.records.write(out);
    }
}

impl PartialEq for CountersSample<'_> {
    /// Compares what is, or will be, on the wire.
    fn eq(&self, other: &Self) -> bool {
        let header = |sample: &Self| (sample.form(), sample.sequence, sample.data_source);
        header(self) == header(other) && self.records == other.records
    }
}

/// A sample this crate has no structure for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawSample<'a> {
    /// The sample's number.
    pub tag: Tag,
    /// The sample as it was on the wire.
    pub data: Opaque<'a>,
}

/// A record as it was on the wire: one this crate has no structure for, or one that is not decoded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// The record's number.
    pub tag: Tag,
    /// The record as it was on the wire.
    pub data: Opaque<'a>,
}

#[expect(
    private_bounds,
    reason = "only the structures of this crate can be decoded"
)]
impl<'a> RawRecord<'a> {
    /// Decodes the record as a counter structure; `None` if its number is not that of `T`.
    ///
    /// # Errors
    /// A string or an array of the structure points past the end of the record.
    #[inline(always)]
    pub fn decode<T: Body<'a>>(&self) -> Option<Result<Fields<T>, ErrorKind>> {
        if self.tag != T::TAG {
            return None;
        }
        let body = self.data.as_bytes();
        Some(match T::decode_fixed(body) {
            Some(value) => Ok(Fields::received(value, Fields::<T>::COUNT)),
            None => T::decode(&mut Input::new(body)),
        })
    }
}

impl<'a> Item<'a> for RawRecord<'a> {
    #[inline(always)]
    fn next_item(walk: &mut Iter<'a, Self>) -> Option<Result<Self, DecodeError>> {
        if !walk.count() {
            return walk.next_of_slice();
        }
        match walk.input.tagged() {
            Ok(Tagged { tag, body }) => Some(Ok(Self {
                tag,
                data: Opaque::new(body),
            })),
            Err(error) => {
                walk.stop();
                lost_record(error, walk.place())
            }
        }
    }

    fn write_item(&self, out: &mut Vec<u8>) {
        wire::put_tagged(out, self.tag, |out| {
            out.extend_from_slice(self.data.as_bytes());
        });
    }
}

impl<'a> Item<'a> for Sample<'a> {
    #[inline(always)]
    fn next_item(walk: &mut Iter<'a, Self>) -> Option<Result<Self, DecodeError>> {
        if !walk.count() {
            return walk.next_of_slice();
        }
        match walk.input.tagged() {
            Ok(Tagged { tag, body }) => Self::decode(tag, body, walk.place().offset()),
            Err(error) => {
                walk.stop();
                Some(Err(lost(
                    error,
                    ErrorKind::MissingSample,
                    ErrorKind::SampleOverrun,
                    walk.place().offset(),
                )))
            }
        }
    }

    fn write_item(&self, out: &mut Vec<u8>) {
        wire::put_tagged(out, self.tag(), |out| match self {
            Self::Counters(sample) => sample.write(out),
            Self::Flow(sample) => sample.write(out),
            Self::DiscardedPacket(sample) => sample.write(out),
            Self::RtMetric(sample) => sample.write(out),
            Self::RtFlow(sample) => sample.write(out),
            Self::Unknown(raw) => out.extend_from_slice(raw.data.as_bytes()),
        });
    }
}

impl<'a> Sample<'a> {
    /// Decodes one sample, which ends at the offset `end` of the datagram; not inline for the reason records are not.
    #[inline(never)]
    fn decode(tag: Tag, body: &'a [u8], end: u32) -> Option<Result<Self, DecodeError>> {
        if tag == Self::COUNTERS_EXPANDED {
            return decode_sample(tag, body, end, Sample::Counters, |input| {
                CountersSample::read(input, end, Form::Expanded)
            });
        }
        match tag {
            Self::COUNTERS => decode_sample(tag, body, end, Sample::Counters, |input| {
                CountersSample::read(input, end, Form::Compact)
            }),
            Self::FLOW_EXPANDED => decode_sample(tag, body, end, Sample::Flow, |input| {
                FlowSample::read(input, end, Form::Expanded)
            }),
            Self::FLOW => decode_sample(tag, body, end, Sample::Flow, |input| {
                FlowSample::read(input, end, Form::Compact)
            }),
            Self::DISCARDED_PACKET => {
                decode_sample(tag, body, end, Sample::DiscardedPacket, |input| {
                    DiscardedPacket::read(input, end)
                })
            }
            Self::RT_METRIC => decode_sample(tag, body, end, Sample::RtMetric, |input| {
                RtMetric::read(input, end)
            }),
            Self::RT_FLOW => decode_sample(tag, body, end, Sample::RtFlow, |input| {
                RtFlow::read(input, end)
            }),
            tag => Some(Ok(Self::Unknown(RawSample {
                tag,
                data: Opaque::new(body),
            }))),
        }
    }
}

/// Decodes a sample of one kind; each kind is written to where it is wanted, by code of its own.
#[inline(never)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the caller returns it as it is, without moving it"
)]
fn decode_sample<'a, T>(
    tag: Tag,
    body: &'a [u8],
    end: u32,
    wrap: impl FnOnce(T) -> Sample<'a>,
    read: impl FnOnce(&mut Input<'a>) -> Result<T, ErrorKind>,
) -> Option<Result<Sample<'a>, DecodeError>> {
    let mut input = Input::new(body);
    match read(&mut input) {
        Ok(sample) => Some(Ok(wrap(sample))),
        Err(kind) => Some(Err(DecodeError::new(kind, input.offset(end), Some(tag)))),
    }
}

/// Says that there is no structure where one was announced.
#[cold]
fn lost(error: TaggedError, missing: ErrorKind, overrun: ErrorKind, offset: u32) -> DecodeError {
    match error {
        TaggedError::Missing => DecodeError::new(missing, offset, None),
        TaggedError::Overrun(tag) => DecodeError::new(overrun, offset, Some(tag)),
    }
}

/// Says that there is no record where one was announced.
#[cold]
#[inline(never)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the caller returns it as it is, without moving it"
)]
pub(crate) fn lost_record<R>(error: TaggedError, place: Place) -> Option<Result<R, DecodeError>> {
    Some(Err(lost(
        error,
        ErrorKind::MissingRecord,
        ErrorKind::RecordOverrun,
        place.offset(),
    )))
}

/// Decodes a record that has no fixed layout, or not all of it, and that ends at `end`.
///
/// Not inline, so that the way of the complete fixed records stays short.
#[inline(never)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the caller returns it as it is, without moving it"
)]
pub(crate) fn decode_record<'a, T: Body<'a>, R: From<Fields<T>>>(
    tag: Tag,
    body: &'a [u8],
    end: Place,
) -> Option<Result<R, DecodeError>> {
    let mut input = Input::new(body);
    match T::decode(&mut input) {
        Ok(fields) => Some(Ok(R::from(fields))),
        Err(kind) => Some(Err(DecodeError::new(
            kind,
            input.offset(end.offset()),
            Some(tag),
        ))),
    }
}

#[inline(always)]
fn read_uint(input: &mut Input<'_>) -> Result<u32, ErrorKind> {
    input.uint().ok_or(ErrorKind::TruncatedSample)
}

#[inline(always)]
fn read_data_source(input: &mut Input<'_>, form: Form) -> Result<DataSource, ErrorKind> {
    match form {
        Form::Compact => read_uint(input).map(DataSource::from_compact),
        Form::Expanded => DataSource::read(input).map_err(|_| ErrorKind::TruncatedSample),
    }
}

fn write_data_source(data_source: DataSource, form: Form, out: &mut Vec<u8>) {
    match (form, data_source.to_compact()) {
        (Form::Compact, Some(word)) => wire::put_uint(out, word),
        _ => Value::write(data_source, out),
    }
}
