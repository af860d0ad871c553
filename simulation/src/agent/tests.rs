//! What agents send, decoded again.

use std::time::Duration;

use sflow::{CounterRecord, Datagram, Sample};

use super::*;
use crate::config::{ServiceConfig, WorldConfig};
use crate::load::{Demand, Load};
use crate::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// A container's sample, as a collector sees it.
#[derive(Clone, Debug, Default)]
struct Seen {
    agent: String,
    uptime: u32,
    index: u32,
    sequence: u32,
    name: String,
    uuid: [u8; 16],
    state: u32,
    cpu_time: u32,
    cpus: u32,
    bytes_out: u64,
    tags: Vec<u32>,
}

fn decode(sent: &[Outgoing]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for outgoing in sent {
        assert!(
            outgoing.bytes.len() <= 1400,
            "{} bytes",
            outgoing.bytes.len()
        );
        let datagram = Datagram::decode(&outgoing.bytes).unwrap();
        assert_eq!(datagram.sub_agent, SUB_AGENT);
        for sample in datagram.samples() {
            let Sample::Counters(sample) = sample.unwrap() else {
                panic!("no counters sample")
            };
            let mut one = Seen {
                agent: datagram.agent.ip().unwrap().to_string(),
                uptime: datagram.uptime_ms,
                index: sample.data_source.index,
                sequence: sample.sequence,
                ..Seen::default()
            };
            for record in sample.records() {
                read(&record.unwrap(), &mut one);
            }
            seen.push(one);
        }
    }
    seen
}

fn read(record: &CounterRecord<'_>, seen: &mut Seen) {
    seen.tags.push(record.tag().format());
    match record {
        CounterRecord::HostDescr(host) => {
            seen.name = host.hostname.to_str().unwrap().to_owned();
            seen.uuid = host.uuid.0;
        }
        CounterRecord::VirtCpu(cpu) => {
            assert!(cpu.is_complete());
            (seen.state, seen.cpu_time, seen.cpus) = (cpu.state.0, cpu.cpu_time, cpu.nr_virt_cpu);
        }
        CounterRecord::VirtNetIo(net) => seen.bytes_out = net.tx_bytes,
        CounterRecord::Unknown(raw) => panic!("unknown record {:?}", raw.tag),
        _ => {}
    }
}

fn world(traps: Traps) -> World {
    let load = Load::Constant(Demand::new(1.2, 1_000_000.0));
    let mut config = WorldConfig::new(3, 2)
        .service(ServiceConfig::replicated(
            "web",
            3,
            Some(0.25),
            load.clone(),
        ))
        .service(ServiceConfig::replicated("api", 2, Some(1.0), load.clone()))
        .service(ServiceConfig::global("agent", None, load));
    config.agent.interval = SECOND;
    config.agent.traps = traps;
    World::new(config).unwrap()
}

fn quiet() -> Traps {
    Traps {
        twins: 0.0,
        jitter: 0.0,
        ..Traps::default()
    }
}

fn of<'a>(seen: &'a [Seen], service: &'a str) -> impl Iterator<Item = &'a Seen> {
    seen.iter()
        .filter(move |one| one.name.starts_with(service) && one.index >= CONTAINER_INDEX)
}

