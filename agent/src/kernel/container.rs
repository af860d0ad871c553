//! Reads one container: its cgroups, and its network through its first process.

use std::{
    net::IpAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, readlinkat, statat},
    io::Errno,
};

use super::{
    Roots,
    file::{self, Buffer},
    processes::Processes,
    tree::{Found, Tree, Version},
};
use crate::{
    counters::{ContainerCounters, Disk, Memory, Pressure, Pressures, State},
    id::ContainerId,
    parse::{address, cgroup, network},
};

/// Limits are read again after so many polls; they seldom change.
const LIMITS_EVERY: u32 = 16;
/// Deepest cgroup below a container's own in which its processes are looked for (systemd in a container).
const PROCESS_DEPTH: usize = 4;

/// What is kept of a container between two polls.
#[derive(Debug)]
pub struct ContainerReader {
    /// The cgroup's directory of each controller, all the same in v2.
    cpuacct: PathBuf,
    cpu: PathBuf,
    memory: PathBuf,
    blkio: PathBuf,
    freezer: PathBuf,
    /// Where pressure is, in a hybrid: the unified tree.
    pressure: Option<PathBuf>,
    version: Version,
    id: ContainerId,
    /// Shared with the other readers of the tree.
    processes: Arc<Processes>,
    misses: u32,
    process: Process,
    limits: Option<([Option<u64>; 2], u32)>,
}

/// A process of the container, by which its network is read.
#[derive(Debug)]
enum Process {
    /// Not looked for yet, or gone.
    Unknown,
    /// Its directory in `/proc`, which stays its own even if the number is used again.
    Open {
        directory: OwnedFd,
        own_network: bool,
    },
    /// Not in our PID namespace.
    OutOfReach,
}

impl ContainerReader {
    /// Makes a reader of a container that was found.
    #[must_use]
    pub fn new(tree: &Tree, found: &Found) -> Self {
        let directory = |controller| tree.directory(controller, &found.path);
        let version = tree.kind();
        let pressure = match version {
            Version::V2 => Some(directory("")),
            Version::V1 => {
                Some(directory("unified")).filter(|path| path.join("cpu.pressure").exists())
            }
        };
        Self {
            cpuacct: directory("cpuacct"),
            cpu: directory("cpu"),
            memory: directory("memory"),
            blkio: directory("blkio"),
            freezer: directory("freezer"),
            pressure,
            version,
            id: found.id,
            processes: Arc::clone(&tree.processes),
            misses: 0,
            process: Process::Unknown,
            limits: None,
        }
    }

    /// Reads the counters, and the time of `clock` just after the processor time was read. `None` when the container has no
    /// process any more, or none yet.
    pub fn read(
        &mut self,
        roots: &Roots,
        scratch: &mut Scratch,
        clock: impl Fn() -> Duration,
    ) -> Option<(ContainerCounters, Duration)> {
        let buffer = &mut scratch.0;
        if !self.find_process(roots, buffer) {
            return None;
        }
        let mut counters = ContainerCounters::default();
        match self.version {
            Version::V1 => {
                let usage = buffer.read(&self.cpuacct.join("cpuacct.usage")).ok()?;
                counters.cpu_time_ns = cgroup::single(usage);
            }
            Version::V2 => {
                let stat = buffer.read(&self.cpu.join("cpu.stat")).ok()?;
                counters.cpu_time_ns = cgroup::cpu_time_v2(stat);
                counters.throttling = cgroup::throttling(stat);
            }
        }
        let at = clock();
        match self.version {
            Version::V1 => self.read_v1(buffer, &mut counters),
            Version::V2 => self.read_v2(buffer, &mut counters),
        }
        self.read_pressure(buffer, &mut counters.pressure);
        self.read_limits(buffer, &mut counters);
        self.read_network(roots, buffer, &mut counters);
        Some((counters, at))
    }

