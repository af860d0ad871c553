//! Files of `/proc` about the whole host.

use super::words::{lines, number, value, words};
use crate::counters::{Disk, HostCpu, HostMemory};

/// Milliseconds of a tick: USER_HZ is 100 on every architecture that runs Docker.
const TICK_MS: u64 = 10;

/// `stat`: processors, their time, interrupts and context switches.
pub fn stat(text: &[u8], into: &mut HostCpu) {
    for line in lines(text) {
        let mut words = words(line);
        let Some(name) = words.next() else { continue };
        match name {
            b"cpu" => {
                for (time, word) in into.times_ms.iter_mut().zip(words) {
                    *time = number(word).map(|ticks| ticks.saturating_mul(TICK_MS));
                }
            }
            b"intr" => into.interrupts = words.next().and_then(number),
            b"ctxt" => into.contexts = words.next().and_then(number),
            name if name.starts_with(b"cpu") => into.count = into.count.saturating_add(1),
            _ => {}
        }
    }
}

/// `loadavg`: load averages, and processes that run of all.
pub fn loadavg(text: &[u8], into: &mut HostCpu) {
    let mut words = words(text);
    let mut load = || std::str::from_utf8(words.next()?).ok()?.parse::<f32>().ok();
    into.load = match [load(), load(), load()] {
        [Some(one), Some(five), Some(fifteen)] => Some([one, five, fifteen]),
        _ => None,
    };
    let mut counts = words
        .next()
        .unwrap_or_default()
        .split(|byte| *byte == b'/')
        .map(|count| number(count).and_then(|count| u32::try_from(count).ok()));
    let mut count = || counts.next().flatten().unwrap_or(0);
    into.processes = [count(), count()];
}

/// `cpuinfo`: MHz of the first processor; `None` where the architecture does not say.
#[must_use]
pub fn mhz(text: &[u8]) -> Option<u32> {
    let line = lines(text).find(|line| line.starts_with(b"cpu MHz"))?;
    let value = line.split(|byte| *byte == b':').nth(1)?;
    let whole = value.split(|byte| *byte == b'.').next()?;
    u32::try_from(number(whole)?).ok()
}

/// `uptime`: whole seconds.
#[must_use]
pub fn uptime(text: &[u8]) -> Option<u32> {
    let whole = text.split(|byte| *byte == b'.').next()?;
    u32::try_from(number(whole)?).ok()
}

/// `meminfo` and `vmstat`.
#[must_use]
pub fn memory(meminfo: &[u8], vmstat: &[u8]) -> HostMemory {
    let bytes = |key: &[u8]| value(meminfo, key).unwrap_or(0).saturating_mul(1024);
    HostMemory {
        total: bytes(b"MemTotal:"),
        free: bytes(b"MemFree:"),
        shared: bytes(b"Shmem:"),
        buffers: bytes(b"Buffers:"),
        cached: bytes(b"Cached:"),
        swap_total: bytes(b"SwapTotal:"),
        swap_free: bytes(b"SwapFree:"),
        pages: [
            value(vmstat, b"pgpgin"),
            value(vmstat, b"pgpgout"),
            value(vmstat, b"pswpin"),
            value(vmstat, b"pswpout"),
        ],
    }
}

/// Bytes of a sector in `diskstats`, whatever the device's own are.
const SECTOR: u64 = 512;

/// `diskstats`: sums over whole disks, and milliseconds of reading and writing. Partitions, and devices that are made of
/// others or of memory, would count twice.
#[must_use]
pub fn disks(text: &[u8]) -> Option<(Disk, [u64; 2])> {
    let names: Vec<&[u8]> = lines(text).filter_map(|line| words(line).nth(2)).collect();
    let mut sum = None;
    for line in lines(text) {
        let mut words = words(line).skip(2);
        let Some(name) = words.next() else { continue };
        if is_stacked(name) || names.iter().any(|disk| is_partition_of(name, disk)) {
            continue;
        }
        let mut fields = [0; 8];
        for (field, word) in fields.iter_mut().zip(words) {
            *field = number(word).unwrap_or(0);
        }
        let [
            reads,
            _,
            sectors_read,
            read_ms,
            writes,
            _,
            sectors_written,
            write_ms,
        ] = fields;
        let (disk, times): &mut (Disk, [u64; 2]) = sum.get_or_insert_default();
        disk.reads = disk.reads.saturating_add(reads);
        disk.writes = disk.writes.saturating_add(writes);
        disk.bytes_read = disk
            .bytes_read
            .saturating_add(sectors_read.saturating_mul(SECTOR));
        disk.bytes_written = disk
            .bytes_written
            .saturating_add(sectors_written.saturating_mul(SECTOR));
        let [reading, writing] = times;
        *reading = reading.saturating_add(read_ms);
        *writing = writing.saturating_add(write_ms);
    }
    sum
}