#[test]
fn samples_have_hsflowds_shape() {
    let mut world = world(quiet());
    let sent = world.advance(10 * SECOND);
    let seen = decode(&sent);
    let host = seen.iter().find(|one| one.index == 1).unwrap();
    assert_eq!(
        host.tags,
        [
            2100, 2001, 2010, 2009, 2008, 2007, 2005, 2004, 2003, 2006, 2000
        ]
    );
    let web = of(&seen, "web.").next().unwrap();
    assert_eq!(web.tags, [2001, 2103, 2102, 2101, 2104, 2002, 2000]);
    assert!(web.agent.starts_with("10.20.0."));
    let parts: Vec<_> = web.name.split('.').collect();
    assert_eq!((parts.len(), parts[2].len()), (3, 25));
    let task = world
        .engine()
        .tasks()
        .find(|task| task.id == parts[2])
        .unwrap();
    let container = task.container.as_ref().unwrap();
    let hex: String = web.uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, container[..32]);
    assert_eq!(web.cpus, 0, "a quarter of a core rounds to none");
    assert_eq!(of(&seen, "api.").next().unwrap().cpus, 1);
    assert_eq!(of(&seen, "agent.").next().unwrap().cpus, 0, "no limit");
    assert_eq!(
        of(&seen, "agent.")
            .next()
            .unwrap()
            .name
            .split('.')
            .nth(1)
            .unwrap()
            .len(),
        25
    );
    assert!(
        sent.iter()
            .any(|one| Datagram::decode(&one.bytes).unwrap().sample_count() > 1)
    );
}

#[test]
fn processor_time_follows_the_load_and_stops_at_the_limit() {
    let mut world = world(quiet());
    let seen = decode(&world.advance(20 * SECOND));
    let rate = |name: &str| {
        let first = of(&seen, name).next().unwrap();
        let series: Vec<_> = seen.iter().filter(|one| one.name == first.name).collect();
        let (a, b) = (series[2], series[12]);
        let (ms, bytes) = (f64::from(b.uptime - a.uptime), b.bytes_out - a.bytes_out);
        (f64::from(b.cpu_time - a.cpu_time) / ms, bytes)
    };
    let (web, web_bytes) = rate("web.");
    assert!(
        (0.24..0.26).contains(&web),
        "0.4 cores are wanted, 0.25 allowed: {web}"
    );
    let (api, api_bytes) = rate("api.");
    assert!((0.57..0.63).contains(&api), "{api}");
    assert!(web_bytes < api_bytes);
    assert!(world.load("web").served.cores < world.load("web").offered.cores);
}

#[test]
fn the_first_sample_comes_after_one_to_three_seconds() {
    let mut world = world(quiet());
    let sent = world.advance(10 * SECOND);
    for service in ["web", "api"] {
        for task in world.engine().tasks_of(service) {
            let name = container_name(world.engine(), task);
            let first = sent.iter().find(|one| {
                decode(std::slice::from_ref(one))
                    .iter()
                    .any(|seen| seen.name == name)
            });
            let wait = first.unwrap().at - task.running_since.unwrap();
            assert!(
                (SECOND..=4 * SECOND + SECOND / 10).contains(&wait),
                "{wait:?}"
            );
        }
    }
}

#[test]
fn the_last_sample_says_state_four() {
    let mut world = world(quiet());
    world.advance(8 * SECOND);
    let service = world.engine().service("web").unwrap();
    let (index, mut spec) = (service.index, service.spec.clone());
    spec["Mode"]["Replicated"]["Replicas"] = serde_json::json!(2);
    world
        .engine_mut()
        .update_service("web", index, spec)
        .unwrap();
    let seen = decode(&world.advance(14 * SECOND));
    let last: Vec<_> = of(&seen, "web.").filter(|one| one.state == 4).collect();
    assert_eq!(last.len(), 1);
    assert!(last[0].cpu_time > 0);
    let later = of(&seen, &last[0].name).filter(|one| one.sequence > last[0].sequence);
    assert_eq!(later.count(), 0, "then silence");
}

#[test]
fn twins_have_equal_counters_and_the_next_sequence_number() {
    let mut world = world(Traps {
        twins: 1.0,
        ..quiet()
    });
    let seen = decode(&world.advance(6 * SECOND));
    let first = of(&seen, "web.").find(|one| one.sequence == 1).unwrap();
    let twin = of(&seen, &first.name)
        .find(|one| one.sequence == 2)
        .unwrap();
    assert_eq!((first.cpu_time, first.uptime), (twin.cpu_time, twin.uptime));
}

