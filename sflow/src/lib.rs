//! A codec for sFlow version 5: zero-copy decode, and encode; no I/O.
//!
//! [`Datagram::decode`] reads the header; samples and their records are iterators over the received bytes, so nothing is
//! allocated and nothing is read that nobody asks for. Every count on the wire is an upper limit: what bounds the walk is the
//! bytes that are there. A record that is bad costs only itself, a sample that is bad costs only itself.
//!
//! The same types serve both directions: a [`Sequence`] is either bytes from the wire or a slice of values, so a datagram made of
//! slices is encoded by [`Datagram::encode`], and `decode(encode(x)) == x`.
//!
//! It deliberately does not interpret: no rates, no names for hosts, no state between datagrams, and no versions of sFlow other
//! than 5. [`PacketHeader`] reads the first bytes of a sampled packet for who asks it.
//!
//! ```
//! use sflow::{Address, CounterRecord, CountersSample, DataSource, Datagram, Sample};
//! use sflow::counter::{HostParent, VirtCpu};
//!
//! let records = [
//!     VirtCpu { state: sflow::DomainState::RUNNING, cpu_time: 18_346, nr_virt_cpu: 0 }.into(),
//!     HostParent { container_type: 2, container_index: 1 }.into(),
//! ];
//! let samples = [Sample::Counters(CountersSample::expanded(7, DataSource::logical(101_001), &records))];
//! let agent = Address::from([172, 29, 0, 1]);
//! let bytes = Datagram::new(agent, 100_001, 42, 6_613, &samples).encode();
//!
//! let datagram = Datagram::decode(&bytes).unwrap();
//! for sample in datagram.samples() {
//!     let Ok(Sample::Counters(sample)) = sample else { continue };
//!     for record in sample.records() {
//!         if let Ok(CounterRecord::VirtCpu(cpu)) = record {
//!             assert_eq!(cpu.cpu_time, 18_346);
//!         }
//!     }
//! }
//! ```
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

#[macro_use]
mod structure;

mod address;
mod bytes;
mod code_point;
pub mod counter;
mod data_source;
mod datagram;
mod error;
pub mod flow;
mod header;
mod list;
mod sample;
mod sequence;
mod tag;
mod wire;

pub use address::{Address, Mac};
pub use bytes::{Opaque, Text, Uuid};
pub use code_point::{
    Charset, DataSourceClass, DomainState, DropReason, HeaderProtocol, InterfaceDirection,
    MachineType, OperationStatus, OsName, PacketDirection,
};
pub use counter::CounterRecord;
pub use data_source::{DataSource, Interface};
pub use datagram::Datagram;
pub use error::{DecodeError, ErrorKind};
pub use flow::FlowRecord;
pub use header::{IpHeader, PacketHeader, VXLAN_PORT};
pub use list::{List, ListIter};
pub use sample::{
    CountersSample, DiscardedPacket, FlowSample, Form, RawRecord, RawSample, RtFlow, RtFlowField,
    RtFlowValue, RtMetric, RtMetricField, RtMetricValue, Sample,
};
pub use sequence::{Iter, Sequence};
pub use structure::{Fields, Structure};
pub use tag::Tag;

/// The UDP port that sFlow is registered for.
pub const DEFAULT_PORT: u16 = 6343;

/// The only version this crate reads and writes.
pub const VERSION: u32 = 5;
