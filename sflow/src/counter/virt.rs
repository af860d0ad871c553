//! Counters of virtual machines and containers: sflow_host.txt section 4 (after libvirt), and of Java virtual machines (sflow_jvm.txt).

use crate::bytes::Text;
use crate::code_point::DomainState;

fixed_structures! {
    /// `virt_node` 2100, 28 bytes: the host of virtual machines or containers.
    VirtNode = 0:2100 "virt_node" {
        /// CPU frequency in MHz.
        mhz: gauge u32,
        /// Number of CPUs.
        cpus: gauge u32,
        /// Bytes.
        memory: gauge u64,
        /// Bytes.
        memory_free: gauge u64,
        /// Number of running virtual machines or containers.
        num_domains: gauge u32,
    }

    /// `virt_cpu` 2101, 12 bytes.
    VirtCpu = 0:2101 "virt_cpu" {
        /// Whether it runs; hsflowd: 1 running, 3 paused, 5 stopped, 4 exited or deleted.
        state: gauge DomainState,
        /// CPU time used, in milliseconds; wraps after 49.7 days of one core.
        cpu_time: counter u32,
        /// Number of virtual CPUs; hsflowd: the limit rounded to whole cores, 0 where there is none or it is under half a core.
        nr_virt_cpu: gauge u32,
    }

    /// `virt_memory` 2102, 16 bytes.
    VirtMemory = 0:2102 "virt_memory" {
        /// Bytes used; hsflowd: including the page cache.
        memory: gauge u64,
        /// Bytes allowed; hsflowd: the host's memory where there is no limit.
        max_memory: gauge u64,
    }

    /// `virt_disk_io` 2103, 52 bytes.
    VirtDiskIo = 0:2103 "virt_disk_io" {
        /// Logical size in bytes.
        capacity: gauge u64,
        /// Current allocation in bytes.
        allocation: gauge u64,
        /// Remaining free bytes.
        available: gauge u64,
        /// Read requests.
        rd_req: counter u32,
        /// Bytes read.
        rd_bytes: counter u64,
        /// Write requests.
        wr_req: counter u32,
        /// Bytes written.
        wr_bytes: counter u64,
        /// Read and write errors.
        errs: counter u32,
    }

    /// `virt_net_io` 2104, 40 bytes, as seen by the machine or container.
    VirtNetIo = 0:2104 "virt_net_io" {
        /// Bytes received.
        rx_bytes: counter u64,
        /// Packets received.
        rx_packets: counter u32,
        /// Errors while receiving.
        rx_errs: counter u32,
        /// Packets dropped while receiving.
        rx_drop: counter u32,
        /// Bytes sent.
        tx_bytes: counter u64,
        /// Packets sent.
        tx_packets: counter u32,
        /// Errors while sending.
        tx_errs: counter u32,
        /// Packets dropped while sending.
        tx_drop: counter u32,
    }

    /// `jvm_statistics` 2106, 108 bytes.
    JvmStatistics = 0:2106 "jvm_statistics" {
        /// Bytes requested at the start.
        heap_initial: gauge u64,
        /// Bytes.
        heap_used: gauge u64,
        /// Bytes.
        heap_committed: gauge u64,
        /// Bytes.
        heap_max: gauge u64,
        /// Bytes requested at the start.
        non_heap_initial: gauge u64,
        /// Bytes.
        non_heap_used: gauge u64,
        /// Bytes.
        non_heap_committed: gauge u64,
        /// Bytes.
        non_heap_max: gauge u64,
        /// Collections.
        gc_count: counter u32,
        /// Time spent in collections in milliseconds.
        gc_time: counter u32,
        /// Classes that are loaded.
        classes_loaded: gauge u32,
        /// Classes loaded since the start.
        classes_total: counter u32,
        /// Classes unloaded since the start.
        classes_unloaded: counter u32,
        /// Milliseconds.
        compilation_time: counter u32,
        /// Live threads.
        thread_num_live: gauge u32,
        /// Live daemon threads.
        thread_num_daemon: gauge u32,
        /// Threads started since the start.
        thread_num_started: counter u32,
        /// Open file descriptors.
        fd_open_count: gauge u32,
        /// File descriptors allowed.
        fd_max_count: gauge u32,
    }
}

structures! {
    /// `jvm_runtime` 2105.
    JvmRuntime<'a> = 0:2105 "jvm_runtime" {
        /// Name.
        vm_name: gauge Text<'a>,
        /// Vendor.
        vm_vendor: gauge Text<'a>,
        /// Version.
        vm_version: gauge Text<'a>,
    }
}
