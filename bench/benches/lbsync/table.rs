//! What a full table costs: to fill it, to find nothing to do, and to make one change.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use lbsync::{
    Backend, BackendPort, BackendSet, BackendState, Completeness, DataPlane, Existing, Generation,
    Ownership, Protocol, Reconciler, ReconcilerConfig, Service,
};
use swarmtide::balancer::kernel::{KernelPlane, Namespace};

use crate::{
    measure::{Cost, cost, median, ms},
    peers,
};

/// How often each thing is done that leaves the table as large as it was.
const ROUNDS: u32 = 20;

/// Costs at one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    services: u32,
    destinations: u32,
    fill: Measured,
    idle: Measured,
    more: Measured,
    less: Measured,
    /// `ipvsadm -R` of the same table into an empty one.
    restore: Cost,
    /// `ipvsadm -d` of one destination.
    delete: Cost,
    /// keepalived: from SIGHUP with one destination more in its file to the kernel with it.
    reload: Cost,
}

#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    cost: Cost,
    /// Netlink messages sent.
    messages: u64,
    /// System calls that sent them.
    calls: u64,
}

/// The reconciler on the kernel, with time that moves a second for each pass.
struct Balancer {
    reconciler: Reconciler,
    plane: KernelPlane,
    now: Duration,
}

impl Balancer {
    fn new() -> Self {
        let ownership = Ownership::new(Vec::new(), Existing::Adopt);
        let plane = KernelPlane::open(Namespace::Named("lb".to_owned())).unwrap();
        Self {
            reconciler: Reconciler::new(ReconcilerConfig::default(), ownership),
            plane,
            now: Duration::ZERO,
        }
    }

    /// Passes until the table is what the set wants.
    fn bring(&mut self, set: &BackendSet) -> Measured {
        let before = self.plane.traffic();
        let ((), cost) = cost(|| {
            let mut last = None;
            for _ in 0..50 {
                self.now += Duration::from_secs(1);
                self.reconciler.observe(Some(set), self.now);
                self.reconciler.wake();
                last = Some(self.reconciler.reconcile(&mut self.plane, self.now));
                if self.reconciler.in_sync() {
                    return;
                }
            }
            panic!("not in sync after 50 passes: {last:?}");
        });
        let after = self.plane.traffic();
        Measured {
            cost,
            messages: after.sent - before.sent,
            calls: after.calls - before.calls,
        }
    }
}

/// A set of that size: each service on the nodes 10.2.0.0/16, port 8000 and on.
fn set(
    services: u32,
    destinations: u32,
    generation: u64,
    without: Option<(u32, u32)>,
) -> BackendSet {
    let service = |number: u32| {
        let labels = [
            ("vip", format!("10.9.{}.{}", number / 250, number % 250 + 1)),
            ("port", "80".to_owned()),
        ];
        let backend = |place: u32| {
            let address = format!("10.2.{}.{}", place / 250, place % 250 + 1);
            Backend {
                task: format!("task{number}-{place}"),
                node: String::new(),
                address: Some(address.parse::<IpAddr>().unwrap()),
                ports: vec![BackendPort {
                    target: 8080,
                    published: u16::try_from(8000 + number).unwrap(),
                    protocol: Protocol::Tcp,
                }],
                state: BackendState::Serving,
            }
        };
        Service {
            id: format!("service{number:05}"),
            name: format!("service{number}"),
            labels: labels
                .into_iter()
                .map(|(name, value)| (format!("swarmtide.lb.{name}"), value))
                .collect::<BTreeMap<_, _>>(),
            created: u64::from(number),
            stop_grace_period: Duration::from_secs(10),
            backends: (0..destinations)
                .filter(|place| without != Some((number, *place)))
                .map(backend)
                .collect(),
        }
    };
    BackendSet {
        cluster: String::new(),
        generation: Generation {
            index: generation,
            listed_unix_ms: 0,
        },
        completeness: Completeness::Complete,
        services: (0..services).map(service).collect(),
        quarantined: [].into(),
    }
}

