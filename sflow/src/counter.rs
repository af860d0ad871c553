//! Counter records: what an agent counted for one data source.

mod application;
mod broadcom;
mod container;
mod host;
mod interface;
mod mib2;
mod virt;

pub use application::{AppOperations, AppResources, AppWorkers, HttpCounters, OvsDpStats};
pub use broadcom::{BstDeviceBuffers, BstPortBuffers, HwTables};
pub use container::{CpuThrottling, MemoryDetail, Pressure, TcpListen};
pub use host::{
    Adapter, HostAdapters, HostCpu, HostDescr, HostDiskIo, HostMemory, HostNetIo, HostParent,
    NvidiaGpu,
};
pub use interface::{
    EthernetCounters, IfCounters, LagPortStats, OfPort, PfcCounters, PortName, Processor, Sfp,
    SfpLane, TokenringCounters, VgCounters, VlanCounters,
};
pub use mib2::{Mib2IcmpGroup, Mib2IpGroup, Mib2TcpGroup, Mib2UdpGroup};
pub use virt::{JvmRuntime, JvmStatistics, VirtCpu, VirtDiskIo, VirtMemory, VirtNetIo, VirtNode};

records! {
    /// One record of a counters sample.
    CounterRecord<'a> {
        IfCounters(IfCounters),
        EthernetCounters(EthernetCounters),
        TokenringCounters(TokenringCounters),
        VgCounters(VgCounters),
        VlanCounters(VlanCounters),
        LagPortStats(LagPortStats),
        Sfp(Sfp<'a>),
        PfcCounters(PfcCounters),
        Processor(Processor),
        OfPort(OfPort),
        PortName(PortName<'a>),
        HostDescr(HostDescr<'a>),
        HostAdapters(HostAdapters<'a>),
        HostParent(HostParent),
        HostCpu(HostCpu),
        HostMemory(HostMemory),
        HostDiskIo(HostDiskIo),
        HostNetIo(HostNetIo),
        Mib2IpGroup(Mib2IpGroup),
        Mib2IcmpGroup(Mib2IcmpGroup),
        Mib2TcpGroup(Mib2TcpGroup),
        Mib2UdpGroup(Mib2UdpGroup),
        VirtNode(VirtNode),
        VirtCpu(VirtCpu),
        VirtMemory(VirtMemory),
        VirtDiskIo(VirtDiskIo),
        VirtNetIo(VirtNetIo),
        JvmRuntime(JvmRuntime<'a>),
        JvmStatistics(JvmStatistics),
        HttpCounters(HttpCounters),
        AppOperations(AppOperations<'a>),
        AppResources(AppResources),
        AppWorkers(AppWorkers),
        OvsDpStats(OvsDpStats),
        NvidiaGpu(NvidiaGpu),
        BstDeviceBuffers(BstDeviceBuffers),
        BstPortBuffers(BstPortBuffers<'a>),
        HwTables(HwTables),
        CpuThrottling(CpuThrottling),
        Pressure(Pressure),
        MemoryDetail(MemoryDetail),
        TcpListen(TcpListen),
    }
}
