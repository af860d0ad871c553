//! The host's own sample.

use sflow::{
    CounterRecord, List, Mac,
    counter::{
        Adapter, HostAdapters, HostCpu, HostDiskIo, HostMemory, HostNetIo, Mib2IcmpGroup,
        Mib2IpGroup, Mib2UdpGroup, VirtNode,
    },
};

use super::{HOST, UNKNOWN_64, body, counter, description, pressure, tcp};
use crate::counters::{self, HostCounters};

/// Most adapters that a sample names: a host with a thousand bridges must not need more than a datagram.
const ADAPTERS_MAX: usize = 16;

/// Returns the body of the host's counters sample.
pub(crate) fn host(counters: &HostCounters, sequence: u32, extensions: bool) -> Vec<u8> {
    let macs: Vec<_> = counters
        .adapters
        .iter()
        .map(|(_, mac)| [Mac(*mac)])
        .collect();
    let adapters: Vec<_> = counters
        .adapters
        .iter()
        .zip(&macs)
        .take(ADAPTERS_MAX)
        .map(|((if_index, _), mac)| Adapter {
            if_index: *if_index,
            mac_address: List::new(mac),
        })
        .collect();
    let mut records = vec![
        VirtNode {
            mhz: counters.cpu.mhz,
            cpus: counters.cpu.count,
            memory: counters.memory.total,
            memory_free: counters.memory.free,
            num_domains: counters.containers,
        }
        .into(),
        HostAdapters {
            adapters: List::new(&adapters),
        }
        .into(),
    ];
    records.extend(counters.mib.udp.map(udp));
    records.extend(counters.mib.tcp.map(tcp));
    records.extend(counters.mib.icmp.map(icmp));
    records.extend(counters.mib.ip.map(ip));
    records.push(disk(counters).into());
    records.push(memory(&counters.memory).into());
    records.push(cpu(&counters.cpu).into());
    records.push(network(counters.network).into());
    if extensions {
        records.extend(pressure(&counters.pressure));
    }
    records.push(description(
        &counters.name,
        counters.uuid,
        &counters.os_release,
    ));
    body(sequence, HOST, &records)
}

fn cpu(cpu: &counters::HostCpu) -> HostCpu {
    let [load_one, load_five, load_fifteen] = cpu.load.unwrap_or([-1.0; 3]);
    let [proc_run, proc_total] = cpu.processes;
    let [
        user,
        nice,
        system,
        idle,
        wio,
        intr,
        sintr,
        steal,
        guest,
        guest_nice,
    ] = cpu.times_ms.map(counter);
    HostCpu {
        load_one,
        load_five,
        load_fifteen,
        proc_run,
        proc_total,
        cpu_num: cpu.count,
        cpu_speed: cpu.mhz,
        uptime: cpu.uptime_s,
        cpu_user: user,
        cpu_nice: nice,
        cpu_system: system,
        cpu_idle: idle,
        cpu_wio: wio,
        cpu_intr: intr,
        cpu_sintr: sintr,
        interrupts: counter(cpu.interrupts),
        contexts: counter(cpu.contexts),
        cpu_steal: steal,
        cpu_guest: guest,
        cpu_guest_nice: guest_nice,
    }
}

fn memory(memory: &counters::HostMemory) -> HostMemory {
    let [page_in, page_out, swap_in, swap_out] = memory.pages.map(counter);
    HostMemory {
        mem_total: memory.total,
        mem_free: memory.free,
        mem_shared: memory.shared,
        mem_buffers: memory.buffers,
        mem_cached: memory.cached,
        swap_total: memory.swap_total,
        swap_free: memory.swap_free,
        page_in,
        page_out,
        swap_in,
        swap_out,
    }
}

fn disk(counters: &HostCounters) -> HostDiskIo {
    let disk = counters.disk.map(|(disk, _)| disk);
    let time = |which: usize| {
        counter(
            counters
                .disk
                .and_then(|(_, times)| times.get(which).copied()),
        )
    };
    HostDiskIo {
        disk_total: counters.space.total,
        disk_free: counters.space.free,
        part_max_used: counters
            .space
            .fullest
            .and_then(|fullest| i32::try_from(fullest).ok())
            .unwrap_or(-1),
        reads: counter(disk.map(|disk| disk.reads)),
        bytes_read: disk.map_or(UNKNOWN_64, |disk| disk.bytes_read),
        read_time: time(0),
        writes: counter(disk.map(|disk| disk.writes)),
        bytes_written: disk.map_or(UNKNOWN_64, |disk| disk.bytes_written),
        write_time: time(1),
    }
}

