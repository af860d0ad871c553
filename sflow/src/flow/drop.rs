//! Queues, delays and drops of a sampled packet: sflow_drops.txt, sflow_transit.txt, and what host-sflow adds.

use crate::bytes::Text;

fixed_structures! {
    /// `extended_egress_queue` 1036, 4 bytes.
    ExtendedEgressQueue = 0:1036 "extended_egress_queue" {
        /// Number of the queue at the output port.
        queue: gauge u32,
    }

    /// `extended_transit` 1039, 4 bytes.
    ExtendedTransit = 0:1039 "extended_transit" {
        /// Time in the switch in nanoseconds; all ones if that much or more.
        delay: gauge u32,
    }

    /// `extended_queue` 1040, 4 bytes.
    ExtendedQueue = 0:1040 "extended_queue" {
        /// Depth of the queue in bytes.
        depth: gauge u32,
    }

    /// `extended_timestamp` 1043, 8 bytes; hsflowd adds it to each packet sample.
    ExtendedTimestamp = 0:1043 "extended_timestamp" {
        /// When the packet was seen, in nanoseconds since 1970 UTC.
        nanoseconds: gauge u64,
    }
}

structures! {
    /// `extended_acl` 1037: the access list that discarded the packet.
    ExtendedAcl<'a> = 0:1037 "extended_acl" {
        /// Its number.
        number: gauge u32,
        /// Its name.
        name: gauge Text<'a>,
        /// 0 unknown, 1 ingress, 2 egress.
        direction: gauge u32,
    }

    /// `extended_function` 1038.
    ExtendedFunction<'a> = 0:1038 "extended_function" {
        /// The function of the network stack that discarded the packet.
        symbol: gauge Text<'a>,
    }

    /// `extended_hw_trap` 1041: the devlink trap that caught the packet.
    ExtendedHwTrap<'a> = 0:1041 "extended_hw_trap" {
        /// Name of the trap's group.
        group: gauge Text<'a>,
        /// Name of the trap.
        trap: gauge Text<'a>,
    }

    /// `extended_linux_drop_reason` 1042.
    ExtendedLinuxDropReason<'a> = 0:1042 "extended_linux_drop_reason" {
        /// Linux's name for why the packet was discarded.
        reason: gauge Text<'a>,
    }
}
