//! What was read of a container or of the host, in the kernel's own units; `None` is what the kernel does not say.

use std::net::Ipv4Addr;

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It runs.
    #[default]
    Running,
    /// Its processes are frozen.
    Paused,
    /// It has ended; its counters are the last that were read.
    Ended,
}

/// One reading of a container.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ContainerCounters {
    /// What it does.
    pub state: State,
    /// Processor time in nanoseconds.
    pub cpu_time_ns: Option<u64>,
    /// Processor limit in thousandths of a core; `None` without a limit.
    pub cpu_limit_milli: Option<u64>,
    /// Memory.
    pub memory: Memory,
    /// Disks.
    pub disk: Option<Disk>,
    /// Network; `None` for a container in the host's network, whose interfaces are not its own.
    pub network: Option<Traffic>,
    /// TCP in its network.
    pub tcp: Option<Tcp>,
    /// Accept queues in its network.
    pub listen: Option<Listen>,
    /// What its processor limit did.
    pub throttling: Option<Throttling>,
    /// Pressure stall information.
    pub pressure: Pressures,
}

impl ContainerCounters {
    /// Tells whether a counter fell since `before`, so that the two cannot be compared.
    #[must_use]
    pub fn fell_since(&self, before: &Self) -> bool {
        let fell = |now: Option<u64>, before: Option<u64>| matches!((now, before), (Some(now), Some(before)) if now < before);
        let bytes = |counters: &Self| counters.network.map(|network| network.bytes_in);
        let sent = |counters: &Self| counters.network.map(|network| network.bytes_out);
        let written = |counters: &Self| counters.disk.map(|disk| disk.bytes_written);
        let read = |counters: &Self| counters.disk.map(|disk| disk.bytes_read);
        fell(self.cpu_time_ns, before.cpu_time_ns)
            || fell(bytes(self), bytes(before))
            || fell(sent(self), sent(before))
            || fell(written(self), written(before))
            || fell(read(self), read(before))
    }
}

/// Memory of a container, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// In use, page cache included.
    pub used: Option<u64>,
    /// Limit; `None` without one.
    pub limit: Option<u64>,
    /// Page cache.
    pub page_cache: Option<u64>,
    /// Page cache that was not used lately, and that `docker stats` leaves out.
    pub inactive_file: Option<u64>,
    /// Processes killed for want of memory.
    pub oom_kills: Option<u64>,
}

/// Bytes and requests of disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disk {
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Read requests.
    pub reads: u64,
    /// Write requests.
    pub writes: u64,
}

/// What went through network interfaces, as seen by their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Errors while receiving.
    pub errors_in: u64,
    /// Received packets dropped.
    pub drops_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Errors while sending.
    pub errors_out: u64,
    /// Packets dropped instead of sent.
    pub drops_out: u64,
}

/// The fields of `mib2_tcp_group`, in its order.
pub type Tcp = [u32; 15];

/// Connections that were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listen {
    /// Refused because an accept queue was full.
    pub overflows: u64,
    /// Dropped while they were set up.
    pub drops: u64,
}

/// What a processor limit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttling {
    /// Periods that began.
    pub periods: u64,
    /// Periods in which more was wanted than the limit gives.
    pub throttled_periods: u64,
    /// Microseconds of waiting for the limit.
    pub throttled_us: u64,
}

/// Totals of one resource's pressure, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    /// At least one thread waited.
    pub some_us: Option<u64>,
    /// All threads waited.
    pub full_us: Option<u64>,
}

/// Pressure of all three resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressures {
    /// Processors.
    pub cpu: Pressure,
    /// Memory.
    pub memory: Pressure,
    /// I/O.
    pub io: Pressure,
}

impl Pressures {
    /// Tells whether the kernel says nothing at all.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// One reading of the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostCounters {
    /// Its name; empty if unknown.
    pub name: String,
    /// Its UUID; all zero if unknown.
    pub uuid: [u8; 16],
    /// Release of the kernel.
    pub os_release: String,
    /// Processors and their time.
    pub cpu: HostCpu,
    /// Memory.
    pub memory: HostMemory,
    /// Disks, and milliseconds of reading and writing.
    pub disk: Option<(Disk, [u64; 2])>,
    /// File systems on disks.
    pub space: Space,
    /// Interfaces that lead off the host.
    pub network: Option<Traffic>,
    /// Its network adapters: ifIndex and address.
    pub adapters: Vec<(u32, [u8; 6])>,
    /// MIB-II, each group in the order of its structure.
    pub mib: Mib,
    /// Pressure stall information.
    pub pressure: Pressures,
    /// Containers that run.
    pub containers: u32,
}

/// Processors of the host.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostCpu {
    /// Load averages over one, five and fifteen minutes.
    pub load: Option<[f32; 3]>,
    /// Processes that run, and all.
    pub processes: [u32; 2],
    /// Number of processors.
    pub count: u32,
    /// MHz.
    pub mhz: u32,
    /// Seconds since the host started.
    pub uptime_s: u32,
    /// Milliseconds: user, nice, system, idle, waiting for I/O, interrupts, soft interrupts, stolen, guest, nice guest.
    pub times_ms: [Option<u64>; 10],
    /// Interrupts.
    pub interrupts: Option<u64>,
    /// Context switches.
    pub contexts: Option<u64>,
}

/// Memory of the host, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostMemory {
    /// All.
    pub total: u64,
    /// Free.
    pub free: u64,
    /// Shared.
    pub shared: u64,
    /// Buffers.
    pub buffers: u64,
    /// Page cache.
    pub cached: u64,
    /// Swap.
    pub swap_total: u64,
    /// Free swap.
    pub swap_free: u64,
    /// Pages read and written, swapped in and out.
    pub pages: [Option<u64>; 4],
}

/// Space of file systems on disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Bytes.
    pub total: u64,
    /// Bytes.
    pub free: u64,
    /// Use of the fullest, in hundredths of a percent.
    pub fullest: Option<u32>,
}

/// Groups of MIB-II.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mib {
    /// `mib2_ip_group`.
    pub ip: Option<[u32; 19]>,
    /// `mib2_icmp_group`.
    pub icmp: Option<[u32; 25]>,
    /// `mib2_tcp_group`.
    pub tcp: Option<Tcp>,
    /// `mib2_udp_group`.
    pub udp: Option<[u32; 7]>,
}

/// An address of one of the host's interfaces, for the choice of the agent's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Name of the interface.
    pub interface: String,
    /// Its number.
    pub index: u32,
    /// The address.
    pub address: std::net::IpAddr,
    /// Length of its network's prefix.
    pub prefix: u8,
}

impl InterfaceAddress {
    /// Tells whether the interface leads to containers, or the address can be reached from this host alone.
    #[must_use]
    pub fn is_inward(&self) -> bool {
        let inward = ["docker", "br-", "veth", "virbr"];
        self.is_local() || inward.iter().any(|name| self.interface.starts_with(name))
    }

    /// Tells how likely it is a service's address, which several hosts have: 2 on `lo`, as with direct routing; 1 without a
    /// network of its own, as a balancer's VIP, but also the only address that some clouds give; else 0.
    #[must_use]
    pub fn vip_likeness(&self) -> u8 {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.interface == "lo" {
            2
        } else {
            u8::from(self.prefix == whole)
        }
    }

    /// Tells whether the address is one of the host itself that others cannot reach.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self.address {
            std::net::IpAddr::V4(address) => {
                address.is_loopback() || address.is_link_local() || address == Ipv4Addr::UNSPECIFIED
            }
            std::net::IpAddr::V6(address) => {
                address.is_loopback() || address.is_unicast_link_local()
            }
        }
    }
}
