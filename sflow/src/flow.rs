//! Flow records: what is known of one sampled packet or transaction.

mod application;
mod drop;
mod forwarding;
mod sampled;
mod tunnel;

pub use application::{
    AppInitiator, AppOperation, AppParentContext, AppTarget, ExtendedEntities,
    ExtendedProxySocketIpv4, ExtendedProxySocketIpv6, ExtendedSocketIpv4, ExtendedSocketIpv6,
    ExtendedTcpInfo, HttpRequest,
};
pub use drop::{
    ExtendedAcl, ExtendedEgressQueue, ExtendedFunction, ExtendedHwTrap, ExtendedLinuxDropReason,
    ExtendedQueue, ExtendedTimestamp, ExtendedTransit,
};
pub use forwarding::{
    AsPath, ExtendedGateway, ExtendedMpls, ExtendedNat, ExtendedRouter, ExtendedSwitch,
    ExtendedUser, ExtendedVlantunnel,
};
pub use sampled::{SampledEthernet, SampledHeader, SampledIpv4, SampledIpv6};
pub use tunnel::{
    ExtendedDecapsulateEgress, ExtendedDecapsulateIngress, ExtendedIpv4TunnelEgress,
    ExtendedIpv4TunnelIngress, ExtendedIpv6TunnelEgress, ExtendedIpv6TunnelIngress,
    ExtendedL2TunnelEgress, ExtendedL2TunnelIngress, ExtendedVniEgress, ExtendedVniIngress,
};

records! {
    /// One record of a flow sample or of a discarded packet.
    FlowRecord<'a> {
        SampledHeader(SampledHeader<'a>),
        SampledEthernet(SampledEthernet),
        SampledIpv4(SampledIpv4),
        SampledIpv6(SampledIpv6),
        ExtendedSwitch(ExtendedSwitch),
        ExtendedRouter(ExtendedRouter),
        ExtendedGateway(ExtendedGateway<'a>),
        ExtendedUser(ExtendedUser<'a>),
        ExtendedMpls(ExtendedMpls<'a>),
        ExtendedNat(ExtendedNat),
        ExtendedVlantunnel(ExtendedVlantunnel<'a>),
        ExtendedL2TunnelEgress(ExtendedL2TunnelEgress),
        ExtendedL2TunnelIngress(ExtendedL2TunnelIngress),
        ExtendedIpv4TunnelEgress(ExtendedIpv4TunnelEgress),
        ExtendedIpv4TunnelIngress(ExtendedIpv4TunnelIngress),
        ExtendedIpv6TunnelEgress(ExtendedIpv6TunnelEgress),
        ExtendedIpv6TunnelIngress(ExtendedIpv6TunnelIngress),
        ExtendedDecapsulateEgress(ExtendedDecapsulateEgress),
        ExtendedDecapsulateIngress(ExtendedDecapsulateIngress),
        ExtendedVniEgress(ExtendedVniEgress),
        ExtendedVniIngress(ExtendedVniIngress),
        ExtendedEgressQueue(ExtendedEgressQueue),
        ExtendedAcl(ExtendedAcl<'a>),
        ExtendedFunction(ExtendedFunction<'a>),
        ExtendedTransit(ExtendedTransit),
        ExtendedQueue(ExtendedQueue),
        ExtendedHwTrap(ExtendedHwTrap<'a>),
        ExtendedLinuxDropReason(ExtendedLinuxDropReason<'a>),
        ExtendedTimestamp(ExtendedTimestamp),
        ExtendedSocketIpv4(ExtendedSocketIpv4),
        ExtendedSocketIpv6(ExtendedSocketIpv6),
        ExtendedProxySocketIpv4(ExtendedProxySocketIpv4),
        ExtendedProxySocketIpv6(ExtendedProxySocketIpv6),
        AppOperation(AppOperation<'a>),
        AppParentContext(AppParentContext<'a>),
        AppInitiator(AppInitiator<'a>),
        AppTarget(AppTarget<'a>),
        HttpRequest(HttpRequest<'a>),
        ExtendedTcpInfo(ExtendedTcpInfo),
        ExtendedEntities(ExtendedEntities),
    }
}
