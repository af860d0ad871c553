//! Encapsulation of a sampled packet: sflow_tunnels.txt.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::address::Mac;

fixed_structures! {
    /// `extended_L2_tunnel_egress` 1021, 24 bytes: the outer frame the packet leaves in.
    ExtendedL2TunnelEgress = 0:1021 "extended_l2_tunnel_egress" {
        /// Length of the MAC frame in bytes, with FCS, without framing bits.
        length: gauge u32,
        /// Source address.
        src_mac: gauge Mac,
        /// Destination address.
        dst_mac: gauge Mac,
        /// Ethernet type.
        ethernet_type as "type": gauge u32,
    }

    /// `extended_L2_tunnel_ingress` 1022, 24 bytes: the outer frame the packet came in.
    ExtendedL2TunnelIngress = 0:1022 "extended_l2_tunnel_ingress" {
        /// Length of the MAC frame in bytes, with FCS, without framing bits.
        length: gauge u32,
        /// Source address.
        src_mac: gauge Mac,
        /// Destination address.
        dst_mac: gauge Mac,
        /// Ethernet type.
        ethernet_type as "type": gauge u32,
    }

    /// `extended_ipv4_tunnel_egress` 1023, 32 bytes: the outer packet the packet leaves in.
    ExtendedIpv4TunnelEgress = 0:1023 "extended_ipv4_tunnel_egress" {
        /// Length of the IP packet in bytes.
        length: gauge u32,
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Source address.
        src_ip: gauge Ipv4Addr,
        /// Destination address.
        dst_ip: gauge Ipv4Addr,
        /// Source port.
        src_port: gauge u32,
        /// Destination port.
        dst_port: gauge u32,
        /// TCP flags.
        tcp_flags: gauge u32,
        /// IP type of service.
        tos: gauge u32,
    }

    /// `extended_ipv4_tunnel_ingress` 1024, 32 bytes: the outer packet the packet came in.
    ExtendedIpv4TunnelIngress = 0:1024 "extended_ipv4_tunnel_ingress" {
        /// Length of the IP packet in bytes.
        length: gauge u32,
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Source address.
        src_ip: gauge Ipv4Addr,
        /// Destination address.
        dst_ip: gauge Ipv4Addr,
        /// Source port.
        src_port: gauge u32,
        /// Destination port.
        dst_port: gauge u32,
        /// TCP flags.
        tcp_flags: gauge u32,
        /// IP type of service.
        tos: gauge u32,
    }

    /// `extended_ipv6_tunnel_egress` 1025, 56 bytes: the outer packet the packet leaves in.
    ExtendedIpv6TunnelEgress = 0:1025 "extended_ipv6_tunnel_egress" {
        /// Length of the IP packet in bytes.
        length: gauge u32,
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Source address.
        src_ip: gauge Ipv6Addr,
        /// Destination address.
        dst_ip: gauge Ipv6Addr,
        /// Source port.
        src_port: gauge u32,
        /// Destination port.
        dst_port: gauge u32,
        /// TCP flags.
        tcp_flags: gauge u32,
        /// IP priority.
        priority: gauge u32,
    }

    /// `extended_ipv6_tunnel_ingress` 1026, 56 bytes: the outer packet the packet came in.
    ExtendedIpv6TunnelIngress = 0:1026 "extended_ipv6_tunnel_ingress" {
        /// Length of the IP packet in bytes.
        length: gauge u32,
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Source address.
        src_ip: gauge Ipv6Addr,
        /// Destination address.
        dst_ip: gauge Ipv6Addr,
        /// Source port.
        src_port: gauge u32,
        /// Destination port.
        dst_port: gauge u32,
        /// TCP flags.
        tcp_flags: gauge u32,
        /// IP priority.
        priority: gauge u32,
    }

    /// `extended_decapsulate_egress` 1027, 4 bytes.
    ExtendedDecapsulateEgress = 0:1027 "extended_decapsulate_egress" {
        /// Where the inner header begins in the sampled header, in bytes.
        inner_header_offset: gauge u32,
    }

    /// `extended_decapsulate_ingress` 1028, 4 bytes.
    ExtendedDecapsulateIngress = 0:1028 "extended_decapsulate_ingress" {
        /// Where the inner header begins in the sampled header, in bytes.
        inner_header_offset: gauge u32,
    }

    /// `extended_vni_egress` 1029, 4 bytes.
    ExtendedVniEgress = 0:1029 "extended_vni_egress" {
        /// Virtual network of the packet as it leaves.
        vni: gauge u32,
    }

    /// `extended_vni_ingress` 1030, 4 bytes.
    ExtendedVniIngress = 0:1030 "extended_vni_ingress" {
        /// Virtual network of the packet as it came.
        vni: gauge u32,
    }
}
