//! A running `swarmtide agent`, and somebody who listens to it.

mod flow;

use std::{
    collections::BTreeMap,
    fs::File,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sflow::{CounterRecord, DataSource, Datagram, Sample, counter};

pub use flow::{HeardFlow, capture};

use crate::Swarm;

/// Runs what follows without any capability, and without a way to get one.
const BARE: [&str; 4] = [
    "setpriv",
    "--no-new-privs",
    "--bounding-set=-all",
    "--inh-caps=-all",
];

/// A running agent. It ends when this is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    log: PathBuf,
}

/// The release binary beside the test's own.
///
/// # Errors
///
/// When it is not built.
pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(3).context("no target directory")?;
    let binary = target.join("release/swarmtide");
    ensure!(
        binary.exists(),
        "{} is missing: cargo build --release",
        binary.display()
    );
    Ok(binary)
}

impl Agent {
    /// Starts one on a node, with more arguments than the collectors'.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn on_node(
        swarm: &Swarm,
        node: &str,
        collectors: &[SocketAddr],
        more: &[&str],
    ) -> Result<Self> {
        Self::start(swarm.exec_command(node), node, collectors, more)
    }

    /// Starts one on this machine itself.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn here(collectors: &[SocketAddr], more: &[&str]) -> Result<Self> {
        Self::start(Command::new("env"), "here", collectors, more)
    }

    /// Starts one on this machine that has no capability and can get none.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn here_without_rights(collectors: &[SocketAddr], more: &[&str]) -> Result<Self> {
        let mut command = Command::new("env");
        command.args(BARE);
        Self::start(command, "bare", collectors, more)
    }

    /// Starts one on a node, without any capability.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn on_node_without_rights(
        swarm: &Swarm,
        node: &str,
        collectors: &[SocketAddr],
        more: &[&str],
    ) -> Result<Self> {
        let mut command = swarm.exec_command(node);
        command.args(BARE);
        Self::start(command, node, collectors, more)
    }

    fn start(
        mut command: Command,
        name: &str,
        collectors: &[SocketAddr],
        more: &[&str],
    ) -> Result<Self> {
        let log = std::env::temp_dir().join(format!("agent-{}-{name}.log", std::process::id()));
        // Whoever entered the node's namespaces is its parent, and takes it along.
        command
            .args(["setpriv", "--pdeathsig", "TERM"])
            .arg(binary()?)
            .arg("agent");
        for collector in collectors {
            command.args(["--collector", &collector.to_string()]);
        }
        let child = command
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start the agent")?;
        Ok(Self { child, log })
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process ID of the agent itself, as this machine sees it.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        let mut process = self.child.id();
        loop {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
            if name.trim() == "swarmtide" {
                return Some(process);
            }
            let children = format!("/proc/{process}/task/{process}/children");
            process = std::fs::read_to_string(children)
                .ok()?
                .split_whitespace()
                .next()?
                .parse()
                .ok()?;
        }
    }

    /// Processor time that it has used.
    #[must_use]
    pub fn processor_time(&self) -> Option<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process()?)).ok()?;
        let (_, after) = stat.rsplit_once(')')?;
        let ticks: u64 = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|word| word.parse::<u64>().ok())
            .sum();
        Some(Duration::from_millis(ticks * 10))
    }

    /// Resident memory, kB.
    #[must_use]
    pub fn resident_kb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_file(&self.log).ok();
    }
}

/// What one sample said of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Name of the container.
    pub name: String,
    /// UUID, as hexadecimal digits.
    pub uuid: String,
    /// The container's data source.
    pub data_source: DataSource,
    /// Agent that said it.
    pub agent: Option<IpAddr>,
    /// The agent's uptime, milliseconds.
    pub uptime_ms: u32,
    /// The sample's number.
    pub sequence: u32,
    /// `virt_cpu`
    pub cpu: Option<counter::VirtCpu>,
    /// `virt_memory`
    pub memory: Option<counter::VirtMemory>,
    /// `virt_disk_io`
    pub disk: Option<counter::VirtDiskIo>,
    /// `virt_net_io`
    pub network: Option<counter::VirtNetIo>,
    /// `memory_detail`
    pub memory_detail: Option<counter::MemoryDetail>,
    /// `cpu_throttling`
    pub throttling: Option<counter::CpuThrottling>,
    /// Connections that are open.
    pub connections: Option<u32>,
    /// When it arrived.
    pub arrived: Instant,
}

