//! A swarm as large as one likes, for demonstrations and measurements of what looks at many services at once.

use std::time::Duration;

use crate::agent::Sampling;
use crate::config::{ServiceConfig, WorldConfig, nodes};
use crate::load::{Demand, Load, Wave};
use crate::traffic::Sickness;

/// Processor limit of each container, in cores.
const LIMIT: f64 = 0.5;

/// Steps of a world with so many containers.
const STEP: Duration = Duration::from_millis(200);

/// Containers that a node has about room for here.
const PER_NODE: u32 = 100;

/// Of so many services one has a replica that needs far more processor time than its siblings.
const SICK: u32 = 25;

/// What the services are called: one of these for each of those, then numbered.
const TEAMS: [&str; 20] = [
    "shop", "billing", "search", "mail", "media", "maps", "auth", "stock", "press", "video",
    "chat", "ads", "forum", "jobs", "travel", "music", "news", "docs", "games", "labs",
];
const ROLES: [&str; 10] = [
    "web", "api", "worker", "cache", "gateway", "render", "index", "feed", "events", "admin",
];

impl WorldConfig {
    /// `services` services with about `containers` containers together, all opted in to scaling and load balancing, under slow
    /// waves of different phase; agents that poll every two seconds and sample packets. The services of a team call each
    /// other, and one service of 25 has a sick replica.
    #[must_use]
    pub fn fleet(seed: u64, services: u32, containers: u32) -> Self {
        let services = services.max(1);
        let workers = containers.div_ceil(PER_NODE).clamp(2, 200);
        let mut config = Self::new(seed, 0);
        config.nodes = nodes(1, u8::try_from(workers).unwrap_or(u8::MAX));
        let size = (containers / services).max(2);
        for number in 0..services {
            config = config.service(one(number, size));
        }
        config.longest_step = STEP;
        config.agent.sampling = Some(Sampling {
            rate: 10_000,
            samples_per_second_max: 100,
        });
        config.agent.interval = Duration::from_secs(2);
        config.agent.first_sample_min = Duration::from_millis(1000);
        config.agent.first_sample_max = Duration::from_millis(3000);
        config
    }
}

/// Who calls a team's service in which role: the role, and its share of the traffic.
fn callers(role: &str) -> &'static [(&'static str, f64)] {
    match role {
        "web" => &[("gateway", 0.3)],
        "api" => &[("web", 0.6), ("gateway", 0.2)],
        "worker" => &[("api", 0.8), ("events", 0.2)],
        "cache" => &[("api", 0.6), ("web", 0.4)],
        "render" => &[("web", 0.9)],
        "index" => &[("worker", 0.7), ("api", 0.3)],
        "events" => &[("feed", 0.5), ("api", 0.5)],
        _ => &[],
    }
}

/// Every fifth is twice as large as the others and every third half as large, so that they look different.
fn one(number: u32, size: u32) -> ServiceConfig {
    let replicas = match number {
        number if number % 5 == 0 => size * 3 / 2,
        number if number % 3 == 0 => size * 3 / 4,
        _ => size,
    }
    .max(2);
    let cores = f64::from(replicas) * LIMIT;
    let demand = |share: f64| Demand::new(cores * share, cores * share * 2_000_000.0);
    let load = Load::Wave(Wave {
        low: demand(0.38),
        high: demand(0.76),
        period: Duration::from_secs(180),
        phase: Duration::from_secs(u64::from(number) * 47 % 180),
        ramp: Duration::from_secs(40),
        plateau: Duration::from_secs(50),
        noise: 0.05,
    });
    let step = (replicas / 10).max(1);
    let mut service =
        ServiceConfig::replicated(&name(number), u64::from(replicas), Some(LIMIT), load);
    let roles = ROLES.len();
    let team = number as usize / roles * roles;
    let role = ROLES[number as usize % roles];
    for (caller, share) in callers(role) {
        let found = ROLES.iter().position(|role| role == caller);
        if let Some(caller) = found.and_then(|at| u32::try_from(team + at).ok()) {
            service = service.called_by(&name(caller), *share);
        }
    }
    if number % SICK == 1 {
        let outliers = if number % (2 * SICK) == 1 {
            "quarantine"
        } else {
            "exclude"
        };
        service = service
            .label("swarmtide.outliers", outliers)
            .sick(Sickness {
                slot: 2,
                after: Duration::from_secs(20),
                cpu_factor: 3.0,
            });
    }
    service
        .network("fleet")
        .label("swarmtide.enable", "true")
        .label("swarmtide.min", &(replicas / 2).max(1).to_string())
        .label("swarmtide.max", &(replicas * 3 / 2).max(3).to_string())
        .label("swarmtide.step", &step.to_string())
        .label("swarmtide.cooldown", "15s")
        .label(
            "swarmtide.lb.vip",
            &format!("10.30.{}.{}", number / 250, number % 250 + 1),
        )
        .label("swarmtide.lb.port", "80")
}

fn name(number: u32) -> String {
    let number = number as usize;
    let (teams, roles) = (TEAMS.len(), ROLES.len());
    let team = TEAMS[number / roles % teams];
    let role = ROLES[number % roles];
    match number / (teams * roles) {
        0 => format!("{team}-{role}"),
        again => format!("{team}-{role}-{}", again + 1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::World;

    #[test]
    fn it_is_as_large_as_asked_for_and_runs() {
        let config = WorldConfig::fleet(1, 40, 400);
        let services = config.services.clone();
        let names: BTreeSet<&str> = services
            .iter()
            .filter_map(|service| service.spec["Name"].as_str())
            .collect();
        assert_eq!(names.len(), 40);
        let mut world = World::new(config).unwrap();
        world.advance(Duration::from_secs(4));
        let serving: usize = names
            .iter()
            .map(|name| world.engine().serving_tasks(name).count())
            .sum();
        assert!((300..=500).contains(&serving), "{serving}");
    }

    #[test]
    fn names_do_not_repeat() {
        let names: BTreeSet<String> = (0..1000).map(name).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.contains("shop-web") && names.contains("shop-web-2"));
    }
}
