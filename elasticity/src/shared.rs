//! Several services that share what there is room for, under one engine.
//!
//! Replicas that find no room wait, in the order in which they were asked for. Either the engine is told how much room there is and shares it
//! out by priorities, or it is not: then whoever asks first has it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use scaler::arbitration::Capacity;

use crate::{
    product::{LabelsError, Sidecar, default_labels},
    score::Row,
    service::{Service, Totals},
    setup::Setup,
    simulate::Arrivals,
    trace::Trace,
};

/// Polling interval of the agents.
const POLLING: Duration = Duration::from_secs(2);

/// A service among others.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Its bounds and containers.
    pub setup: Setup,
    /// Its demand.
    pub trace: Trace,
    /// Its `swarmtide.priority`; none when it has no such label.
    pub priority: Option<u16>,
}

impl Tenant {
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = default_labels(&self.setup);
        if let Some(priority) = self.priority {
            labels.insert("swarmtide.priority".to_owned(), priority.to_string());
        }
        labels
    }
}

/// Plays all traces at once on room for `room` replicas, until the shortest ends; `declared` says whether the engine knows of it.
///
/// # Errors
/// [`LabelsError`].
pub fn simulate_shared(
    tenants: &[Tenant],
    room: u32,
    declared: bool,
) -> Result<Vec<(Row, Totals)>, LabelsError> {
    let labels: Vec<_> = tenants.iter().map(Tenant::labels).collect();
    let mut sidecar = Sidecar::new(&labels)?;
    let mut services: Vec<Service> = tenants
        .iter()
        .map(|tenant| {
            let mut service = Service::new(tenant.setup, &tenant.trace, POLLING);
            service.ration();
            service
        })
        .collect();
    let arrivals: Vec<Arrivals> = tenants
        .iter()
        .map(|tenant| Arrivals::draw(&tenant.trace, tenant.setup.seed()))
        .collect();
    let mut seconds: Vec<_> = tenants
        .iter()
        .zip(&arrivals)
        .map(|(tenant, arrivals)| arrivals.seconds(&tenant.trace))
        .collect();
    let capacity = Capacity {
        replicas: declared.then_some(u64::from(room)),
        ..Capacity::default()
    };
    let mut waiting = VecDeque::new();
    while let Some(second) = seconds
        .iter_mut()
        .map(Iterator::next)
        .collect::<Option<Vec<_>>>()
    {
        for step in 0.. {
            if second.iter().any(|(_, _, steps)| step >= steps.len()) {
                break;
            }
            services.iter_mut().for_each(Service::advance);
            decide(tenants, &labels, &mut services, &mut sidecar, capacity);
            give_room(&mut services, room, &mut waiting);
            for ((tenant, service), (_, requests, steps)) in
                tenants.iter().zip(&mut services).zip(&second)
            {
                let arrivals = steps.get(step).copied().unwrap_or(0);
                let demand = tenant.setup.demand(f64::from(*requests));
                service.play(f64::from(arrivals), demand);
            }
        }
    }
    Ok(tenants
        .iter()
        .zip(&services)
        .map(|(tenant, service)| (service.row(&tenant.name), service.totals()))
        .collect())
}

/// One tick of the engine, carried out.
fn decide(
    tenants: &[Tenant],
    labels: &[BTreeMap<String, String>],
    services: &mut [Service],
    sidecar: &mut Sidecar,
    capacity: Capacity,
) {
    let inputs: Vec<_> = tenants
        .iter()
        .zip(labels)
        .zip(&*services)
        .map(|((tenant, labels), service)| (tenant.name.as_str(), labels, service.view()))
        .collect();
    let commands = sidecar.tick(&inputs, capacity);
    for (tenant, service) in tenants.iter().zip(services) {
        let mine = commands
            .iter()
            .find(|command| command.service.as_str() == tenant.name);
        if let Some(command) = mine {
            service.set(command.to);
        }
    }
}

/// Places waiting replicas where there is room; `waiting` keeps the order, one entry a replica.
fn give_room(services: &mut [Service], room: u32, waiting: &mut VecDeque<usize>) {
    for (index, service) in services.iter().enumerate() {
        let queued = waiting.iter().filter(|other| **other == index).count();
        let unplaced = service.view().replicas().unplaced() as usize;
        waiting.extend(std::iter::repeat_n(index, unplaced.saturating_sub(queued)));
        // Those that are not wanted any more leave the queue at its end.
        for _ in unplaced..queued {
            if let Some(last) = waiting.iter().rposition(|other| *other == index) {
                waiting.remove(last);
            }
        }
    }
    let held: u32 = services
        .iter()
        .map(|service| service.view().replicas().held())
        .sum();
    for _ in held..room {
        let Some(service) = waiting.pop_front().and_then(|next| services.get_mut(next)) else {
            break;
        };
        service.place(1);
    }
}

/// Replicas that [`flash_crowd`] has room for.
pub const FLASH_CROWD_ROOM: u32 = 36;

/// Three services that are overrun at about the same time, so that together they need about 100 replicas: `critical`, `web`, `batch`.
///
/// An hour; after a quarter of it each goes up within a minute and stays up for ten. With `priorities`, they have some.
#[must_use]
pub fn flash_crowd(priorities: bool, seed: u64) -> Vec<Tenant> {
    let crowd = |begin: f64, usual: f64, peak: f64| {
        move |second: f64| {
            let since = second - begin;
            let risen = (since / 60.0).clamp(0.0, 1.0) - ((since - 660.0) / 60.0).clamp(0.0, 1.0);
            usual + (peak - usual) * risen
        }
    };
    let tenant = |name: &str, priority: u16, stream: u64, level: &dyn Fn(f64) -> f64| {
        let setup = Setup::new(8.0, 10.0, (2, 80), seed + stream).ok()?;
        let trace = crate::generate::poisson(3600, seed + stream, level).ok()?;
        Some(Tenant {
            name: name.to_owned(),
            setup,
            trace,
            priority: priorities.then_some(priority),
        })
    };
    [
        tenant("critical", 100, 0, &crowd(910.0, 60.0, 260.0)),
        tenant("web", 10, 1, &crowd(900.0, 80.0, 370.0)),
        tenant("batch", 1, 2, &crowd(900.0, 60.0, 370.0)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
