//! Counters of hosts: sflow_host.txt section 4, and nvidia's GPUs (sflow_nvml.txt).

use serde::Serialize;

use crate::address::Mac;
use crate::bytes::{Text, Uuid};
use crate::code_point::{MachineType, OsName};
use crate::error::ErrorKind;
use crate::list::List;
use crate::wire::{self, Input, Value};

structures! {
    /// `host_descr` 2000: a physical or virtual host.
    ///
    /// hsflowd's container samples carry the container's name here, and this record comes last.
    HostDescr<'a> = 0:2000 "host_descr" {
        /// The name, empty if unknown; longer on the wire than the 64 bytes of the specification, and never cut here.
        hostname: gauge Text<'a>,
        /// All zero if unknown; for hsflowd's containers the first 16 bytes of the container ID.
        uuid: gauge Uuid,
        /// Processor family.
        machine_type: gauge MachineType,
        /// Operating system.
        os_name: gauge OsName,
        /// For example `6.1.0-18-amd64`; empty if unknown.
        os_release: gauge Text<'a>,
    }

    /// `host_adapters` 2001: the network adapters of a host.
    HostAdapters<'a> = 0:2001 "host_adapters" {
        /// The adapters; none for containers of hsflowd 2.1.
        adapters: gauge List<'a, Adapter<'a>>,
    }
}

fixed_structures! {
    /// `host_parent` 2002, 8 bytes: the data source that contains this one.
    HostParent = 0:2002 "host_parent" {
        /// Class of the containing data source; 2 for hsflowd's containers.
        container_type: gauge u32,
        /// Index of the containing data source; 1 for hsflowd's containers.
        container_index: gauge u32,
    }

    /// `host_cpu` 2003, 68 bytes in the specification, 80 from hsflowd.
    ///
    /// An agent that keeps to the specification sends the first 17 fields.
    HostCpu = 0:2003 "host_cpu" {
        /// Load average over 1 minute; -1 unknown.
        load_one: gauge f32,
        /// Load average over 5 minutes; -1 unknown.
        load_five: gauge f32,
        /// Load average over 15 minutes; -1 unknown.
        load_fifteen: gauge f32,
        /// Running processes; hsflowd leaves itself out.
        proc_run: gauge u32,
        /// All processes.
        proc_total: gauge u32,
        /// Number of CPUs.
        cpu_num: gauge u32,
        /// MHz.
        cpu_speed: gauge u32,
        /// Seconds since the last reboot.
        uptime: gauge u32,
        /// User time in milliseconds.
        cpu_user: counter u32,
        /// Nice time in milliseconds.
        cpu_nice: counter u32,
        /// System time in milliseconds.
        cpu_system: counter u32,
        /// Idle time in milliseconds.
        cpu_idle: counter u32,
        /// I/O wait time in milliseconds.
        cpu_wio: counter u32,
        /// Interrupt time in milliseconds.
        cpu_intr: counter u32,
        /// Soft interrupt time in milliseconds.
        cpu_sintr: counter u32,
        /// Interrupts.
        interrupts: counter u32,
        /// Context switches.
        contexts: counter u32,
        /// Stolen time in milliseconds; hsflowd's extension.
        cpu_steal: counter u32,
        /// Guest time in milliseconds; hsflowd's extension.
        cpu_guest: counter u32,
        /// Nice guest time in milliseconds; hsflowd's extension.
        cpu_guest_nice: counter u32,
    }

    /// `host_memory` 2004, 72 bytes.
    HostMemory = 0:2004 "host_memory" {
        /// Bytes.
        mem_total: gauge u64,
        /// Bytes.
        mem_free: gauge u64,
        /// Bytes.
        mem_shared: gauge u64,
        /// Bytes.
        mem_buffers: gauge u64,
        /// Bytes.
        mem_cached: gauge u64,
        /// Bytes.
        swap_total: gauge u64,
        /// Bytes.
        swap_free: gauge u64,
        /// Pages read.
        page_in: counter u32,
        /// Pages written.
        page_out: counter u32,
        /// Pages swapped in.
        swap_in: counter u32,
        /// Pages swapped out.
        swap_out: counter u32,
    }

    /// `host_disk_io` 2005, 52 bytes.
    HostDiskIo = 0:2005 "host_disk_io" {
        /// Bytes.
        disk_total: gauge u64,
        /// Bytes.
        disk_free: gauge u64,
        /// Utilisation of the fullest partition in hundredths of a percent; -1 unknown.
        part_max_used: percentage i32,
        /// Reads issued.
        reads: counter u32,
        /// Bytes read.
        bytes_read: counter u64,
        /// Milliseconds.
        read_time: counter u32,
        /// Writes completed.
        writes: counter u32,
        /// Bytes written.
        bytes_written: counter u64,
        /// Milliseconds.
        write_time: counter u32,
    }

    /// `host_net_io` 2006, 40 bytes.
    HostNetIo = 0:2006 "host_net_io" {
        /// Bytes received.
        bytes_in: counter u64,
        /// Packets received.
        pkts_in: counter u32,
        /// Errors while receiving.
        errs_in: counter u32,
        /// Packets dropped while receiving.
        drops_in: counter u32,
        /// Bytes sent.
        bytes_out: counter u64,
        /// Packets sent.
        packets_out: counter u32,
        /// Errors while sending.
        errs_out: counter u32,
        /// Packets dropped while sending.
        drops_out: counter u32,
    }

    /// `nvidia_gpu` 5703:1, 48 bytes: sums over the GPUs of a host or container.
    NvidiaGpu = 5703:1 "nvidia_gpu" {
        /// Number of GPUs.
        device_count: gauge u32,
        /// Running compute processes.
        processes: gauge u32,
        /// Milliseconds in which a kernel was executing.
        gpu_time: counter u32,
        /// Milliseconds in which device memory was read or written.
        mem_time: counter u32,
        /// Bytes.
        mem_total: gauge u64,
        /// Bytes.
        mem_free: gauge u64,
        /// Volatile ECC errors.
        ecc_errors: counter u32,
        /// Millijoules.
        energy: counter u32,
        /// Highest temperature in degrees Celsius.
        temperature: gauge u32,
        /// Highest fan speed in percent.
        fan_speed: gauge u32,
    }
}

/// `adapter` of [`HostAdapters`]: one network adapter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Adapter<'a> {
    /// The interface's number.
    pub if_index: u32,
    /// The interface's addresses.
    pub mac_address: List<'a, Mac>,
}

impl<'a> Value<'a> for Adapter<'a> {
    const MIN_SIZE: usize = 8;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        Ok(Self {
            if_index: u32::read(input)?,
            mac_address: List::read(input)?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        wire::put_uint(out, self.if_index);
        self.mac_address.write(out);
    }

    fn unknown() -> Self {
        Self {
            if_index: 0,
            mac_address: List::new(&[]),
        }
    }
}
