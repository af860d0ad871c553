//! What happened to a sampled packet on its way through a switch or router: sflow_version_5.txt.

use serde::Serialize;

use crate::address::Address;
use crate::bytes::Opaque;
use crate::code_point::Charset;
use crate::error::ErrorKind;
use crate::list::List;
use crate::wire::{self, Input, Value};

fixed_structures! {
    /// `extended_switch` 1001, 16 bytes; all ones if unknown.
    ExtendedSwitch = 0:1001 "extended_switch" {
        /// VLAN of the incoming frame.
        src_vlan: counter u32,
        /// 802.1p priority of the incoming frame.
        src_priority: counter u32,
        /// VLAN of the outgoing frame.
        dst_vlan: counter u32,
        /// 802.1p priority of the outgoing frame.
        dst_priority: counter u32,
    }
}

structures! {
    /// `extended_router` 1002.
    ExtendedRouter = 0:1002 "extended_router" {
        /// The next router.
        nexthop: gauge Address,
        /// Prefix length of the source address in bits.
        src_mask_len: gauge u32,
        /// Prefix length of the destination address in bits.
        dst_mask_len: gauge u32,
    }

    /// `extended_gateway` 1003.
    ExtendedGateway<'a> = 0:1003 "extended_gateway" {
        /// The border router.
        nexthop: gauge Address,
        /// Autonomous system of the router.
        router_as as "as": gauge u32,
        /// Autonomous system of the source.
        src_as: gauge u32,
        /// Autonomous system of the source's peer.
        src_peer_as: gauge u32,
        /// Autonomous systems on the way to the destination.
        dst_as_path: gauge List<'a, AsPath<'a>>,
        /// Communities of the route.
        communities: gauge List<'a, u32>,
        /// Local preference of the route.
        localpref: gauge u32,
    }

    /// `extended_user` 1004.
    ExtendedUser<'a> = 0:1004 "extended_user" {
        /// Character set of `src_user`.
        src_charset: gauge Charset,
        /// User of the source.
        src_user: gauge Opaque<'a>,
        /// Character set of `dst_user`.
        dst_charset: gauge Charset,
        /// User of the destination.
        dst_user: gauge Opaque<'a>,
    }

    /// `extended_mpls` 1006.
    ExtendedMpls<'a> = 0:1006 "extended_mpls" {
        /// The next hop.
        nexthop: gauge Address,
        /// Labels of the received packet.
        in_stack: gauge List<'a, u32>,
        /// Labels of the sent packet.
        out_stack: gauge List<'a, u32>,
    }

    /// `extended_nat` 1007.
    ExtendedNat = 0:1007 "extended_nat" {
        /// Source after translation.
        src_address: gauge Address,
        /// Destination after translation.
        dst_address: gauge Address,
    }

    /// `extended_vlantunnel` 1012.
    ExtendedVlantunnel<'a> = 0:1012 "extended_vlantunnel" {
        /// The 802.1Q layers that were stripped, outermost first, as TPID and TCI.
        stack: gauge List<'a, u32>,
    }
}

/// `as_path_type` of [`ExtendedGateway`]: one segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AsPath<'a> {
    /// 1: a set, without order; 2: a sequence, in order.
    #[serde(rename = "type")]
    pub kind: u32,
    /// The numbers of autonomous systems.
    #[serde(rename = "as")]
    pub numbers: List<'a, u32>,
}

impl<'a> Value<'a> for AsPath<'a> {
    const MIN_SIZE: usize = 8;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        Ok(Self {
            kind: u32::read(input)?,
            numbers: List::read(input)?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        wire::put_uint(out, self.kind);
        self.numbers.write(out);
    }

    fn unknown() -> Self {
        Self {
            kind: 0,
            numbers: List::new(&[]),
        }
    }
}
