//! Files of cgroup v1 and v2.

use super::words::{lines, number, pair, value, words};
use crate::counters::{Disk, Pressure, Throttling};

/// A file that is one number: `cpuacct.usage`, `memory.current`, `cpu.cfs_quota_us`.
///
/// `max` and -1 mean that there is no limit, and so does what v1 writes for memory: the largest multiple of the page size.
#[must_use]
pub fn single(text: &[u8]) -> Option<u64> {
    let number = number(words(text).next()?)?;
    (number < UNLIMITED).then_some(number)
}

/// From here on a limit of v1 is none; no machine has so many bytes.
const UNLIMITED: u64 = 1 << 62;

/// v2 `cpu.stat`: processor time in nanoseconds.
#[must_use]
pub fn cpu_time_v2(text: &[u8]) -> Option<u64> {
    value(text, b"usage_usec")?.checked_mul(1000)
}

/// `cpu.stat` of both versions: what the limit did; `None` where the controller is off.
#[must_use]
pub fn throttling(text: &[u8]) -> Option<Throttling> {
    let throttled_us = value(text, b"throttled_usec")
        .or_else(|| Some(value(text, b"throttled_time")?.saturating_div(1000)))?;
    Some(Throttling {
        periods: value(text, b"nr_periods")?,
        throttled_periods: value(text, b"nr_throttled")?,
        throttled_us,
    })
}

/// v2 `cpu.max`, `QUOTA PERIOD` in microseconds: the limit in thousandths of a core.
#[must_use]
pub fn cpu_limit_v2(text: &[u8]) -> Option<u64> {
    let mut words = words(text);
    cpu_limit(number(words.next()?)?, number(words.next()?)?)
}

/// A quota in each period: the limit in thousandths of a core.
#[must_use]
pub fn cpu_limit(quota: u64, period: u64) -> Option<u64> {
    quota.checked_mul(1000)?.checked_div(period)
}

/// Page cache and inactive page cache in `memory.stat`, in bytes.
///
/// v1 has the sums over children under `total_…`; v2 counts children in any case.
#[must_use]
pub fn memory_stat(text: &[u8]) -> [Option<u64>; 2] {
    let either = |v1: &[u8], v2: &[u8]| value(text, v1).or_else(|| value(text, v2));
    [
        either(b"total_cache", b"file"),
        either(b"total_inactive_file", b"inactive_file"),
    ]
}

/// Processes killed: v1 `memory.oom_control`, v2 `memory.events`.
#[must_use]
pub fn oom_kills(text: &[u8]) -> Option<u64> {
    value(text, b"oom_kill")
}

/// v2 `io.stat`: sums over devices. Empty when there was no I/O.
#[must_use]
pub fn io_stat(text: &[u8]) -> Disk {
    lines(text).fold(Disk::default(), |sum, line| {
        let get = |key: &[u8]| pair(line, key).unwrap_or(0);
        Disk {
            bytes_read: sum.bytes_read.saturating_add(get(b"rbytes")),
            bytes_written: sum.bytes_written.saturating_add(get(b"wbytes")),
            reads: sum.reads.saturating_add(get(b"rios")),
            writes: sum.writes.saturating_add(get(b"wios")),
        }
    })
}

/// v1 `blkio.throttle.io_service_bytes` and `…io_serviced`: reads and writes, summed over devices.
#[must_use]
pub fn blkio(text: &[u8]) -> [u64; 2] {
    let sum = |operation: &[u8]| {
        lines(text)
            .filter_map(|line| {
                let mut words = words(line).skip(1);
                (words.next()? == operation).then(|| number(words.next()?))?
            })
            .fold(0_u64, u64::saturating_add)
    };
    [sum(b"Read"), sum(b"Write")]
}

