//! Counters of containers for which sFlow has no structure: throttling, pressure, working set, accept queues.
//!
//! Swarmtide's agent sends them after the standard records, and every receiver skips a record that it does not know by its
//! length. No enterprise number is assigned to this project. 32473 is the number that RFC 5612 sets aside for examples, so it
//! cannot collide with a vendor's; a number of our own would be changed in this file alone. An unknown
//! counter is all ones. All times are microseconds.

fixed_structures! {
    /// `cpu_throttling` 32473:1, 16 bytes: what the CPU limit did to a container.
    CpuThrottling = 32473:1 "cpu_throttling" {
        /// Enforcement periods that began.
        periods: counter u32,
        /// Periods in which the container wanted more than its limit.
        throttled_periods: counter u32,
        /// Microseconds that runnable threads waited for the limit, summed over processors.
        throttled_time: counter u64,
    }

    /// `pressure` 32473:2, 48 bytes: pressure stall information of a container or a host; totals in microseconds.
    Pressure = 32473:2 "pressure" {
        /// At least one thread waited for a processor.
        cpu_some: counter u64,
        /// All threads did; a host has no such number.
        cpu_full: counter u64,
        /// At least one thread waited for memory.
        memory_some: counter u64,
        /// All threads did.
        memory_full: counter u64,
        /// At least one thread waited for I/O.
        io_some: counter u64,
        /// All threads did.
        io_full: counter u64,
    }

    /// `memory_detail` 32473:3, 20 bytes: what `virt_memory.memory` is made of.
    MemoryDetail = 32473:3 "memory_detail" {
        /// Bytes without the inactive page cache, as `docker stats` shows them; 0 unknown.
        working_set: gauge u64,
        /// Bytes of page cache.
        page_cache: gauge u64,
        /// Processes killed for want of memory since the container started.
        oom_kills: counter u32,
    }

    /// `tcp_listen` 32473:4, 8 bytes: connections that a container did not take; the open ones are in `mib2_tcp_group`.
    TcpListen = 32473:4 "tcp_listen" {
        /// Connections refused because an accept queue was full.
        overflows: counter u32,
        /// Connections dropped while they were set up, for any reason.
        drops: counter u32,
    }
}
