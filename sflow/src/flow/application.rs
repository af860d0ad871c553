//! Sampled transactions and the sockets and containers at their ends: sflow_application.txt, sflow_host.txt, sflow_http.txt.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bytes::Text;
use crate::code_point::{OperationStatus, PacketDirection};
use crate::data_source::DataSource;

fixed_structures! {
    /// `extended_socket_ipv4` 2100, 20 bytes.
    ExtendedSocketIpv4 = 0:2100 "extended_socket_ipv4" {
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Local address.
        local_ip: gauge Ipv4Addr,
        /// Remote address.
        remote_ip: gauge Ipv4Addr,
        /// Local port.
        local_port: gauge u32,
        /// Remote port.
        remote_port: gauge u32,
    }

    /// `extended_socket_ipv6` 2101, 44 bytes.
    ExtendedSocketIpv6 = 0:2101 "extended_socket_ipv6" {
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Local address.
        local_ip: gauge Ipv6Addr,
        /// Remote address.
        remote_ip: gauge Ipv6Addr,
        /// Local port.
        local_port: gauge u32,
        /// Remote port.
        remote_port: gauge u32,
    }

    /// `extended_proxy_socket_ipv4` 2102, 20 bytes: the socket towards the server behind a proxy.
    ExtendedProxySocketIpv4 = 0:2102 "extended_proxy_socket_ipv4" {
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Local address.
        local_ip: gauge Ipv4Addr,
        /// Remote address.
        remote_ip: gauge Ipv4Addr,
        /// Local port.
        local_port: gauge u32,
        /// Remote port.
        remote_port: gauge u32,
    }

    /// `extended_proxy_socket_ipv6` 2103, 44 bytes: the socket towards the server behind a proxy.
    ExtendedProxySocketIpv6 = 0:2103 "extended_proxy_socket_ipv6" {
        /// IP protocol; 6 TCP, 17 UDP.
        protocol: gauge u32,
        /// Local address.
        local_ip: gauge Ipv6Addr,
        /// Remote address.
        remote_ip: gauge Ipv6Addr,
        /// Local port.
        local_port: gauge u32,
        /// Remote port.
        remote_port: gauge u32,
    }

    /// `extended_tcp_info` 2209, 48 bytes: the state of the connection of a sampled packet, after Linux' `tcp_info`.
    ExtendedTcpInfo = 0:2209 "extended_tcp_info" {
        /// Which way the sampled packet went.
        dir: gauge PacketDirection,
        /// Bytes.
        snd_mss: gauge u32,
        /// Bytes.
        rcv_mss: gauge u32,
        /// Packets in flight.
        unacked: gauge u32,
        /// Lost packets.
        lost: gauge u32,
        /// Retransmitted packets.
        retrans: gauge u32,
        /// Bytes.
        pmtu: gauge u32,
        /// Smoothed round-trip time in microseconds.
        rtt: gauge u32,
        /// Variance of the round-trip time in microseconds.
        rttvar: gauge u32,
        /// Congestion window in packets.
        snd_cwnd: gauge u32,
        /// Packets.
        reordering: gauge u32,
        /// Shortest round-trip time in microseconds.
        min_rtt: gauge u32,
    }

    /// `extended_entities` 2210, 16 bytes: the data sources, such as containers, at the ends of a sampled packet; 0:0 if unknown.
    ExtendedEntities = 0:2210 "extended_entities" {
        /// Data source of the sender.
        src_ds: gauge DataSource,
        /// Data source of the receiver.
        dst_ds: gauge DataSource,
    }
}

structures! {
    /// `app_operation` 2202: one operation of an application.
    AppOperation<'a> = 0:2202 "app_operation" {
        /// The application's name, parts joined by dots.
        application: gauge Text<'a>,
        /// The operation's name.
        operation: gauge Text<'a>,
        /// `name=value` pairs joined by `&`.
        attributes: gauge Text<'a>,
        /// More about the status.
        status_descr: gauge Text<'a>,
        /// Size of the request's body in bytes.
        req_bytes: gauge u64,
        /// Size of the response's body in bytes.
        resp_bytes: gauge u64,
        /// Duration in microseconds (`uS`).
        us: gauge u32,
        /// Outcome.
        status: gauge OperationStatus,
    }

    /// `app_parent_context` 2203: the operation on whose behalf this one was done.
    AppParentContext<'a> = 0:2203 "app_parent_context" {
        /// The application's name.
        application: gauge Text<'a>,
        /// The operation's name.
        operation: gauge Text<'a>,
        /// `name=value` pairs joined by `&`.
        attributes: gauge Text<'a>,
    }

    /// `app_initiator` 2204.
    AppInitiator<'a> = 0:2204 "app_initiator" {
        /// Who started the operation.
        actor: gauge Text<'a>,
    }

    /// `app_target` 2205.
    AppTarget<'a> = 0:2205 "app_target" {
        /// Whom the operation concerned.
        actor: gauge Text<'a>,
    }

    /// `http_request` 2206.
    HttpRequest<'a> = 0:2206 "http_request" {
        /// 0 other, 1 OPTIONS, 2 GET, 3 HEAD, 4 POST, 5 PUT, 6 DELETE, 7 TRACE, 8 CONNECT.
        method: gauge u32,
        /// HTTP version as major × 1000 + minor.
        protocol: gauge u32,
        /// URI as the client sent it.
        uri: gauge Text<'a>,
        /// `Host` of the request.
        host: gauge Text<'a>,
        /// `Referer` of the request.
        referer: gauge Text<'a>,
        /// `User-Agent` of the request.
        useragent: gauge Text<'a>,
        /// `X-Forwarded-For` of the request.
        xff: gauge Text<'a>,
        /// User (RFC 1413).
        authuser: gauge Text<'a>,
        /// MIME type of the response.
        mime_type: gauge Text<'a>,
        /// `Content-Length` of the request.
        req_bytes: gauge u64,
        /// `Content-Length` of the response.
        resp_bytes: gauge u64,
        /// Duration in microseconds (`uS`).
        us: gauge u32,
        /// HTTP status.
        status: gauge i32,
    }
}
