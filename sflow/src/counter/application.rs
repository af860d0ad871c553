//! Counters of applications: sflow_application.txt, sflow_http.txt, and Open vSwitch.

use crate::bytes::Text;

structures! {
    /// `app_operations` 2202: finished operations by outcome.
    AppOperations<'a> = 0:2202 "app_operations" {
        /// The application's name, parts joined by dots.
        application: gauge Text<'a>,
        /// Operations that ended so.
        success: counter u32,
        /// Operations that ended so.
        other: counter u32,
        /// Operations that ended so.
        timeout: counter u32,
        /// Operations that ended so.
        internal_error: counter u32,
        /// Operations that ended so.
        bad_request: counter u32,
        /// Operations that ended so.
        forbidden: counter u32,
        /// Operations that ended so.
        too_large: counter u32,
        /// Operations that ended so.
        not_implemented: counter u32,
        /// Operations that ended so.
        not_found: counter u32,
        /// Operations that ended so.
        unavailable: counter u32,
        /// Operations that ended so.
        unauthorized: counter u32,
    }
}

fixed_structures! {
    /// `http_counters` 2201, 60 bytes: requests by method and by status.
    HttpCounters = 0:2201 "http_counters" {
        /// Requests.
        method_option_count: counter u32,
        /// Requests.
        method_get_count: counter u32,
        /// Requests.
        method_head_count: counter u32,
        /// Requests.
        method_post_count: counter u32,
        /// Requests.
        method_put_count: counter u32,
        /// Requests.
        method_delete_count: counter u32,
        /// Requests.
        method_trace_count: counter u32,
        /// Requests.
        method_connect_count: counter u32,
        /// Requests.
        method_other_count: counter u32,
        /// Requests.
        status_1xx_count: counter u32,
        /// Requests.
        status_2xx_count: counter u32,
        /// Requests.
        status_3xx_count: counter u32,
        /// Requests.
        status_4xx_count: counter u32,
        /// Requests.
        status_5xx_count: counter u32,
        /// Requests.
        status_other_count: counter u32,
    }

    /// `app_resources` 2203, 40 bytes.
    AppResources = 0:2203 "app_resources" {
        /// Milliseconds.
        user_time: counter u32,
        /// Milliseconds.
        system_time: counter u32,
        /// Bytes.
        mem_used: gauge u64,
        /// Bytes.
        mem_max: gauge u64,
        /// Open file descriptors.
        fd_open: gauge u32,
        /// File descriptors allowed.
        fd_max: gauge u32,
        /// Open network connections.
        conn_open: gauge u32,
        /// Network connections allowed.
        conn_max: gauge u32,
    }

    /// `app_workers` 2206, 20 bytes.
    AppWorkers = 0:2206 "app_workers" {
        /// Workers that are busy.
        workers_active: gauge u32,
        /// Workers that are not.
        workers_idle: gauge u32,
        /// Workers allowed.
        workers_max: gauge u32,
        /// Requests that had to wait.
        req_delayed: counter u32,
        /// Requests that were dropped.
        req_dropped: counter u32,
    }

    /// `ovs_dp_stats` 2207, 24 bytes: an Open vSwitch data path.
    OvsDpStats = 0:2207 "ovs_dp_stats" {
        /// Packets that matched a flow.
        hits: counter u32,
        /// Packets that matched none.
        misses: counter u32,
        /// Packets lost on the way to user space.
        lost: counter u32,
        /// Masks looked at.
        mask_hits: counter u32,
        /// Flows in the table.
        flows: gauge u32,
        /// Masks in the table.
        masks: gauge u32,
    }
}
