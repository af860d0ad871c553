//! What was sampled: a packet's first bytes, or its fields: sflow_version_5.txt.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::address::Mac;
use crate::bytes::Opaque;
use crate::code_point::HeaderProtocol;

structures! {
    /// `sampled_header` 1: the first bytes of a packet.
    SampledHeader<'a> = 0:1 "sampled_header" {
        /// What the bytes begin with.
        protocol: gauge HeaderProtocol,
        /// Length of the packet in bytes before sampling.
        frame_length: gauge u32,
        /// Bytes removed from the packet before the header was cut; 4 (the FCS) for hsflowd's Ethernet.
        stripped: gauge u32,
        /// The bytes; hsflowd sends 128 at most.
        header: gauge Opaque<'a>,
    }
}

fixed_structures! {
    /// `sampled_ethernet` 2, 24 bytes.
    SampledEthernet = 0:2 "sampled_ethernet" {
        /// Length of the MAC frame in bytes, with FCS, without framing bits.
        length: gauge u32,
        /// Source address.
        src_mac: gauge Mac,
        /// Destination address.
        dst_mac: gauge Mac,
        /// Ethernet type.
        ethernet_type as "type": gauge u32,
    }

    /// `sampled_ipv4` 3, 32 bytes.
    SampledIpv4 = 0:3 "sampled_ipv4" {
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

    /// `sampled_ipv6` 4, 56 bytes.
    SampledIpv6 = 0:4 "sampled_ipv6" {
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
}