/// `cpu.pressure`, `memory.pressure`, `io.pressure`, and their like in `/proc/pressure`.
#[must_use]
pub fn pressure(text: &[u8]) -> Pressure {
    let total = |kind: &[u8]| {
        let line = lines(text).find(|line| line.starts_with(kind))?;
        pair(line, b"total")
    };
    Pressure {
        some_us: total(b"some"),
        full_us: total(b"full"),
    }
}

/// Tells whether a container is paused: v1 `freezer.state`, v2 `cgroup.events`.
#[must_use]
pub fn is_frozen(text: &[u8]) -> bool {
    text.starts_with(b"FROZEN") || value(text, b"frozen") == Some(1)
}

/// The lowest process ID in `cgroup.procs`; a container's first process mostly has it. 0 stands for a process that is not in
/// our PID namespace.
#[must_use]
pub fn first_process(text: &[u8]) -> Option<u32> {
    lines(text)
        .filter_map(|line| u32::try_from(number(line)?).ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_limits() {
        for (text, expected) in [
            ("1234567\n", Some(1_234_567)),
            ("max\n", None),
            ("-1\n", None),
            ("9223372036854771712\n", None),
            ("", None),
        ] {
            assert_eq!(single(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(cpu_limit_v2(b"20000 100000\n"), Some(200));
        assert_eq!(cpu_limit_v2(b"max 100000\n"), None);
        assert_eq!(cpu_limit(1, 0), None);
    }

    #[test]
    fn cpu_of_both_versions() {
        let v2 = b"usage_usec 5000123\nuser_usec 1\nsystem_usec 2\nnr_periods 30\nnr_throttled 29\nthrottled_usec 2400000\n";
        let v1 = b"nr_periods 30\nnr_throttled 29\nthrottled_time 2400000000\n";
        assert_eq!(cpu_time_v2(v2), Some(5_000_123_000));
        let expected = Throttling {
            periods: 30,
            throttled_periods: 29,
            throttled_us: 2_400_000,
        };
        assert_eq!(throttling(v2), Some(expected));
        assert_eq!(throttling(v1), Some(expected));
        assert_eq!(throttling(b"usage_usec 1\n"), None);
    }

    #[test]
    fn memory_of_both_versions() {
        let v1 = b"cache 1\ninactive_file 2\ntotal_cache 300\ntotal_inactive_file 200\n";
        assert_eq!(memory_stat(v1), [Some(300), Some(200)]);
        let v2 = b"anon 5\nfile 300\ninactive_file 200\n";
        assert_eq!(memory_stat(v2), [Some(300), Some(200)]);
        assert_eq!(oom_kills(b"low 0\noom 1\noom_kill 3\n"), Some(3));
        assert_eq!(
            oom_kills(b"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
            Some(2)
        );
    }

    #[test]
    fn disks_of_both_versions() {
        let v2 = b"8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n254:0 rbytes=5 wbytes=0 rios=1 wios=0\n";
        let expected = Disk {
            bytes_read: 15,
            bytes_written: 20,
            reads: 2,
            writes: 2,
        };
        assert_eq!(io_stat(v2), expected);
        assert_eq!(io_stat(b""), Disk::default());
        let v1 = b"8:0 Read 10\n8:0 Write 20\n8:0 Sync 1\n8:0 Total 30\n254:0 Read 5\n254:0 Write 1\nTotal 36\n";
        assert_eq!(blkio(v1), [15, 21]);
    }

    #[test]
    fn pressure_freezer_and_processes() {
        let text = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        let found = pressure(text);
        assert_eq!((found.some_us, found.full_us), (Some(12), Some(7)));
        assert_eq!(pressure(b""), Pressure::default());
        assert!(is_frozen(b"FROZEN\n") && is_frozen(b"populated 1\nfrozen 1\n"));
        assert!(!is_frozen(b"THAWED\n") && !is_frozen(b"populated 1\nfrozen 0\n"));
        assert_eq!(first_process(b"70\n12\n99\n"), Some(12));
        assert_eq!(first_process(b""), None);
    }
}
