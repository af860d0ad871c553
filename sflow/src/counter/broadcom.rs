//! Counters of Broadcom switch chips (enterprise 4413): sflow_broadcom_buffers.txt and sflow_broadcom_tables.txt.

use crate::list::List;

structures! {
    /// `bst_port_buffers` 4413:2: peak buffer utilisation of a port since the last sample.
    BstPortBuffers<'a> = 4413:2 "bst_port_buffers" {
        /// Ingress unicast buffers in hundredths of a percent; -1 unknown.
        ingress_uc_pc: percentage i32,
        /// Ingress multicast buffers in hundredths of a percent; -1 unknown.
        ingress_mc_pc: percentage i32,
        /// Egress unicast buffers in hundredths of a percent; -1 unknown.
        egress_uc_pc: percentage i32,
        /// Egress multicast buffers in hundredths of a percent; -1 unknown.
        egress_mc_pc: percentage i32,
        /// Egress unicast buffers of each queue in hundredths of a percent.
        egress_queue_uc_pc: gauge List<'a, i32>,
        /// Egress multicast buffers of each queue in hundredths of a percent.
        egress_queue_mc_pc: gauge List<'a, i32>,
    }
}

fixed_structures! {
    /// `bst_device_buffers` 4413:1, 8 bytes: peak buffer utilisation of the device since the last sample.
    BstDeviceBuffers = 4413:1 "bst_device_buffers" {
        /// Unicast buffers in hundredths of a percent; -1 unknown.
        uc_pc: percentage i32,
        /// Multicast buffers in hundredths of a percent; -1 unknown.
        mc_pc: percentage i32,
    }

    /// `hw_tables` 4413:3, 144 bytes: utilisation of the hardware tables.
    HwTables = 4413:3 "hw_tables" {
        /// Entries.
        host_entries: gauge u32,
        /// Entries that fit.
        host_entries_max: gauge u32,
        /// Entries.
        ipv4_entries: gauge u32,
        /// Entries that fit.
        ipv4_entries_max: gauge u32,
        /// Entries.
        ipv6_entries: gauge u32,
        /// Entries that fit.
        ipv6_entries_max: gauge u32,
        /// Entries.
        ipv4_ipv6_entries: gauge u32,
        /// Entries that fit.
        ipv6_ipv6_entries_max: gauge u32,
        /// Entries.
        long_ipv6_entries: gauge u32,
        /// Entries that fit.
        long_ipv6_entries_max: gauge u32,
        /// Entries.
        total_routes: gauge u32,
        /// Entries that fit.
        total_routes_max: gauge u32,
        /// Entries.
        ecmp_nexthops: gauge u32,
        /// Entries that fit.
        ecmp_nexthops_max: gauge u32,
        /// Entries.
        mac_entries: gauge u32,
        /// Entries that fit.
        mac_entries_max: gauge u32,
        /// Entries.
        ipv4_neighbors: gauge u32,
        /// Entries.
        ipv6_neighbors: gauge u32,
        /// Entries.
        ipv4_routes: gauge u32,
        /// Entries.
        ipv6_routes: gauge u32,
        /// Entries.
        acl_ingress_entries: gauge u32,
        /// Entries that fit.
        acl_ingress_entries_max: gauge u32,
        /// Entries.
        acl_ingress_counters: gauge u32,
        /// Entries that fit.
        acl_ingress_counters_max: gauge u32,
        /// Entries.
        acl_ingress_meters: gauge u32,
        /// Entries that fit.
        acl_ingress_meters_max: gauge u32,
        /// Entries.
        acl_ingress_slices: gauge u32,
        /// Entries that fit.
        acl_ingress_slices_max: gauge u32,
        /// Entries.
        acl_egress_entries: gauge u32,
        /// Entries that fit.
        acl_egress_entries_max: gauge u32,
        /// Entries.
        acl_egress_counters: gauge u32,
        /// Entries that fit.
        acl_egress_counters_max: gauge u32,
        /// Entries.
        acl_egress_meters: gauge u32,
        /// Entries that fit.
        acl_egress_meters_max: gauge u32,
        /// Entries.
        acl_egress_slices: gauge u32,
        /// Entries that fit.
        acl_egress_slices_max: gauge u32,
    }
}