fn is_stacked(name: &[u8]) -> bool {
    let kinds: [&[u8]; 6] = [b"loop", b"ram", b"dm-", b"md", b"zram", b"sr"];
    kinds.iter().any(|kind| name.starts_with(kind))
}

/// `sda1` of `sda`, `nvme0n1p2` of `nvme0n1`.
fn is_partition_of(name: &[u8], disk: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(disk) else {
        return false;
    };
    let rest = if disk.last().is_some_and(u8::is_ascii_digit) {
        rest.strip_prefix(b"p").unwrap_or_default()
    } else {
        rest
    };
    !rest.is_empty() && rest.iter().all(u8::is_ascii_digit)
}

/// A UUID in hexadecimal digits, with or without dashes: `product_uuid`, `machine-id`.
#[must_use]
pub fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'-')
        .map(|byte| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let mut uuid = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |high, low| high << 4 | low);
    }
    (uuid != [0; 16]).then_some(uuid)
}

/// A MAC address with colons.
#[must_use]
pub fn mac(text: &[u8]) -> Option<[u8; 6]> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// Mount points of `/proc/mounts` that hold a file system on a disk, each device once.
#[must_use]
pub fn disk_mounts(text: &[u8]) -> Vec<String> {
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut mounts = Vec::new();
    for line in lines(text) {
        let mut words = words(line);
        let (Some(device), Some(point)) = (words.next(), words.next()) else {
            continue;
        };
        if !device.starts_with(b"/dev/") || seen.contains(&device) {
            continue;
        }
        seen.push(device);
        mounts.extend(std::str::from_utf8(point).map(|point| point.replace("\\040", " ")));
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors() {
        let mut cpu = HostCpu::default();
        stat(
            b"cpu  100 1 50 800 9 0 2 33 4 5\ncpu0 50 0 25 400 4 0 1 16 2 2\ncpu1 50 1 25 400 5 0 1 17 2 3\nintr 77 1 2\nctxt 88\nbtime 1\nprocesses 9\n",
            &mut cpu,
        );
        loadavg(b"0.50 1.25 2.00 3/456 789\n", &mut cpu);
        assert_eq!(cpu.count, 2);
        assert_eq!(cpu.times_ms[0], Some(1000));
        assert_eq!(cpu.times_ms[7], Some(330), "stolen");
        assert_eq!((cpu.interrupts, cpu.contexts), (Some(77), Some(88)));
        assert_eq!(
            (cpu.load, cpu.processes),
            (Some([0.5, 1.25, 2.0]), [3, 456])
        );
        assert_eq!(mhz(b"processor\t: 0\ncpu MHz\t\t: 2599.998\n"), Some(2599));
        assert_eq!(uptime(b"12345.67 999.00\n"), Some(12345));
    }

    #[test]
    fn memory_and_disks() {
        let found = memory(
            b"MemTotal:       1000 kB\nMemFree:         200 kB\nCached:  10 kB\n",
            b"pgpgin 5\npswpout 6\n",
        );
        assert_eq!(
            (found.total, found.free, found.cached),
            (1_024_000, 204_800, 10_240)
        );
        assert_eq!(found.pages, [Some(5), None, None, Some(6)]);
        let text = b"   8  0 sda 10 0 100 7 20 0 200 9 0 0 0\n   8  1 sda1 10 0 100 7 20 0 200 9\n 259 0 nvme0n1 1 0 2 3 4 0 5 6\n 259 1 nvme0n1p1 1 0 2 3 4 0 5 6\n   7 0 loop0 9 9 9 9 9 9 9 9\n";
        let (disk, times) = disks(text).unwrap();
        assert_eq!(
            (disk.reads, disk.bytes_read, disk.writes, disk.bytes_written),
            (11, 102 * 512, 24, 205 * 512)
        );
        assert_eq!(times, [10, 15]);
        assert_eq!(disks(b""), None);
    }

    #[test]
    fn identities() {
        let expected = Some([
            0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8,
        ]);
        assert_eq!(uuid(b"12345678-9ABC-DEF0-0102-030405060708\n"), expected);
        assert_eq!(uuid(b"123456789abcdef00102030405060708\n"), expected);
        assert_eq!(uuid(b"00000000-0000-0000-0000-000000000000"), None);
        assert_eq!(uuid(b"nonsense"), None);
        assert_eq!(
            mac(b"02:42:ac:11:00:02\n"),
            Some([2, 0x42, 0xac, 0x11, 0, 2])
        );
        assert_eq!(mac(b"02:42\n"), None);
        let mounts = disk_mounts(b"/dev/vda / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/vda /x ext4 rw 0 0\n/dev/vdb /my\\040disk ext4 rw 0 0\n");
        assert_eq!(mounts, ["/", "/my disk"]);
    }
}
