//! Files of `/proc/PID/net`: one network namespace.

use super::words::{lines, number, words};
use crate::counters::{Listen, Mib, Traffic};

/// `dev`: sums over the interfaces that `wanted` accepts by name.
#[must_use]
pub fn dev(text: &[u8], wanted: impl Fn(&str) -> bool) -> Option<Traffic> {
    let mut sum = None;
    for line in lines(text).skip(2) {
        let Some((name, numbers)) = split_once(line, b':') else {
            continue;
        };
        let name = std::str::from_utf8(name).ok()?.trim();
        let traffic: &mut Traffic = sum.get_or_insert_default();
        if wanted(name) {
            add(traffic, numbers);
        }
    }
    sum
}

/// A container's own interfaces: all but loopback.
#[must_use]
pub fn not_loopback(name: &str) -> bool {
    name != "lo"
}

/// Columns of `dev`: bytes, packets, errors and drops of each direction.
fn add(sum: &mut Traffic, numbers: &[u8]) {
    let targets = [
        (0, &mut sum.bytes_in),
        (1, &mut sum.packets_in),
        (2, &mut sum.errors_in),
        (3, &mut sum.drops_in),
        (8, &mut sum.bytes_out),
        (9, &mut sum.packets_out),
        (10, &mut sum.errors_out),
        (11, &mut sum.drops_out),
    ];
    for (column, target) in targets {
        let value = words(numbers).nth(column).and_then(number);
        *target = target.saturating_add(value.unwrap_or(0));
    }
}

fn split_once(line: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = line.iter().position(|byte| *byte == at)?;
    let (before, after) = line.split_at_checked(place)?;
    Some((before, after.get(1..)?))
}

/// The names and the values of a group in `snmp` or `netstat`: two lines that begin with the group's name.
fn group<'a>(text: &'a [u8], name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut found = lines(text).filter(|line| line.starts_with(name));
    Some((found.next()?, found.next()?))
}

/// A value of a group by the name of its column, cut to 32 bits as MIB-II has it. -1 becomes all ones.
fn column((names, values): (&[u8], &[u8]), name: &str) -> Option<u32> {
    let place = words(names).position(|word| word == name.as_bytes())?;
    let value = std::str::from_utf8(words(values).nth(place)?).ok()?;
    let value: i128 = value.parse().ok()?;
    u32::try_from(value & i128::from(u32::MAX)).ok()
}

/// A counter of all ones where the column is not there.
const UNKNOWN: u32 = u32::MAX;

fn columns<const N: usize>(text: &[u8], group_name: &[u8], names: [&str; N]) -> Option<[u32; N]> {
    let group = group(text, group_name)?;
    Some(names.map(|name| column(group, name).unwrap_or(UNKNOWN)))
}

/// `snmp`: the groups of MIB-II, each column by its name, since the kernel adds columns in the middle.
#[must_use]
pub fn snmp(text: &[u8]) -> Mib {
    Mib {
        ip: columns(text, b"Ip:", IP),
        icmp: columns(text, b"Icmp:", ICMP),
        tcp: columns(text, b"Tcp:", TCP),
        udp: columns(text, b"Udp:", UDP),
    }
}

/// `netstat`: connections that were not taken.
#[must_use]
pub fn listen(text: &[u8]) -> Option<Listen> {
    let group = group(text, b"TcpExt:")?;
    Some(Listen {
        overflows: column(group, "ListenOverflows")?.into(),
        drops: column(group, "ListenDrops")?.into(),
    })
}

const IP: [&str; 19] = [
    "Forwarding",
    "DefaultTTL",
    "InReceives",
    "InHdrErrors",
    "InAddrErrors",
    "ForwDatagrams",
    "InUnknownProtos",
    "InDiscards",
    "InDelivers",
    "OutRequests",
    "OutDiscards",
    "OutNoRoutes",
    "ReasmTimeout",
    "ReasmReqds",
    "ReasmOKs",
    "ReasmFails",
    "FragOKs",
    "FragFails",
    "FragCreates",
];

const ICMP: [&str; 25] = [
    "InMsgs",
    "InErrors",
    "InDestUnreachs",
    "InTimeExcds",
    "InParmProbs",
    "InSrcQuenchs",
    "InRedirects",
    "InEchos",
    "InEchoReps",
    "InTimestamps",
    "InAddrMasks",
    "InAddrMaskReps",
    "OutMsgs",
    "OutErrors",
    "OutDestUnreachs",
    "OutTimeExcds",
    "OutParmProbs",
    "OutSrcQuenchs",
    "OutRedirects",
    "OutEchos",
    "OutEchoReps",
    "OutTimestamps",
    "OutTimestampReps",
    "OutAddrMasks",
    "OutAddrMaskReps",
];

const TCP: [&str; 15] = [
    "RtoAlgorithm",
    "RtoMin",
    "RtoMax",
    "MaxConn",
    "ActiveOpens",
    "PassiveOpens",
    "AttemptFails",
    "EstabResets",
    "CurrEstab",
    "InSegs",
    "OutSegs",
    "RetransSegs",
    "InErrs",
    "OutRsts",
    "InCsumErrors",
];

const UDP: [&str; 7] = [
    "InDatagrams",
    "NoPorts",
    "InErrors",
    "OutDatagrams",
    "RcvbufErrors",
    "SndbufErrors",
    "InCsumErrors",
];

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &[u8] = b"Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 5000      50    1    2    0     0          0         0     7000      70    3    4    0     0       0          0
  eth1:1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0
";

    #[test]
    fn interfaces_are_summed_without_loopback() {
        let expected = Traffic {
            bytes_in: 6000,
            packets_in: 60,
            errors_in: 1,
            drops_in: 2,
            bytes_out: 9000,
            packets_out: 90,
            errors_out: 3,
            drops_out: 4,
        };
        assert_eq!(dev(DEV, not_loopback), Some(expected));
        // Without a network there is loopback alone: nothing went, which is known.
        let none: Vec<u8> = DEV
            .split_inclusive(|byte| *byte == b'\n')
            .take(3)
            .flatten()
            .copied()
            .collect();
        assert_eq!(dev(&none, not_loopback), Some(Traffic::default()));
        assert_eq!(dev(b"", not_loopback), None);
    }

    #[test]
    fn columns_are_found_by_name() {
        let text = b"Icmp: InMsgs InErrors InCsumErrors InDestUnreachs\nIcmp: 9 1 5 7\nIcmpMsg: InType3\nIcmpMsg: 7\n\
            Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens CurrEstab\nTcp: 1 200 120000 -1 77 4\n";
        let mib = snmp(text);
        assert_eq!(mib.icmp.unwrap()[..3], [9, 1, 7], "not by position");
        let tcp = mib.tcp.unwrap();
        assert_eq!((tcp[3], tcp[4], tcp[8], tcp[9]), (UNKNOWN, 77, 4, UNKNOWN));
        assert_eq!((mib.ip, mib.udp), (None, None));
    }

    #[test]
    fn accept_queues() {
        let text = b"TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 3 5\nIpExt: InNoRoutes\nIpExt: 0\n";
        let expected = Listen {
            overflows: 3,
            drops: 5,
        };
        assert_eq!(listen(text), Some(expected));
        assert_eq!(listen(b"TcpExt: A\n"), None);
    }
}