/// A socket that hears agents.
#[derive(Debug)]
pub struct Ear {
    socket: UdpSocket,
    heard: BTreeMap<String, Vec<Heard>>,
    flows: Vec<HeardFlow>,
    datagrams: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Ear {
    /// Listens on an address of this machine.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn on(address: IpAddr) -> Result<Self> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok(Self {
            socket,
            heard: BTreeMap::new(),
            flows: Vec::new(),
            datagrams: Vec::new(),
            bytes: vec![0; 65_536],
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the kernel does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Listens for so long.
    ///
    /// # Errors
    ///
    /// A datagram that cannot be decoded in full.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test against real components lives in real time"
    )]
    pub fn listen(&mut self, time: Duration) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < time {
            let Ok(size) = self.socket.recv(&mut self.bytes) else {
                continue;
            };
            let arrived = Instant::now();
            let bytes = self.bytes.get(..size).unwrap_or_default();
            self.flows.extend(flows(bytes)?);
            self.datagrams.push(bytes.to_vec());
            for heard in decode(bytes, arrived)? {
                self.heard
                    .entry(heard.name.clone())
                    .or_default()
                    .push(heard);
            }
        }
        Ok(())
    }

    /// Listens until something was heard, at most for `limit`.
    ///
    /// # Errors
    ///
    /// When it was not; the message names `what`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test against real components lives in real time"
    )]
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        found: impl Fn(&Self) -> Option<T>,
    ) -> Result<T> {
        let begin = Instant::now();
        loop {
            self.listen(Duration::from_millis(100))?;
            if let Some(found) = found(self) {
                return Ok(found);
            }
            ensure!(
                begin.elapsed() < limit,
                "not within {limit:?}: {what}; heard of {:?}",
                self.names()
            );
        }
    }

    /// All that was heard of a container by its name.
    #[must_use]
    pub fn of(&self, name: &str) -> &[Heard] {
        self.heard.get(name).map_or(&[], Vec::as_slice)
    }

    /// Sampled packets.
    #[must_use]
    pub fn flows(&self) -> &[HeardFlow] {
        &self.flows
    }

    /// The datagrams as they came.
    #[must_use]
    pub fn datagrams(&self) -> &[Vec<u8>] {
        &self.datagrams
    }

    /// Who was heard of.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.heard.keys().map(String::as_str).collect()
    }

    /// Forgets what was heard.
    pub fn forget(&mut self) {
        self.heard.clear();
        self.flows.clear();
        self.datagrams.clear();
    }
}

fn flows(bytes: &[u8]) -> Result<Vec<HeardFlow>> {
    let datagram = Datagram::decode(bytes)?;
    let mut found = Vec::new();
    for sample in datagram.samples() {
        if let Sample::Flow(sample) = sample? {
            found.extend(HeardFlow::read(&sample, datagram.uptime_ms));
        }
    }
    Ok(found)
}

fn decode(bytes: &[u8], arrived: Instant) -> Result<Vec<Heard>> {
    let datagram = Datagram::decode(bytes)?;
    let mut all = Vec::new();
    for sample in datagram.samples() {
        let Sample::Counters(sample) = sample? else {
            continue;
        };
        let mut heard = Heard {
            name: String::new(),
            uuid: String::new(),
            data_source: sample.data_source,
            agent: match datagram.agent {
                sflow::Address::Ipv4(address) => Some(address.into()),
                sflow::Address::Ipv6(address) => Some(address.into()),
                sflow::Address::Unknown => None,
            },
            uptime_ms: datagram.uptime_ms,
            sequence: sample.sequence,
            cpu: None,
            memory: None,
            disk: None,
            network: None,
            memory_detail: None,
            throttling: None,
            connections: None,
            arrived,
        };
        for record in sample.records() {
            match record? {
                CounterRecord::VirtCpu(cpu) => heard.cpu = Some(*cpu),
                CounterRecord::VirtMemory(memory) => heard.memory = Some(*memory),
                CounterRecord::VirtDiskIo(disk) => heard.disk = Some(*disk),
                CounterRecord::VirtNetIo(network) => heard.network = Some(*network),
                CounterRecord::MemoryDetail(memory) => heard.memory_detail = Some(*memory),
                CounterRecord::CpuThrottling(throttling) => heard.throttling = Some(*throttling),
                CounterRecord::Mib2TcpGroup(tcp) => heard.connections = Some(tcp.tcp_curr_estab),
                CounterRecord::HostDescr(descr) => {
                    heard.name = String::from_utf8_lossy(descr.hostname.as_bytes()).into_owned();
                    heard.uuid = descr
                        .uuid
                        .0
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect();
                }
                _ => {}
            }
        }
        if heard.cpu.is_some() {
            all.push(heard);
        }
    }
    Ok(all)
}
