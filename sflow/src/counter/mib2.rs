//! Counters of a host's IP stack: sflow_host_ip.txt, after MIB-II (RFC 1213, RFC 4293, RFC 4022, RFC 4113).

fixed_structures! {
    /// `mib2_ip_group` 2007, 76 bytes.
    Mib2IpGroup = 0:2007 "mib2_ip_group" {
        /// `ipForwarding`.
        ip_forwarding: gauge u32,
        /// `ipDefaultTTL`.
        ip_default_ttl: gauge u32,
        /// `ipInReceives`.
        ip_in_receives: counter u32,
        /// `ipInHdrErrors`.
        ip_in_hdr_errors: counter u32,
        /// `ipInAddrErrors`.
        ip_in_addr_errors: counter u32,
        /// `ipForwDatagrams`.
        ip_forw_datagrams: counter u32,
        /// `ipInUnknownProtos`.
        ip_in_unknown_protos: counter u32,
        /// `ipInDiscards`.
        ip_in_discards: counter u32,
        /// `ipInDelivers`.
        ip_in_delivers: counter u32,
        /// `ipOutRequests`.
        ip_out_requests: counter u32,
        /// `ipOutDiscards`.
        ip_out_discards: counter u32,
        /// `ipOutNoRoutes`.
        ip_out_no_routes: counter u32,
        /// `ipReasmTimeout`.
        ip_reasm_timeout: gauge u32,
        /// `ipReasmReqds`.
        ip_reasm_reqds: counter u32,
        /// `ipReasmOKs`.
        ip_reasm_oks: counter u32,
        /// `ipReasmFails`.
        ip_reasm_fails: counter u32,
        /// `ipFragOKs`.
        ip_frag_oks: counter u32,
        /// `ipFragFails`.
        ip_frag_fails: counter u32,
        /// `ipFragCreates`.
        ip_frag_creates: counter u32,
    }

    /// `mib2_icmp_group` 2008, 100 bytes.
    ///
    /// hsflowd fills the fields after `icmp_in_errors` from the wrong columns of `/proc/net/snmp`; do not trust them.
    Mib2IcmpGroup = 0:2008 "mib2_icmp_group" {
        /// `icmpInMsgs`.
        icmp_in_msgs: counter u32,
        /// `icmpInErrors`.
        icmp_in_errors: counter u32,
        /// `icmpInDestUnreachs`.
        icmp_in_dest_unreachs: counter u32,
        /// `icmpInTimeExcds`.
        icmp_in_time_excds: counter u32,
        /// `icmpInParamProbs`.
        icmp_in_param_probs: counter u32,
        /// `icmpInSrcQuenchs`.
        icmp_in_src_quenchs: counter u32,
        /// `icmpInRedirects`.
        icmp_in_redirects: counter u32,
        /// `icmpInEchos`.
        icmp_in_echos: counter u32,
        /// `icmpInEchoReps`.
        icmp_in_echo_reps: counter u32,
        /// `icmpInTimestamps`.
        icmp_in_timestamps: counter u32,
        /// `icmpInAddrMasks`.
        icmp_in_addr_masks: counter u32,
        /// `icmpInAddrMaskReps`.
        icmp_in_addr_mask_reps: counter u32,
        /// `icmpOutMsgs`.
        icmp_out_msgs: counter u32,
        /// `icmpOutErrors`.
        icmp_out_errors: counter u32,
        /// `icmpOutDestUnreachs`.
        icmp_out_dest_unreachs: counter u32,
        /// `icmpOutTimeExcds`.
        icmp_out_time_excds: counter u32,
        /// `icmpOutParamProbs`.
        icmp_out_param_probs: counter u32,
        /// `icmpOutSrcQuenchs`.
        icmp_out_src_quenchs: counter u32,
        /// `icmpOutRedirects`.
        icmp_out_redirects: counter u32,
        /// `icmpOutEchos`.
        icmp_out_echos: counter u32,
        /// `icmpOutEchoReps`.
        icmp_out_echo_reps: counter u32,
        /// `icmpOutTimestamps`.
        icmp_out_timestamps: counter u32,
        /// `icmpOutTimestampReps`.
        icmp_out_timestamp_reps: counter u32,
        /// `icmpOutAddrMasks`.
        icmp_out_addr_masks: counter u32,
        /// `icmpOutAddrMaskReps`.
        icmp_out_addr_mask_reps: counter u32,
    }

    /// `mib2_tcp_group` 2009, 60 bytes.
    Mib2TcpGroup = 0:2009 "mib2_tcp_group" {
        /// `tcpRtoAlgorithm`.
        tcp_rto_algorithm: gauge u32,
        /// `tcpRtoMin`.
        tcp_rto_min: gauge u32,
        /// `tcpRtoMax`.
        tcp_rto_max: gauge u32,
        /// `tcpMaxConn`.
        tcp_max_conn: gauge u32,
        /// `tcpActiveOpens`.
        tcp_active_opens: counter u32,
        /// `tcpPassiveOpens`.
        tcp_passive_opens: counter u32,
        /// `tcpAttemptFails`.
        tcp_attempt_fails: counter u32,
        /// `tcpEstabResets`.
        tcp_estab_resets: counter u32,
        /// `tcpCurrEstab`.
        tcp_curr_estab: gauge u32,
        /// `tcpInSegs`.
        tcp_in_segs: counter u32,
        /// `tcpOutSegs`.
        tcp_out_segs: counter u32,
        /// `tcpRetransSegs`.
        tcp_retrans_segs: counter u32,
        /// `tcpInErrs`.
        tcp_in_errs: counter u32,
        /// `tcpOutRsts`.
        tcp_out_rsts: counter u32,
        /// `tcpInCsumErrs`.
        tcp_in_csum_errs: counter u32,
    }

    /// `mib2_udp_group` 2010, 28 bytes.
    Mib2UdpGroup = 0:2010 "mib2_udp_group" {
        /// `udpInDatagrams`.
        udp_in_datagrams: counter u32,
        /// `udpNoPorts`.
        udp_no_ports: counter u32,
        /// `udpInErrors`.
        udp_in_errors: counter u32,
        /// `udpOutDatagrams`.
        udp_out_datagrams: counter u32,
        /// `udpRcvbufErrors`.
        udp_rcvbuf_errors: counter u32,
        /// `udpSndbufErrors`.
        udp_sndbuf_errors: counter u32,
        /// `udpInCsumErrors`.
        udp_in_csum_errors: counter u32,
    }
}