#[test]
fn a_killed_node_is_silent_and_begins_anew() {
    let mut world = world(quiet());
    world.advance(6 * SECOND);
    let node = world.engine().node("w1").unwrap().id.clone();
    world.engine_mut().kill_node("w1");
    let sent = world.advance(10 * SECOND);
    assert!(sent.iter().all(|one| one.node != node));
    world.engine_mut().start_node("w1");
    let sent = world.advance(20 * SECOND);
    let first = sent.iter().find(|one| one.node == node).unwrap();
    let datagram = Datagram::decode(&first.bytes).unwrap();
    assert_eq!(datagram.sequence, 1);
    assert!(datagram.uptime_ms < 1100);
}

#[test]
fn an_overlooked_container_says_state_four_and_comes_back() {
    let mut world = world(quiet());
    world.advance(6 * SECOND);
    let task = world.engine().serving_tasks("web").next().unwrap().clone();
    let (container, name) = (
        task.container.unwrap(),
        format!("web.{}.{}", task.slot.unwrap(), task.id),
    );
    let now = world.engine().now();
    world
        .agent_mut(&task.node.unwrap())
        .unwrap()
        .overlook(&container, 10 * SECOND, now);
    let seen = decode(&world.advance(15 * SECOND));
    let states: Vec<_> = of(&seen, &name).map(|one| one.state).collect();
    assert!(states.ends_with(&[4]) && states.len() <= 2, "{states:?}");
    let seen = decode(&world.advance(25 * SECOND));
    let back = of(&seen, &name).next().unwrap();
    assert_eq!((back.sequence, back.state), (1, 1));
    assert!(back.cpu_time > 0, "the counters went on");
}

#[test]
fn a_restarted_agent_counts_from_one() {
    let mut world = world(quiet());
    world.advance(6 * SECOND);
    for agent in world.agents_mut() {
        agent.restart();
    }
    let sent = world.advance(7 * SECOND);
    let datagram = Datagram::decode(&sent[0].bytes).unwrap();
    assert_eq!((datagram.sequence, datagram.uptime_ms), (1, 0));
}

#[test]
fn traps_of_address_loss_and_silence() {
    let mut world = world(Traps {
        agent_address: Some([172, 17, 0, 1].into()),
        ..quiet()
    });
    let seen = decode(&world.advance(5 * SECOND));
    assert!(seen.iter().all(|one| one.agent == "172.17.0.1"));
    for agent in world.agents_mut() {
        agent.traps_mut().loss = 1.0;
    }
    assert!(world.advance(8 * SECOND).is_empty());
    for agent in world.agents_mut() {
        agent.set_traps(Traps {
            silent: true,
            ..quiet()
        });
    }
    assert!(world.advance(11 * SECOND).is_empty());
}

#[test]
fn processor_time_wraps() {
    let mut world = world(Traps {
        cpu_time_offset_ms: u32::MAX - 1000,
        ..quiet()
    });
    let seen = decode(&world.advance(12 * SECOND));
    let name = &of(&seen, "api.").next().unwrap().name;
    let times: Vec<_> = of(&seen, name).map(|one| one.cpu_time).collect();
    assert!(times.windows(2).any(|pair| pair[1] < pair[0]), "{times:?}");
}

#[test]
fn a_paused_container_says_so_and_is_silent_until_it_goes_on() {
    let mut world = world(quiet());
    world.advance(6 * SECOND);
    let task = world.engine().serving_tasks("web").next().unwrap().clone();
    let (node, container) = (task.node.unwrap(), task.container.unwrap());
    let name = format!("web.{}.{}", task.slot.unwrap(), task.id);
    world.agent_mut(&node).unwrap().pause(&container, true);
    let states: Vec<_> = of(&decode(&world.advance(12 * SECOND)), &name)
        .map(|one| one.state)
        .collect();
    assert!(states.ends_with(&[3]) && states.len() <= 2, "{states:?}");
    world.agent_mut(&node).unwrap().pause(&container, false);
    let seen = decode(&world.advance(18 * SECOND));
    let back = of(&seen, &name).next().unwrap();
    assert_eq!((back.sequence, back.state), (1, 1));
}