    /// Addresses in the container's own network; none in the host's.
    pub fn addresses(&mut self, roots: &Roots, scratch: &mut Scratch) -> Vec<IpAddr> {
        let buffer = &mut scratch.0;
        if !self.find_process(roots, buffer) {
            return Vec::new();
        }
        let Process::Open {
            directory,
            own_network: true,
        } = &self.process
        else {
            return Vec::new();
        };
        let mut found: Vec<IpAddr> = Vec::new();
        if let Ok(text) = buffer.read_at(directory, "net/fib_trie") {
            found.extend(address::fib_trie(text).into_iter().map(IpAddr::from));
        }
        if let Ok(text) = buffer.read_at(directory, "net/if_inet6") {
            found.extend(address::if_inet6(text).into_iter().map(IpAddr::from));
        }
        found
    }

    fn read_v1(&self, buffer: &mut Buffer, counters: &mut ContainerCounters) {
        let mut read = |directory: &Path, name: &str| {
            buffer.read(&directory.join(name)).map(<[u8]>::to_vec).ok()
        };
        if let Some(stat) = read(&self.cpu, "cpu.stat") {
            counters.throttling = cgroup::throttling(&stat);
        }
        let used = read(&self.memory, "memory.usage_in_bytes");
        let stat = read(&self.memory, "memory.stat").unwrap_or_default();
        let oom = read(&self.memory, "memory.oom_control").unwrap_or_default();
        counters.memory = memory(used.as_deref(), &stat, &oom);
        let bytes = read(&self.blkio, "blkio.throttle.io_service_bytes_recursive")
            .or_else(|| read(&self.blkio, "blkio.throttle.io_service_bytes"));
        let requests = read(&self.blkio, "blkio.throttle.io_serviced_recursive")
            .or_else(|| read(&self.blkio, "blkio.throttle.io_serviced"));
        counters.disk = bytes.zip(requests).map(|(bytes, requests)| {
            let [bytes_read, bytes_written] = cgroup::blkio(&bytes);
            let [reads, writes] = cgroup::blkio(&requests);
            Disk {
                bytes_read,
                bytes_written,
                reads,
                writes,
            }
        });
        let state = read(&self.freezer, "freezer.state").unwrap_or_default();
        counters.state = state_of(&state);
    }

    fn read_v2(&self, buffer: &mut Buffer, counters: &mut ContainerCounters) {
        let mut read = |name: &str| {
            buffer
                .read(&self.memory.join(name))
                .map(<[u8]>::to_vec)
                .ok()
        };
        let used = read("memory.current");
        let stat = read("memory.stat").unwrap_or_default();
        let events = read("memory.events").unwrap_or_default();
        counters.memory = memory(used.as_deref(), &stat, &events);
        counters.disk = read("io.stat").map(|text| cgroup::io_stat(&text));
        counters.state = state_of(&read("cgroup.events").unwrap_or_default());
    }

    fn read_pressure(&self, buffer: &mut Buffer, pressures: &mut Pressures) {
        let Some(directory) = &self.pressure else {
            return;
        };
        let mut read = |name: &str| {
            let text = buffer.read(&directory.join(name));
            text.map_or(Pressure::default(), cgroup::pressure)
        };
        *pressures = Pressures {
            cpu: read("cpu.pressure"),
            memory: read("memory.pressure"),
            io: read("io.pressure"),
        };
    }

    fn read_limits(&mut self, buffer: &mut Buffer, counters: &mut ContainerCounters) {
        let (limits, age) = match self.limits {
            Some((limits, age)) if age < LIMITS_EVERY => (limits, age),
            _ => (self.limits(buffer), 0),
        };
        self.limits = Some((limits, age + 1));
        [counters.cpu_limit_milli, counters.memory.limit] = limits;
    }

    /// Processor limit in thousandths of a core, memory limit in bytes.
    fn limits(&self, buffer: &mut Buffer) -> [Option<u64>; 2] {
        let mut single = |directory: &Path, name: &str| {
            let text = buffer.read(&directory.join(name));
            text.ok().and_then(cgroup::single)
        };
        match self.version {
            Version::V1 => {
                let memory = single(&self.memory, "memory.limit_in_bytes");
                let quota = single(&self.cpu, "cpu.cfs_quota_us");
                let period = single(&self.cpu, "cpu.cfs_period_us");
                let cpu = quota.zip(period);
                [
                    cpu.and_then(|(quota, period)| cgroup::cpu_limit(quota, period)),
                    memory,
                ]
            }
            Version::V2 => {
                let memory = single(&self.memory, "memory.max");
                let cpu = buffer.read(&self.cpu.join("cpu.max"));
                [cpu.ok().and_then(cgroup::cpu_limit_v2), memory]
            }
        }
    }

