//! The metrics a query can name: sFlow-RT's names where it has one, with the unit of each.

/// A metric of a container (`vir_…`) or of a host.
///
/// Network counters are summed by the agent over all networks of the container; a container on the host network has none
/// and reports 0. Disk counters are 0 on cgroup v2 engines, because the agent does not read those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Processor time, percent of one core: 100 is one core in full use, 250 two and a half.
    VirCpuUtilization,
    /// Processor time in cores: 1.0 is one core in full use.
    VirCpuCores,
    /// Processor time as a share (0 to 1) of the container's limit, or of its host's cores when it has no known limit.
    VirCpuOfLimit,
    /// Memory in use, percent of the limit (of the host's memory when unlimited). Includes the page cache.
    VirMemUtilization,
    /// Memory in use, bytes. Includes the page cache.
    VirMemory,
    /// Memory limit, bytes; the host's memory when unlimited.
    VirMemoryMax,
    /// Received bytes per second.
    VirBytesIn,
    /// Sent bytes per second.
    VirBytesOut,
    /// Received packets per second.
    VirPktsIn,
    /// Sent packets per second.
    VirPktsOut,
    /// Receive errors per second.
    VirErrsIn,
    /// Send errors per second.
    VirErrsOut,
    /// Received packets dropped per second.
    VirDropsIn,
    /// Packets dropped on sending per second.
    VirDropsOut,
    /// Bytes read from disk per second.
    VirBytesRead,
    /// Bytes written to disk per second.
    VirBytesWritten,
    /// Disk read requests per second.
    VirReads,
    /// Disk write requests per second.
    VirWrites,
    /// Time that runnable threads waited for the processor limit, summed over threads; from our own agent.
    VirCpuThrottled,
    /// Time in which a thread waited for a processor; from our own agent, as the next three.
    VirPressureCpu,
    /// Time in which a thread waited for memory.
    VirPressureMemory,
    /// Time in which a thread waited for I/O.
    VirPressureIo,
    /// Connections refused because an accept queue was full.
    VirListenOverflows,
    /// Open TCP connections in the container's network; from our own agent.
    VirConnections,
    /// Memory without the inactive page cache; from our own agent.
    VirWorkingSet,
    /// Busy share of the host's processors, percent of all cores together (0 to 100).
    CpuUtilization,
    /// Share of the host's processor time that the hypervisor gave to other guests, percent of all cores together (0 to 100).
    CpuSteal,
    /// Number of processors of the host.
    CpuNum,
    /// Load average of the host over one minute.
    LoadOne,
    /// Load average of the host over five minutes.
    LoadFive,
    /// Load average of the host over fifteen minutes.
    LoadFifteen,
    /// Memory of the host that is neither free, buffers nor cache, percent of the total.
    MemUtilization,
    /// Memory of the host, bytes.
    MemTotal,
    /// Free memory of the host, bytes.
    MemFree,
    /// Bytes per second received by the host.
    BytesIn,
    /// Bytes per second sent by the host.
    BytesOut,
}

impl Metric {
    /// Every metric, containers' first.
    pub const ALL: [Self; 36] = [
        Self::VirCpuUtilization,
        Self::VirCpuCores,
        Self::VirCpuOfLimit,
        Self::VirMemUtilization,
        Self::VirMemory,
        Self::VirMemoryMax,
        Self::VirBytesIn,
        Self::VirBytesOut,
        Self::VirPktsIn,
        Self::VirPktsOut,
        Self::VirErrsIn,
        Self::VirErrsOut,
        Self::VirDropsIn,
        Self::VirDropsOut,
        Self::VirBytesRead,
        Self::VirBytesWritten,
        Self::VirReads,
        Self::VirWrites,
        Self::VirCpuThrottled,
        Self::VirPressureCpu,
        Self::VirPressureMemory,
        Self::VirPressureIo,
        Self::VirListenOverflows,
        Self::VirConnections,
        Self::VirWorkingSet,
        Self::CpuUtilization,
        Self::CpuSteal,
        Self::CpuNum,
        Self::LoadOne,
        Self::LoadFive,
        Self::LoadFifteen,
        Self::MemUtilization,
        Self::MemTotal,
        Self::MemFree,
        Self::BytesIn,
        Self::BytesOut,
    ];

    /// The name used in queries and on the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name_and_unit().0
    }

    /// The unit of the value.
    #[must_use]
    pub fn unit(self) -> &'static str {
        self.name_and_unit().1
    }

    /// The metric of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether the metric is a host's rather than a container's.
    #[must_use]
    pub fn is_host(self) -> bool {
        !self.name().starts_with("vir_")
    }

    fn name_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Self::VirCpuUtilization => ("vir_cpu_utilization", "percent of one core"),
            Self::VirCpuCores => ("vir_cpu_cores", "cores"),
            Self::VirCpuOfLimit => ("vir_cpu_of_limit", "share of limit"),
            Self::VirMemUtilization => ("vir_mem_utilization", "percent of limit"),
            Self::VirMemory => ("vir_memory", "bytes"),
            Self::VirMemoryMax => ("vir_memory_max", "bytes"),
            Self::VirBytesIn => ("vir_bytes_in", "bytes per second"),
            Self::VirBytesOut => ("vir_bytes_out", "bytes per second"),
            Self::VirPktsIn => ("vir_pkts_in", "packets per second"),
            Self::VirPktsOut => ("vir_pkts_out", "packets per second"),
            Self::VirErrsIn => ("vir_errs_in", "packets per second"),
            Self::VirErrsOut => ("vir_errs_out", "packets per second"),
            Self::VirDropsIn => ("vir_drops_in", "packets per second"),
            Self::VirDropsOut => ("vir_drops_out", "packets per second"),
            Self::VirBytesRead => ("vir_bytes_read", "bytes per second"),
            Self::VirBytesWritten => ("vir_bytes_written", "bytes per second"),
            Self::VirReads => ("vir_reads", "requests per second"),
            Self::VirWrites => ("vir_writes", "requests per second"),
            Self::VirCpuThrottled => ("vir_cpu_throttled", "seconds per second"),
            Self::VirPressureCpu => ("vir_pressure_cpu", "share of time"),
            Self::VirPressureMemory => ("vir_pressure_memory", "share of time"),
            Self::VirPressureIo => ("vir_pressure_io", "share of time"),
            Self::VirListenOverflows => ("vir_listen_overflows", "connections per second"),
            Self::VirConnections => ("vir_connections", "connections"),
            Self::VirWorkingSet => ("vir_working_set", "bytes"),
            Self::CpuUtilization => ("cpu_utilization", "percent of all cores"),
            Self::CpuSteal => ("cpu_steal", "percent of all cores"),
            Self::CpuNum => ("cpu_num", "cores"),
            Self::LoadOne => ("load_one", "processes"),
            Self::LoadFive => ("load_five", "processes"),
            Self::LoadFifteen => ("load_fifteen", "processes"),
            Self::MemUtilization => ("mem_utilization", "percent"),
            Self::MemTotal => ("mem_total", "bytes"),
            Self::MemFree => ("mem_free", "bytes"),
            Self::BytesIn => ("bytes_in", "bytes per second"),
            Self::BytesOut => ("bytes_out", "bytes per second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Some(metric));
            assert!(!metric.unit().is_empty());
        }
        assert_eq!(Metric::parse("vir_nonsense"), None);
    }
}