/// Does everything at one size, in namespace `lb`, and leaves an empty table.
pub(crate) fn measure(services: u32, destinations: u32) -> Table {
    let full = set(services, destinations, 1, None);
    let mut balancer = Balancer::new();
    let fill = balancer.bring(&full);
    let listed = balancer.plane.list().unwrap();
    assert_eq!(listed.services.len(), services as usize);
    assert!(
        listed
            .services
            .values()
            .all(|service| service.destinations.len() == destinations as usize)
    );

    let idle = rounds(|_| balancer.bring(&full));
    let mut generation = 1;
    let mut changed = |balancer: &mut Balancer, without| {
        generation += 1;
        balancer.bring(&set(services, destinations, generation, without))
    };
    // One destination goes and comes back, each time another one.
    let gone = |round: u32| Some((round % services, round % destinations));
    let less = rounds(|round| {
        let measured = changed(&mut balancer, gone(round));
        changed(&mut balancer, None);
        measured
    });
    let more = rounds(|round| {
        changed(&mut balancer, gone(round));
        changed(&mut balancer, None)
    });

    let saved = peers::save();
    let delete = peers::delete(services.min(destinations).min(bench::rounds(ROUNDS)));
    peers::clear();
    let restore = peers::restore(&saved);
    let reload = peers::reload(&saved, destinations, bench::rounds(ROUNDS));
    peers::clear();
    Table {
        services,
        destinations,
        fill,
        idle,
        more,
        less,
        restore,
        delete,
        reload,
    }
}

/// The median of the times, the mean of the processor times (they come in ticks), and the messages of one.
fn rounds(mut work: impl FnMut(u32) -> Measured) -> Measured {
    let all: Vec<_> = (0..bench::rounds(ROUNDS)).map(&mut work).collect();
    let mut walls: Vec<_> = all.iter().map(|measured| measured.cost.wall).collect();
    let spent: Duration = all.iter().map(|measured| measured.cost.cpu).sum();
    Measured {
        cost: Cost {
            wall: median(&mut walls),
            cpu: spent / bench::rounds(ROUNDS),
        },
        ..all[0]
    }
}

pub(crate) fn print(tables: &[Table]) {
    println!(
        "| table | what | ms | processor ms | messages | calls | peer | its ms | its processor ms | ours / peer |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for table in tables {
        let rows = [
            ("first fill", table.fill, "`ipvsadm -R`", table.restore),
            ("nothing to do", table.idle, "", Cost::default()),
            (
                "one destination more",
                table.more,
                "keepalived's reload",
                table.reload,
            ),
            (
                "one less: weight 0, then gone",
                table.less,
                "`ipvsadm -d`",
                table.delete,
            ),
        ];
        for (what, ours, peer, theirs) in rows {
            let ratio = match (ours.cost.wall.is_zero(), theirs.wall.is_zero()) {
                (false, false) => format!("{:.2}", ms(ours.cost.wall) / ms(theirs.wall)),
                _ => String::new(),
            };
            println!(
                "| {} x {} | {what} | {:.1} | {:.1} | {} | {} | {peer} | {:.1} | {:.1} | {ratio} |",
                table.services,
                table.destinations,
                ms(ours.cost.wall),
                ms(ours.cost.cpu),
                ours.messages,
                ours.calls,
                ms(theirs.wall),
                ms(theirs.cpu),
            );
        }
    }
}

impl Table {
    /// The goals that this size misses, given the smaller one.
    pub(crate) fn missed(&self, smaller: &Self) -> Vec<String> {
        let entries = |table: &Self| f64::from(table.services * table.destinations);
        let growth = entries(self) / entries(smaller);
        let ratio = |ours: Cost, theirs: Cost| ms(ours.wall) / ms(theirs.wall);
        let goals = [
            (
                "a fill takes no longer than ipvsadm -R",
                ratio(self.fill.cost, self.restore) <= 1.0,
            ),
            (
                "one change takes less than keepalived's reload",
                ratio(self.more.cost, self.reload) < 1.0,
            ),
            (
                "a fill grows no faster than the table",
                ratio(self.fill.cost, smaller.fill.cost) < 1.5 * growth,
            ),
            (
                "nothing to do sends one message a service, and few more",
                self.idle.messages <= u64::from(self.services) + 4,
            ),
        ];
        goals
            .into_iter()
            .filter(|(_, met)| !met)
            .map(|(goal, _)| goal.to_owned())
            .collect()
    }
}