    fn read_network(
        &mut self,
        roots: &Roots,
        buffer: &mut Buffer,
        counters: &mut ContainerCounters,
    ) {
        for _ in 0..2 {
            let Process::Open {
                directory,
                own_network: true,
            } = &self.process
            else {
                return;
            };
            let dev = buffer.read_at(directory, "net/dev");
            match dev {
                Ok(text) => counters.network = network::dev(text, network::not_loopback),
                // It has ended; another one of the container may be there.
                Err(Errno::SRCH | Errno::NOENT | Errno::INVAL) => {
                    self.process = Process::Unknown;
                    if !self.find_process(roots, buffer) {
                        return;
                    }
                    continue;
                }
                Err(_) => return,
            }
            if let Ok(text) = buffer.read_at(directory, "net/snmp") {
                counters.tcp = network::snmp(text).tcp;
            }
            if let Ok(text) = buffer.read_at(directory, "net/netstat") {
                counters.listen = network::listen(text);
            }
            return;
        }
    }

    /// Makes sure that a process is known, where there is one; false when the container has none.
    fn find_process(&mut self, roots: &Roots, buffer: &mut Buffer) -> bool {
        if let Process::Open { directory, .. } = &self.process {
            // A process that has ended has no `stat` left, though its directory is open.
            if statat(directory, "stat", AtFlags::empty()).is_ok() {
                return true;
            }
        }
        let told = first_process(buffer, &self.memory, PROCESS_DEPTH);
        let number = if Processes::are_ours(roots) {
            told
        } else {
            let (id, from) = (self.id, (roots, &mut *buffer));
            let found = self.processes.of(id, told, from, &mut self.misses);
            // Where the kernel says that there is one, and nobody knows which, its network stays unknown.
            found.or(told.map(|_| 0))
        };
        let Some(number) = number else {
            self.process = Process::Unknown;
            return false;
        };
        self.process = match file::directory(&roots.proc.join(number.to_string())) {
            Ok(directory) if number != 0 => {
                let own_network = has_own_network(&directory, roots);
                Process::Open {
                    directory,
                    own_network,
                }
            }
            _ => Process::OutOfReach,
        };
        true
    }
}

/// A buffer that readers share.
#[derive(Debug, Default)]
pub struct Scratch(pub(super) Buffer);

fn memory(used: Option<&[u8]>, stat: &[u8], oom: &[u8]) -> Memory {
    let [page_cache, inactive_file] = cgroup::memory_stat(stat);
    Memory {
        used: used.and_then(cgroup::single),
        limit: None,
        page_cache,
        inactive_file,
        oom_kills: cgroup::oom_kills(oom),
    }
}

fn state_of(text: &[u8]) -> State {
    if cgroup::is_frozen(text) {
        State::Paused
    } else {
        State::Running
    }
}

fn first_process(buffer: &mut Buffer, directory: &Path, depth: usize) -> Option<u32> {
    let text = buffer.read(&directory.join("cgroup.procs")).ok()?;
    if let Some(number) = cgroup::first_process(text) {
        return Some(number);
    }
    if depth == 0 {
        return None;
    }
    let children = std::fs::read_dir(directory).ok()?.flatten();
    children
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .find_map(|entry| first_process(buffer, &entry.path(), depth - 1))
}

/// Whether a process is in another network than the host's first process.
///
/// The link `ns/net` says so, to those who may trace the process. Without that right the inode of `net/dev` does: each network
/// namespace has its own.
fn has_own_network(process: &OwnedFd, roots: &Roots) -> bool {
    let first = roots.proc.join("1");
    let Ok(first) = file::directory(&first) else {
        return true;
    };
    let link = |directory: &OwnedFd| readlinkat(directory, "ns/net", Vec::new()).ok();
    if let (Some(own), Some(host)) = (link(process), link(&first)) {
        return own != host;
    }
    let inode = |directory: &OwnedFd| {
        statat(directory, "net/dev", AtFlags::empty())
            .map(|stat| stat.st_ino)
            .ok()
    };
    inode(process) != inode(&first)
}
