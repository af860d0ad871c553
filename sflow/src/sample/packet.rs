//! Samples of packets: forwarded ones (flow samples) and discarded ones.

use super::{Form, read_data_source, read_uint, write_data_source};
use crate::code_point::DropReason;
use crate::data_source::{DataSource, Interface};
use crate::error::ErrorKind;
use crate::flow::FlowRecord;
use crate::sequence::{Iter, Sequence};
use crate::wire::{self, Input, Value};

/// `flow_sample` 0:1 and `flow_sample_expanded` 0:3: one packet, or one transaction, out of many.
///
/// On the wire: sequence number, data source, sampling rate, sample pool, drops, input, output, number of records, records.
#[derive(Debug, Clone, Copy)]
pub struct FlowSample<'a> {
    /// Counts the samples of this data source.
    pub sequence: u32,
    /// What the sample was taken from.
    pub data_source: DataSource,
    /// One packet in how many is sampled; the only rate to multiply with, whatever the agent's configuration says.
    pub sampling_rate: u32,
    /// Counts the packets that could have been sampled.
    pub sample_pool: u32,
    /// Counts the samples that were lost for want of resources.
    pub drops: u32,
    /// Where the packet came in.
    pub input: Interface,
    /// Where the packet went out.
    pub output: Interface,
    form: Form,
    records: Sequence<'a, FlowRecord<'a>>,
}

impl<'a> FlowSample<'a> {
    /// Makes a sample in the expanded form, for encoding, with zero for all that is not given.
    #[must_use]
    pub const fn expanded(
        sequence: u32,
        data_source: DataSource,
        sampling_rate: u32,
        records: &'a [FlowRecord<'a>],
    ) -> Self {
        Self {
            sequence,
            data_source,
            sampling_rate,
            sample_pool: 0,
            drops: 0,
            input: Interface::index(0),
            output: Interface::index(0),
            form: Form::Expanded,
            records: Sequence::new(records),
        }
    }

    /// Makes a sample in the compact form, for encoding; expanded where data source or interfaces do not fit.
    #[must_use]
    pub const fn compact(
        sequence: u32,
        data_source: DataSource,
        sampling_rate: u32,
        records: &'a [FlowRecord<'a>],
    ) -> Self {
        Self {
            form: Form::Compact,
            ..Self::expanded(sequence, data_source, sampling_rate, records)
        }
    }

    /// Returns the same sample with other records, for encoding.
    #[must_use]
    pub const fn with_records(self, records: &'a [FlowRecord<'a>]) -> Self {
        Self {
            records: Sequence::new(records),
            ..self
        }
    }

    /// Returns how data source and interfaces were, or will be, written.
    #[must_use]
    pub const fn form(&self) -> Form {
        let fits = self.data_source.to_compact().is_some()
            && self.input.to_compact().is_some()
            && self.output.to_compact().is_some();
        match self.form {
            Form::Compact if fits => Form::Compact,
            _ => Form::Expanded,
        }
    }

    /// Returns how many records were announced; there may be fewer.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.records.announced()
    }

    /// Goes through the records; a bad one is an error and the walk goes on behind it.
    #[inline(always)]
    pub fn records(&self) -> Iter<'a, FlowRecord<'a>> {
        self.records.iter()
    }

    #[inline(always)]
    pub(super) fn read(input: &mut Input<'a>, end: u32, form: Form) -> Result<Self, ErrorKind> {
        let sequence = read_uint(input)?;
        let data_source = read_data_source(input, form)?;
        let sampling_rate = read_uint(input)?;
        let sample_pool = read_uint(input)?;
        let drops = read_uint(input)?;
        let incoming = read_interface(input, form)?;
        let output = read_interface(input, form)?;
        let count = read_uint(input)?;
        let records = Sequence::from_wire(input.rest(), count, end);
        Ok(Self {
            sequence,
            data_source,
            sampling_rate,
            sample_pool,
            drops,
            input: incoming,
            output,
            form,
            records,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let form = self.form();
        wire::put_uint(out, self.sequence);
        write_data_source(self.data_source, form, out);
        wire::put_uint(out, self.sampling_rate);
        wire::put_uint(out, self.sample_pool);
        wire::put_uint(out, self.drops);
        write_interface(self.input, form, out);
        write_interface(self.output, form, out);
        self.records.write(out);
    }
}

impl PartialEq for FlowSample<'_> {
    /// Compares what is, or will be, on the wire.
    fn eq(&self, other: &Self) -> bool {
        let source = |sample: &Self| {
            (
                sample.form(),
                sample.sequence,
                sample.data_source,
                sample.input,
                sample.output,
            )
        };
        let numbers = |sample: &Self| (sample.sampling_rate, sample.sample_pool, sample.drops);
        source(self) == source(other)
            && numbers(self) == numbers(other)
            && self.records == other.records
    }
}

