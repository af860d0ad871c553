//! A swarm of processes, a balancer on the kernel, and what the table ought to be.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use simulation::ServiceConfig;
use testbed::{
    guest::{Network, Published, Swarm, Swarmtide},
    load::{Pace, Report},
    wait_for,
};

use crate::judge::{destinations, weights};

/// Long enough for anything here on a slow machine; nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The port on which the balancer answers HTTP.
pub(crate) const PORT: u16 = 9100;

/// Two clients of each kind, some 200 requests a second together.
pub(crate) const PACE: Pace = Pace {
    fresh: 2,
    kept: 4,
    rest: Duration::from_millis(15),
};

pub(crate) fn vip(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 9, 0, number], 80))
}

/// A service `web` behind the first VIP, at the same port on its nodes.
pub(crate) fn web() -> ServiceConfig {
    Swarm::service("web", vip(1).ip(), 80, Published::At(80))
}

/// As [`web`], at whatever ports are free, and each destination is probed before it gets connections: the container may not
/// listen yet when its task is said to run.
pub(crate) fn probed() -> ServiceConfig {
    Swarm::service("web", vip(1).ip(), 80, Published::Anywhere)
        .label("swarmtide.lb.probe", "tcp")
        .label("swarmtide.lb.probe.interval", "300ms")
        .label("swarmtide.lb.probe.timeout", "300ms")
        .label("swarmtide.lb.probe.rise", "1")
        .label("swarmtide.lb.probe.fall", "3")
}

pub(crate) struct Rig {
    pub(crate) swarm: Swarm,
    pub(crate) balancer: Swarmtide,
}

impl Rig {
    /// Starts a swarm with `web` at that many replicas, and a balancer that reads its Engine API.
    pub(crate) fn start(network: &Network, service: ServiceConfig, replicas: usize) -> Self {
        Self::with(network, service, replicas, |balancer| balancer)
    }

    pub(crate) fn with(
        network: &Network,
        service: ServiceConfig,
        replicas: usize,
        change: impl FnOnce(Swarmtide) -> Swarmtide,
    ) -> Self {
        Network::bind("lb", vip(1).ip()).unwrap();
        let swarm = Swarm::start(network, vec![service]).unwrap();
        swarm.scale("web", u64::try_from(replicas).unwrap());
        let engine = engine(&swarm);
        let balancer = Swarmtide::balancer(swarm.folder(), PORT, "", &engine).unwrap();
        let mut rig = Self {
            swarm,
            balancer: change(balancer),
        };
        rig.swarm.settle("web", replicas).unwrap();
        rig.balancer.up().unwrap();
        rig.in_step();
        rig
    }

    /// Waits until the kernel's table has exactly the tasks that serve, and none at weight 0.
    pub(crate) fn in_step(&self) {
        self.await_weights("the kernel has what swarm has", |_| true);
        assert_eq!(
            destinations("lb", vip(1)),
            self.expected(),
            "and the judge agrees"
        );
    }

    /// Waits until exactly the tasks that serve get new connections; others may still drain at weight 0.
    pub(crate) fn in_step_but_for_draining(&self) {
        self.await_weights("new connections go where swarm serves", |weight| weight > 0);
    }

    fn await_weights(&self, what: &str, counts: impl Fn(u32) -> bool) {
        let found = wait_for(what, PATIENCE, || {
            let mut table = weights("lb", vip(1));
            table.retain(|_, weight| counts(*weight));
            (table == self.expected()).then_some(())
        });
        if let Err(error) = found {
            panic!(
                "{error}\nswarm: {:?}\nkernel: {:?}\n{}",
                self.expected(),
                weights("lb", vip(1)),
                self.balancer.log_end()
            );
        }
    }

    /// The destinations of tasks that serve, by weight.
    pub(crate) fn expected(&self) -> BTreeMap<SocketAddr, u32> {
        let serving = self.swarm.serving("web");
        let address = |server| -> IpAddr { Network::server_v4(server) };
        serving
            .into_iter()
            .map(|(server, port)| ((address(server), port).into(), 1))
            .collect()
    }
}

pub(crate) fn engine(swarm: &Swarm) -> String {
    format!(
        "[engine]\nhost = {:?}\ninterval = \"100ms\"\n",
        swarm.docker_host()
    )
}

/// Says how the clients fared.
pub(crate) fn tell(what: &str, report: &Report) {
    println!(
        "{what}: {} requests answered ({} over kept connections, {} connections opened, {} closed by a server that left), \
         {} failed, {} reset, {} established connections lost",
        report.answered,
        report.over_kept,
        report.connections,
        report.closed_by_server,
        report.failed,
        report.reset,
        report.lost
    );
    assert!(report.answered > 100, "{report:?}");
}

/// Finds no request failed, and says how many there were.
pub(crate) fn assert_unharmed(what: &str, report: &Report) {
    tell(what, report);
    assert_eq!((report.failed, report.reset), (0, 0), "{report:#?}");
}
