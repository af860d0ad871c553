//! Numbers with names: every value is accepted, the known ones have constants.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::wire;

macro_rules! code_points {
    ($( $(#[$meta:meta])* $name:ident { $( $constant:ident = $value:literal $text:literal, )+ } )+) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $constant: Self = Self($value);
            )+

            /// Returns the specification's name, or `None` for a number without one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($text), )+
                    _ => None,
                }
            }
        }

        impl From<u32> for $name {
            fn from(value: u32) -> Self {
                Self(value)
            }
        }

        impl From<$name> for u32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            /// Writes the name, or the number where there is none.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{} ({name})", self.0),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl Serialize for $name {
            /// Writes the number.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u32(self.0)
            }
        }

        wire::fixed_value!($name, 4, Self(0), |bytes| Self(u32::from_be_bytes(bytes)), |value| value.0.to_be_bytes());
    )+ };
}

code_points! {
    /// `sFlowDataSource` type: what the index of a data source counts (sflow_version_5.txt, sflow_host.txt section 3).
    DataSourceClass {
        IF_INDEX = 0 "ifIndex",
        SMON_VLAN = 1 "smonVlanDataSource",
        PHYSICAL_ENTITY = 2 "entPhysicalEntry",
        LOGICAL_ENTITY = 3 "entLogicalEntry",
    }

    /// `machine_type` of `host_descr`: the processor family (sflow_host.txt).
    MachineType {
        UNKNOWN = 0 "unknown",
        OTHER = 1 "other",
        X86 = 2 "x86",
        X86_64 = 3 "x86_64",
        IA64 = 4 "ia64",
        SPARC = 5 "sparc",
        ALPHA = 6 "alpha",
        POWERPC = 7 "powerpc",
        M68K = 8 "m68k",
        MIPS = 9 "mips",
        ARM = 10 "arm",
        HPPA = 11 "hppa",
        S390 = 12 "s390",
    }

    /// `os_name` of `host_descr`: the operating system (sflow_host.txt).
    OsName {
        UNKNOWN = 0 "unknown",
        OTHER = 1 "other",
        LINUX = 2 "linux",
        WINDOWS = 3 "windows",
        DARWIN = 4 "darwin",
        HPUX = 5 "hpux",
        AIX = 6 "aix",
        DRAGONFLY = 7 "dragonfly",
        FREEBSD = 8 "freebsd",
        NETBSD = 9 "netbsd",
        OPENBSD = 10 "openbsd",
        OSF = 11 "osf",
        SOLARIS = 12 "solaris",
    }

    /// `state` of `virt_cpu`: libvirt's `virDomainState`.
    DomainState {
        NOSTATE = 0 "nostate",
        RUNNING = 1 "running",
        BLOCKED = 2 "blocked",
        PAUSED = 3 "paused",
        SHUTDOWN = 4 "shutdown",
        SHUTOFF = 5 "shutoff",
        CRASHED = 6 "crashed",
    }

    /// `ifDirection` of `if_counters` (sflow_version_5.txt).
    InterfaceDirection {
        UNKNOWN = 0 "unknown",
        FULL_DUPLEX = 1 "full-duplex",
        HALF_DUPLEX = 2 "half-duplex",
        IN = 3 "in",
        OUT = 4 "out",
    }

    /// `header_protocol` of `sampled_header`: how the sampled bytes begin (sflow_version_5.txt).
    HeaderProtocol {
        ETHERNET = 1 "ethernet",
        TOKEN_BUS = 2 "token-bus",
        TOKEN_RING = 3 "token-ring",
        FDDI = 4 "fddi",
        FRAME_RELAY = 5 "frame-relay",
        X25 = 6 "x25",
        PPP = 7 "ppp",
        SMDS = 8 "smds",
        AAL5 = 9 "aal5",
        AAL5_IP = 10 "aal5-ip",
        IPV4 = 11 "ipv4",
        IPV6 = 12 "ipv6",
        MPLS = 13 "mpls",
        POS = 14 "pos",
    }

    /// `status` of `app_operation` (sflow_application.txt).
    OperationStatus {
        SUCCESS = 0 "success",
        OTHER = 1 "other",
        TIMEOUT = 2 "timeout",
        INTERNAL_ERROR = 3 "internal_error",
        BAD_REQUEST = 4 "bad_request",
        FORBIDDEN = 5 "forbidden",
        TOO_LARGE = 6 "too_large",
        NOT_IMPLEMENTED = 7 "not_implemented",
        NOT_FOUND = 8 "not_found",
        UNAVAILABLE = 9 "unavailable",
        UNAUTHORIZED = 10 "unauthorized",
    }

    /// `dir` of `extended_tcp_info`: which way the sampled packet went.
    PacketDirection {
        UNKNOWN = 0 "unknown",
        RECEIVED = 1 "received",
        SENT = 2 "sent",
    }

    /// `charset` of `extended_user`: a MIBenum of IANA's character sets (RFC 2978).
    Charset {
        UNKNOWN = 0 "unknown",
        ASCII = 3 "US-ASCII",
        UTF8 = 106 "UTF-8",
    }

    /// `drop_reason` of `discarded_packet` (sflow_drops.txt): 0 to 15 are codes of ICMP "unreachable", 256 to 262 are those of
    /// sflow_version_5.txt, 263 and up are those of devlink trap.
    DropReason {
        NET_UNREACHABLE = 0 "net_unreachable",
        HOST_UNREACHABLE = 1 "host_unreachable",
        PROTOCOL_UNREACHABLE = 2 "protocol_unreachable",
        PORT_UNREACHABLE = 3 "port_unreachable",
        FRAG_NEEDED = 4 "frag_needed",
        SRC_ROUTE_FAILED = 5 "src_route_failed",
        DST_NET_UNKNOWN = 6 "dst_net_unknown",
        DST_HOST_UNKNOWN = 7 "dst_host_unknown",
        SRC_HOST_ISOLATED = 8 "src_host_isolated",
        DST_NET_PROHIBITED = 9 "dst_net_prohibited",
        DST_HOST_PROHIBITED = 10 "dst_host_prohibited",
        DST_NET_TOS_UNREACHABLE = 11 "dst_net_tos_unreachable",
        DST_HOST_TOS_UNREACHABLE = 12 "dst_host_tos_unreacheable",
        COMM_ADMIN_PROHIBITED = 13 "comm_admin_prohibited",
        HOST_PRECEDENCE_VIOLATION = 14 "host_precedence_violation",
        PRECEDENCE_CUTOFF = 15 "precedence_cutoff",
        UNKNOWN = 256 "unknown",
        TTL_EXCEEDED = 257 "ttl_exceeded",
        ACL = 258 "acl",
        NO_BUFFER_SPACE = 259 "no_buffer_space",
        RED = 260 "red",
        TRAFFIC_SHAPING = 261 "traffic_shaping",
        PKT_TOO_BIG = 262 "pkt_too_big",
        SRC_MAC_IS_MULTICAST = 263 "src_mac_is_multicast",
        VLAN_TAG_MISMATCH = 264 "vlan_tag_mismatch",
        INGRESS_VLAN_FILTER = 265 "ingress_vlan_filter",
        INGRESS_SPANNING_TREE_FILTER = 266 "ingress_spanning_tree_filter",
        PORT_LIST_IS_EMPTY = 267 "port_list_is_empty",
        PORT_LOOPBACK_FILTER = 268 "port_loopback_filter",
        BLACKHOLE_ROUTE = 269 "blackhole_route",
        NON_IP = 270 "non_ip",
        UC_DIP_OVER_MC_DMAC = 271 "uc_dip_over_mc_dmac",
        DIP_IS_LOOPBACK_ADDRESS = 272 "dip_is_loopback_address",
        SIP_IS_MC = 273 "sip_is_mc",
        SIP_IS_LOOPBACK_ADDRESS = 274 "sip_is_loopback_address",
        IP_HEADER_CORRUPTED = 275 "ip_header_corrupted",
        IPV4_SIP_IS_LIMITED_BC = 276 "ipv4_sip_is_limited_bc",
        IPV6_MC_DIP_RESERVED_SCOPE = 277 "ipv6_mc_dip_reserved_scope",
        IPV6_MC_DIP_INTERFACE_LOCAL_SCOPE = 278 "ipv6_mc_dip_interface_local_scope",
        UNRESOLVED_NEIGH = 279 "unresolved_neigh",
        MC_REVERSE_PATH_FORWARDING = 280 "mc_reverse_path_forwarding",
        NON_ROUTABLE_PACKET = 281 "non_routable_packet",
        DECAP_ERROR = 282 "decap_error",
        OVERLAY_SMAC_IS_MC = 283 "overlay_smac_is_mc",
        UNKNOWN_L2 = 284 "unknown_l2",
        UNKNOWN_L3 = 285 "unknown_l3",
        UNKNOWN_L3_EXCEPTION = 286 "unknown_l3_exception",
        UNKNOWN_BUFFER = 287 "unknown_buffer",
        UNKNOWN_TUNNEL = 288 "unknown_tunnel",
        UNKNOWN_L4 = 289 "unknown_l4",
        SIP_IS_UNSPECIFIED = 290 "sip_is_unspecified",
        MLAG_PORT_ISOLATION = 291 "mlag_port_isolation",
        BLACKHOLE_ARP_NEIGH = 292 "blackhole_arp_neigh",
        SRC_MAC_IS_DMAC = 293 "src_mac_is_dmac",
        DMAC_IS_RESERVED = 294 "dmac_is_reserved",
        SIP_IS_CLASS_E = 295 "sip_is_class_e",
        MC_DMAC_MISMATCH = 296 "mc_dmac_mismatch",
        SIP_IS_DIP = 297 "sip_is_dip",
        DIP_IS_LOCAL_NETWORK = 298 "dip_is_local_network",
        DIP_IS_LINK_LOCAL = 299 "dip_is_link_local",
        OVERLAY_SMAC_IS_DMAC = 300 "overlay_smac_is_dmac",
        EGRESS_VLAN_FILTER = 301 "egress_vlan_filter",
        UC_REVERSE_PATH_FORWARDING = 302 "uc_reverse_path_forwarding",
        SPLIT_HORIZON = 303 "split_horizon",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_accepted() {
        assert_eq!(MachineType(7).to_string(), "powerpc");
        assert_eq!(MachineType(4711).to_string(), "4711");
        assert_eq!(format!("{:?}", DomainState(3)), "3 (paused)");
    }
}
