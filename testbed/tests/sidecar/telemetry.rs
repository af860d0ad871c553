//! hsflowd's part: samples of the containers that really run, with counters of a load that the test chooses.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, MachineType, OsName,
    Sample, Text, Uuid,
    counter::{HostCpu, HostDescr, HostParent, VirtCpu, VirtMemory, VirtNetIo},
};
use swarm::{Client, ClientOptions, Endpoint, NodeState, Phase, View};
use tokio::time::Instant;

/// What the test chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Work offered to the service, in cores, spread over its containers.
    pub(crate) cores: f64,
    /// Whether the agents say anything.
    pub(crate) silent: bool,
}

pub(crate) struct Telemetry {
    load: Arc<Mutex<Load>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A container cannot use more than this.
pub(crate) const LIMIT_CORES: f64 = 0.5;

impl Telemetry {
    /// Reports the containers of all services to `collectors`, as seen by whichever of the managers answers.
    pub(crate) fn start(
        managers: Vec<PathBuf>,
        collectors: Vec<SocketAddr>,
        interval: Duration,
        cores: f64,
    ) -> Self {
        let load = Arc::new(Mutex::new(Load {
            cores,
            silent: false,
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let agents = Agents {
            clients: managers.iter().map(|socket| client(socket)).collect(),
            collectors,
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            started: Instant::now(),
            nodes: BTreeMap::new(),
            containers: BTreeMap::new(),
        };
        let (load_of_thread, stop_of_thread) = (Arc::clone(&load), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(agents.run(interval, &load_of_thread, &stop_of_thread));
        });
        Self {
            load,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn set_cores(&self, cores: f64) {
        self.load.lock().unwrap().cores = cores;
    }

    pub(crate) fn set_silent(&self, silent: bool) {
        self.load.lock().unwrap().silent = silent;
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn client(socket: &std::path::Path) -> Client {
    let options = ClientOptions {
        timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    };
    Client::new(Endpoint::Unix(socket.to_owned()), options).unwrap()
}

#[derive(Default)]
struct Container {
    index: u32,
    sequence: u32,
    cpu_seconds: f64,
}

#[derive(Default)]
struct Node {
    datagrams: u32,
    samples: u32,
}

struct Agents {
    clients: Vec<Client>,
    collectors: Vec<SocketAddr>,
    socket: UdpSocket,
    started: Instant,
    nodes: BTreeMap<String, Node>,
    containers: BTreeMap<String, Container>,
}

impl Agents {
    /// Counters move on every 100 ms, so that a step of the load in the middle of an interval counts as it would.
    async fn run(mut self, interval: Duration, load: &Mutex<Load>, stop: &AtomicBool) {
        let mut view = None;
        let mut next_report = Instant::now();
        let mut worked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let now = Load {
                ..*load.lock().unwrap()
            };
            if Instant::now() >= next_report {
                next_report += interval;
                if let Some(seen) = self.look().await {
                    view = Some(seen);
                }
                self.work(view.as_ref(), now.cores, worked.elapsed());
                worked = Instant::now();
                if let (Some(view), false) = (&view, now.silent) {
                    self.report(view);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.work(view.as_ref(), now.cores, worked.elapsed());
            worked = Instant::now();
        }
    }

    async fn look(&self) -> Option<View> {
        for client in &self.clients {
            if let Ok(view) = client.snapshot(Duration::ZERO).await {
                return Some(view);
            }
        }
        None
    }

    fn work(&mut self, view: Option<&View>, cores: f64, span: Duration) {
        let running: Vec<String> = view
            .into_iter()
            .flat_map(running)
            .map(|(_, id, _)| id)
            .collect();
        let share = (cores / running.len().max(1) as f64).min(LIMIT_CORES);
        for id in running {
            let next = u32::try_from(self.containers.len()).unwrap();
            let container = self.containers.entry(id).or_insert_with(|| Container {
                index: 100_000 + next,
                ..Container::default()
            });
            container.cpu_seconds += share * span.as_secs_f64();
        }
    }

    fn report(&mut self, view: &View) {
        for node in view
            .nodes
            .values()
            .filter(|node| node.state == NodeState::Ready)
        {
            let own: Vec<_> = running(view)
                .filter(|(place, _, _)| *place == node.hostname)
                .collect();
            self.report_node(&node.hostname, node.address.unwrap(), &own);
        }
    }

    fn report_node(&mut self, name: &str, address: IpAddr, own: &[(String, String, String)]) {
        let uptime = self.started.elapsed();
        let node = self.nodes.entry(name.to_owned()).or_default();
        node.datagrams += 1;
        node.samples += 1;
        let mut uuid = [7; 16];
        uuid.iter_mut()
            .zip(name.bytes())
            .for_each(|(byte, letter)| *byte = letter);
        let cpu = host_cpu(uptime);
        let host: [CounterRecord<'_>; 2] = [cpu.into(), description(name, Uuid(uuid))];
        let records: Vec<_> = own
            .iter()
            .filter_map(|(_, id, task)| {
                let container = self.containers.get_mut(id)?;
                container.sequence += 1;
                Some((
                    container.sequence,
                    container.index,
                    container_records(id, task, container.cpu_seconds),
                ))
            })
            .collect();
        let mut samples = vec![Sample::Counters(CountersSample::expanded(
            node.samples,
            DataSource::physical(1),
            &host,
        ))];
        for (sequence, index, records) in &records {
            samples.push(Sample::Counters(CountersSample::expanded(
                *sequence,
                DataSource::logical(*index),
                records,
            )));
        }
        let uptime_ms = u32::try_from(uptime.as_millis()).unwrap();
        let bytes = Datagram::new(
            Address::from(address),
            100_001,
            node.datagrams,
            uptime_ms,
            &samples,
        )
        .encode();
        for collector in &self.collectors {
            self.socket.send_to(&bytes, collector).unwrap();
        }
    }
}

/// Node, container and task name of everything that runs.
fn running(view: &View) -> impl Iterator<Item = (String, String, String)> {
    view.services.values().flat_map(|service| {
        service.tasks.iter().filter_map(|task| {
            let runs = matches!(view.phase(task), Phase::Serving | Phase::Draining);
            let node = view.nodes.get(task.node_id.as_ref()?)?;
            let id = task.container_id.as_ref()?.to_string();
            let name = format!("{}.{}.{}", service.name, task.slot.unwrap_or(0), task.id);
            runs.then(|| (node.hostname.clone(), id, name))
        })
    })
}

fn container_records<'a>(id: &str, task: &'a str, cpu_seconds: f64) -> [CounterRecord<'a>; 5] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds of a short test"
    )]
    let cpu_time = (cpu_seconds * 1000.0) as u32;
    [
        VirtMemory {
            memory: 20 << 20,
            max_memory: 1 << 30,
        }
        .into(),
        VirtCpu {
            state: DomainState::RUNNING,
            cpu_time,
            nr_virt_cpu: 0,
        }
        .into(),
        VirtNetIo {
            rx_bytes: u64::from(cpu_time),
            rx_packets: cpu_time,
            rx_errs: 0,
            rx_drop: 0,
            tx_bytes: u64::from(cpu_time),
            tx_packets: cpu_time,
            tx_errs: 0,
            tx_drop: 0,
        }
        .into(),
        HostParent {
            container_type: 2,
            container_index: 1,
        }
        .into(),
        description(task, uuid(id)),
    ]
}

/// A host of two cores that does nothing else.
fn host_cpu(uptime: Duration) -> HostCpu {
    HostCpu {
        load_one: 0.0,
        load_five: 0.0,
        load_fifteen: 0.0,
        proc_run: 0,
        proc_total: 0,
        cpu_num: 2,
        cpu_speed: 0,
        uptime: u32::try_from(uptime.as_secs()).unwrap(),
        cpu_user: 0,
        cpu_nice: 0,
        cpu_system: 0,
        cpu_idle: 0,
        cpu_wio: 0,
        cpu_intr: 0,
        cpu_sintr: 0,
        interrupts: 0,
        contexts: 0,
        cpu_steal: 0,
        cpu_guest: 0,
        cpu_guest_nice: 0,
    }
}

fn description(name: &str, uuid: Uuid) -> CounterRecord<'_> {
    HostDescr {
        hostname: Text::from(name),
        uuid,
        machine_type: MachineType::X86_64,
        os_name: OsName::LINUX,
        os_release: Text::from("test"),
    }
    .into()
}

fn uuid(id: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&id[place..place + 2], 16).unwrap();
    }
    Uuid(bytes)
}