/// `discarded_packet` 0:5 (sflow_drops.txt): one packet that was thrown away.
///
/// On the wire: sequence number, data source (expanded), drops, input ifIndex, output ifIndex, reason, number of records, records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscardedPacket<'a> {
    /// Counts the samples of this data source.
    pub sequence: u32,
    /// What the sample was taken from.
    pub data_source: DataSource,
    /// Counts the discarded packets that were not reported for want of resources.
    pub drops: u32,
    /// ifIndex where the packet came in; 0 if unknown.
    pub inputifindex: u32,
    /// ifIndex where the packet was to go out; 0 if it did not get that far.
    pub outputifindex: u32,
    /// Why it was thrown away.
    pub reason: DropReason,
    records: Sequence<'a, FlowRecord<'a>>,
}

impl<'a> DiscardedPacket<'a> {
    /// Makes a sample, for encoding, with zero for all that is not given.
    #[must_use]
    pub const fn new(
        sequence: u32,
        data_source: DataSource,
        reason: DropReason,
        records: &'a [FlowRecord<'a>],
    ) -> Self {
        let records = Sequence::new(records);
        Self {
            sequence,
            data_source,
            drops: 0,
            inputifindex: 0,
            outputifindex: 0,
            reason,
            records,
        }
    }

    /// Returns the same sample with other records, for encoding.
    #[must_use]
    pub const fn with_records(self, records: &'a [FlowRecord<'a>]) -> Self {
        Self {
            records: Sequence::new(records),
            ..self
        }
    }

    /// Returns how many records were announced; there may be fewer.
    #[must_use]
    pub fn record_count(&self) -> u32 {
        self.records.announced()
    }

    /// Goes through the records; a bad one is an error and the walk goes on behind it.
    pub fn records(&self) -> Iter<'a, FlowRecord<'a>> {
        self.records.iter()
    }

    #[inline(always)]
    pub(super) fn read(input: &mut Input<'a>, end: u32) -> Result<Self, ErrorKind> {
        let sequence = read_uint(input)?;
        let data_source = read_data_source(input, Form::Expanded)?;
        let drops = read_uint(input)?;
        let inputifindex = read_uint(input)?;
        let outputifindex = read_uint(input)?;
        let reason = DropReason(read_uint(input)?);
        let count = read_uint(input)?;
        let records = Sequence::from_wire(input.rest(), count, end);
        Ok(Self {
            sequence,
            data_source,
            drops,
            inputifindex,
            outputifindex,
            reason,
            records,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        wire::put_uint(out, self.sequence);
        write_data_source(self.data_source, Form::Expanded, out);
        wire::put_uint(out, self.drops);
        wire::put_uint(out, self.inputifindex);
        wire::put_uint(out, self.outputifindex);
        wire::put_uint(out, self.reason.0);
        self.records.write(out);
    }
}

fn read_interface(input: &mut Input<'_>, form: Form) -> Result<Interface, ErrorKind> {
    match form {
        Form::Compact => read_uint(input).map(Interface::from_compact),
        Form::Expanded => Interface::read(input).map_err(|_| ErrorKind::TruncatedSample),
    }
}

fn write_interface(interface: Interface, form: Form, out: &mut Vec<u8>) {
    match (form, interface.to_compact()) {
        (Form::Compact, Some(word)) => wire::put_uint(out, word),
        _ => Value::write(interface, out),
    }
}