fn network(traffic: Option<counters::Traffic>) -> HostNetIo {
    HostNetIo {
        bytes_in: traffic.map_or(UNKNOWN_64, |t| t.bytes_in),
        pkts_in: counter(traffic.map(|t| t.packets_in)),
        errs_in: counter(traffic.map(|t| t.errors_in)),
        drops_in: counter(traffic.map(|t| t.drops_in)),
        bytes_out: traffic.map_or(UNKNOWN_64, |t| t.bytes_out),
        packets_out: counter(traffic.map(|t| t.packets_out)),
        errs_out: counter(traffic.map(|t| t.errors_out)),
        drops_out: counter(traffic.map(|t| t.drops_out)),
    }
}

fn udp(fields: [u32; 7]) -> CounterRecord<'static> {
    let [
        in_datagrams,
        no_ports,
        in_errors,
        out_datagrams,
        rcvbuf,
        sndbuf,
        csum,
    ] = fields;
    Mib2UdpGroup {
        udp_in_datagrams: in_datagrams,
        udp_no_ports: no_ports,
        udp_in_errors: in_errors,
        udp_out_datagrams: out_datagrams,
        udp_rcvbuf_errors: rcvbuf,
        udp_sndbuf_errors: sndbuf,
        udp_in_csum_errors: csum,
    }
    .into()
}

fn ip(fields: [u32; 19]) -> CounterRecord<'static> {
    let [
        forwarding,
        ttl,
        receives,
        hdr,
        addr,
        forw,
        protos,
        discards,
        delivers,
        rest @ ..,
    ] = fields;
    let [
        requests,
        out_discards,
        no_routes,
        timeout,
        reqds,
        reasm_oks,
        reasm_fails,
        rest @ ..,
    ] = rest;
    let [frag_oks, frag_fails, frag_creates] = rest;
    Mib2IpGroup {
        ip_forwarding: forwarding,
        ip_default_ttl: ttl,
        ip_in_receives: receives,
        ip_in_hdr_errors: hdr,
        ip_in_addr_errors: addr,
        ip_forw_datagrams: forw,
        ip_in_unknown_protos: protos,
        ip_in_discards: discards,
        ip_in_delivers: delivers,
        ip_out_requests: requests,
        ip_out_discards: out_discards,
        ip_out_no_routes: no_routes,
        ip_reasm_timeout: timeout,
        ip_reasm_reqds: reqds,
        ip_reasm_oks: reasm_oks,
        ip_reasm_fails: reasm_fails,
        ip_frag_oks: frag_oks,
        ip_frag_fails: frag_fails,
        ip_frag_creates: frag_creates,
    }
    .into()
}

#[expect(
    clippy::too_many_lines,
    reason = "a structure of 25 fields, each named once"
)]
fn icmp(fields: [u32; 25]) -> CounterRecord<'static> {
    let [
        msgs,
        errors,
        incoming @ ..,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = fields;
    let [
        unreachs,
        time_excds,
        parms,
        quenchs,
        redirects,
        echos,
        echo_reps,
        rest @ ..,
    ] = incoming;
    let [timestamps, masks, mask_reps] = rest;
    let [_, _, _, _, _, _, _, _, _, _, _, _, outgoing @ ..] = fields;
    let [
        out_msgs,
        out_errors,
        out_unreachs,
        out_time_excds,
        out_parms,
        rest @ ..,
    ] = outgoing;
    let [
        out_quenchs,
        out_redirects,
        out_echos,
        out_echo_reps,
        rest @ ..,
    ] = rest;
    let [out_timestamps, out_timestamp_reps, out_masks, out_mask_reps] = rest;
    Mib2IcmpGroup {
        icmp_in_msgs: msgs,
        icmp_in_errors: errors,
        icmp_in_dest_unreachs: unreachs,
        icmp_in_time_excds: time_excds,
        icmp_in_param_probs: parms,
        icmp_in_src_quenchs: quenchs,
        icmp_in_redirects: redirects,
        icmp_in_echos: echos,
        icmp_in_echo_reps: echo_reps,
        icmp_in_timestamps: timestamps,
        icmp_in_addr_masks: masks,
        icmp_in_addr_mask_reps: mask_reps,
        icmp_out_msgs: out_msgs,
        icmp_out_errors: out_errors,
        icmp_out_dest_unreachs: out_unreachs,
        icmp_out_time_excds: out_time_excds,
        icmp_out_param_probs: out_parms,
        icmp_out_src_quenchs: out_quenchs,
        icmp_out_redirects: out_redirects,
        icmp_out_echos: out_echos,
        icmp_out_echo_reps: out_echo_reps,
        icmp_out_timestamps: out_timestamps,
        icmp_out_timestamp_reps: out_timestamp_reps,
        icmp_out_addr_masks: out_masks,
        icmp_out_addr_mask_reps: out_mask_reps,
    }
    .into()
}
