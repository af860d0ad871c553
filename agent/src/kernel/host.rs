//! Reads the host's own counters.

use std::{fs, path::Path, time::Duration};

use super::{Roots, container::Scratch, file::Buffer};
use crate::{
    counters::{HostCounters, HostCpu, Pressure, Pressures, Space},
    parse::{cgroup, host, network},
};

/// What of the host does not change.
#[derive(Debug)]
pub struct HostReader {
    name: String,
    uuid: [u8; 16],
    os_release: String,
    mhz: u32,
}

impl HostReader {
    /// Reads what does not change. `name`: the host's, where the caller knows it better than the kernel of a container does.
    #[must_use]
    pub fn new(roots: &Roots, name: Option<&str>) -> Self {
        let text = |path: &Path| {
            fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        let uuid = |path: &Path| fs::read(path).ok().and_then(|text| host::uuid(&text));
        Self {
            name: name.map_or_else(
                || text(&roots.proc.join("sys/kernel/hostname")),
                str::to_owned,
            ),
            uuid: uuid(&roots.sys.join("class/dmi/id/product_uuid"))
                .or_else(|| uuid(Path::new("/etc/machine-id")))
                .unwrap_or_default(),
            os_release: text(&roots.proc.join("sys/kernel/osrelease")),
            mhz: fs::read(roots.proc.join("cpuinfo"))
                .ok()
                .and_then(|text| host::mhz(&text))
                .unwrap_or(0),
        }
    }

    /// Takes over the host's name.
    pub fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// Reads the counters, and the time of `clock` just after the processors' were read.
    pub fn read(
        &self,
        roots: &Roots,
        containers: usize,
        scratch: &mut Scratch,
        clock: impl Fn() -> Duration,
    ) -> (HostCounters, Duration) {
        let buffer = &mut scratch.0;
        let mut cpu = HostCpu {
            mhz: self.mhz,
            ..HostCpu::default()
        };
        let proc = |name: &str| roots.proc.join(name);
        if let Ok(text) = buffer.read(&proc("stat")) {
            host::stat(text, &mut cpu);
        }
        let at = clock();
        if let Ok(text) = buffer.read(&proc("loadavg")) {
            host::loadavg(text, &mut cpu);
        }
        cpu.uptime_s = buffer
            .read(&proc("uptime"))
            .ok()
            .and_then(host::uptime)
            .unwrap_or(0);
        let meminfo = buffer
            .read(&proc("meminfo"))
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        let vmstat = buffer.read(&proc("vmstat")).unwrap_or_default();
        let memory = host::memory(&meminfo, vmstat);
        let disk = buffer.read(&proc("diskstats")).ok().and_then(host::disks);
        let wanted = super::interfaces::outward(roots);
        let is_wanted = |name: &str| wanted.iter().any(|interface| interface.name == name);
        let network = buffer.read(&proc("1/net/dev")).ok();
        let network = network.and_then(|text| network::dev(text, is_wanted));
        let mib = buffer
            .read(&proc("1/net/snmp"))
            .map(network::snmp)
            .unwrap_or_default();
        let counters = HostCounters {
            name: self.name.clone(),
            uuid: self.uuid,
            os_release: self.os_release.clone(),
            cpu,
            memory,
            disk,
            space: space(buffer),
            network,
            adapters: wanted
                .iter()
                .map(|interface| (interface.index, interface.mac))
                .collect(),
            mib,
            pressure: pressure(roots, buffer),
            containers: u32::try_from(containers).unwrap_or(u32::MAX),
        };
        (counters, at)
    }
}

fn pressure(roots: &Roots, buffer: &mut Buffer) -> Pressures {
    let mut read = |name: &str| {
        let text = buffer.read(&roots.proc.join("pressure").join(name));
        text.map_or(Pressure::default(), cgroup::pressure)
    };
    Pressures {
        cpu: read("cpu"),
        memory: read("memory"),
        io: read("io"),
    }
}

/// File systems on disks, as far as they are mounted where this process is.
fn space(buffer: &mut Buffer) -> Space {
    let mounts = buffer.read(Path::new("/proc/self/mounts"));
    let mut space = Space::default();
    for mount in host::disk_mounts(mounts.unwrap_or_default()) {
        let Ok(found) = rustix::fs::statvfs(mount.as_str()) else {
            continue;
        };
        let total = found.f_blocks.saturating_mul(found.f_frsize);
        let free = found.f_bfree.saturating_mul(found.f_frsize);
        if total == 0 {
            continue;
        }
        space.total = space.total.saturating_add(total);
        space.free = space.free.saturating_add(free);
        let used = u128::from(total.saturating_sub(free)) * 10_000 / u128::from(total);
        space.fullest = space.fullest.max(u32::try_from(used).ok());
    }
    space
}
