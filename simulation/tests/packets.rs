//! Samples of packets: what they say, times their rate, is what the counters say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use sflow::{
    CounterRecord, DataSource, Datagram, FlowRecord, FlowSample, IpHeader, PacketHeader, Sample,
};
use simulation::{Demand, Load, Outgoing, Sampling, ServiceConfig, World, WorldConfig};

const SECOND: Duration = Duration::from_secs(1);
/// Bytes that VXLAN puts before a frame.
const VXLAN: f64 = 50.0;

/// A container: its node, and its data source there.
type Key = (String, u32);

/// What one end of the packets of a container adds up to.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    bytes: f64,
    samples: f64,
}

/// What was heard of a container.
#[derive(Debug, Default)]
struct Heard {
    /// Counters at the first and at the last sample: received, sent.
    first: Option<[u64; 2]>,
    last: [u64; 2],
    /// Sampled: received, sent.
    sampled: [Sums; 2],
}

fn world(services: Vec<ServiceConfig>, sampling: Sampling) -> World {
    let mut config = WorldConfig::new(3, 2);
    config.services = services;
    config.agent.interval = SECOND;
    config.agent.traps.twins = 0.0;
    config.agent.sampling = Some(sampling);
    World::new(config).unwrap()
}

fn service(name: &str, replicas: u64, bytes_per_second: f64) -> ServiceConfig {
    let load = Load::Constant(Demand::new(0.3, bytes_per_second));
    ServiceConfig::replicated(name, replicas, None, load).network("shop")
}

fn often() -> Sampling {
    Sampling {
        rate: 20,
        samples_per_second_max: 10_000,
    }
}

/// A minute of traffic, and then none until everything is told.
fn minute(world: &mut World) -> Vec<Outgoing> {
    let mut sent = world.advance(60 * SECOND);
    for service in ["web", "api"] {
        world.set_load(service, Load::idle());
    }
    sent.extend(world.advance(65 * SECOND));
    sent
}

fn flows(sent: &[Outgoing], mut each: impl FnMut(&Outgoing, &FlowSample<'_>)) {
    for outgoing in sent {
        let datagram = Datagram::decode(&outgoing.bytes).unwrap();
        for sample in datagram.samples() {
            if let Sample::Flow(flow) = sample.unwrap() {
                each(outgoing, &flow);
            }
        }
    }
}

/// The IP header that talks (inside VXLAN where there is one), bytes of the packet, and the containers of this node.
fn packet(flow: &FlowSample<'_>) -> (f64, [Option<u32>; 2], [std::net::IpAddr; 2]) {
    let mut records = flow.records().map(Result::unwrap);
    let Some(FlowRecord::SampledHeader(header)) = records.next() else {
        panic!("the header comes first");
    };
    let Some(FlowRecord::ExtendedEntities(ends)) = records.next() else {
        panic!("then the ends");
    };
    let outer = PacketHeader::read(header.protocol, header.header.as_bytes());
    let inner = outer.inside_vxlan().and_then(|inner| inner.ip);
    let ip: IpHeader<'_> = inner.or(outer.ip).unwrap();
    let before = if inner.is_some() { VXLAN } else { 0.0 };
    let bytes = f64::from(header.frame_length - header.stripped) - before;
    let container = |end: DataSource| (end.class.0 == 3).then_some(end.index);
    (
        bytes,
        [container(ends.src_ds), container(ends.dst_ds)],
        [ip.source, ip.destination],
    )
}

/// Counters and samples of each container, in the order in which they came.
fn heard(sent: &[Outgoing]) -> BTreeMap<Key, Heard> {
    let mut all: BTreeMap<Key, Heard> = BTreeMap::new();
    for outgoing in sent {
        let datagram = Datagram::decode(&outgoing.bytes).unwrap();
        for sample in datagram.samples() {
            match sample.unwrap() {
                Sample::Flow(flow) => {
                    let (bytes, ends, _) = packet(&flow);
                    // Received is what came to it: the destination.
                    for (way, end) in [(0, ends[1]), (1, ends[0])] {
                        let Some(index) = end else { continue };
                        let heard = all.entry((outgoing.node.clone(), index)).or_default();
                        heard.sampled[way].bytes += bytes * f64::from(flow.sampling_rate);
                        heard.sampled[way].samples += 1.0;
                    }
                }
                Sample::Counters(counters) if counters.data_source.class.0 == 3 => {
                    let index = counters.data_source.index;
                    let heard = all.entry((outgoing.node.clone(), index)).or_default();
                    for record in counters.records() {
                        if let CounterRecord::VirtNetIo(io) = record.unwrap() {
                            heard.last = [io.rx_bytes, io.tx_bytes];
                            heard.first.get_or_insert(heard.last);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    all
}

fn assert_near(what: &str, sampled: Sums, counted: f64) {
    let off = (sampled.bytes / counted - 1.0).abs();
    // What an estimate from so many samples may be off, with packets of about one size (196 / sqrt(samples) percent).
    let stated = 1.96 / sampled.samples.sqrt();
    assert!(sampled.samples > 500.0, "{what}: {sampled:?}");
    assert!(
        off <= stated,
        "{what}: {sampled:?} against {counted}, off by {off}, stated {stated}"
    );
}

#[test]
fn traffic_with_outside_adds_up_to_what_the_counters_say() {
    let mut world = world(vec![service("web", 4, 4e6)], often());
    let all = heard(&minute(&mut world));
    assert_eq!(all.len(), 4);
    for way in [0, 1] {
        let mut sampled = Sums::default();
        let mut counted = 0.0;
        for heard in all.values() {
            sampled.bytes += heard.sampled[way].bytes;
            sampled.samples += heard.sampled[way].samples;
            counted += (heard.last[way] - heard.first.unwrap()[way]) as f64;
        }
        assert_near(["received", "sent"][way], sampled, counted);
    }
}

#[test]
fn calls_between_nodes_are_seen_where_they_arrive_and_within_a_node_nowhere() {
    let web = service("web", 6, 0.0);
    let api = service("api", 3, 4e6).called_by("web", 1.0);
    let mut world = world(vec![web, api], often());
    let sent = minute(&mut world);
    let ends = |service: &str| {
        let tasks = world.engine().serving_tasks(service);
        let ends: Vec<_> = tasks
            .map(|task| {
                (
                    std::net::IpAddr::from(task.address),
                    task.node.clone().unwrap(),
                )
            })
            .collect();
        ends
    };
    let (web, api) = (ends("web"), ends("api"));
    let [web_has, api_has] =
        [&web, &api].map(|ends| |address| ends.iter().any(|(known, _)| *known == address));
    let (mut to_api, mut to_web) = (Sums::default(), Sums::default());
    flows(&sent, |outgoing, flow| {
        let (bytes, containers, [source, destination]) = packet(flow);
        assert!(containers[0].is_none() && containers[1].is_some());
        let sums = if web_has(source) && api_has(destination) {
            &mut to_api
        } else {
            assert!(api_has(source) && web_has(destination));
            &mut to_web
        };
        let at = |ends: &[(_, String)], address| {
            let mut known = ends.iter().filter(|(known, _)| *known == address);
            known.next().map(|(_, node)| node.clone())
        };
        let node = |address| at(&web, address).or_else(|| at(&api, address));
        assert_eq!(node(destination).unwrap(), outgoing.node);
        assert_ne!(node(source).unwrap(), outgoing.node);
        sums.bytes += bytes * f64::from(flow.sampling_rate);
        sums.samples += 1.0;
    });
    let apart = web
        .iter()
        .flat_map(|(_, node)| api.iter().map(move |(_, other)| node != other));
    let seen = apart.clone().filter(|apart| *apart).count() as f64 / apart.count() as f64;
    let counted = |sent: &[Outgoing], way: usize| -> f64 {
        let each = heard(sent).into_values();
        // web serves nobody: what it receives is what api sends, so each byte is in two counters.
        each.map(|heard| (heard.last[way] - heard.first.unwrap()[way]) as f64)
            .sum()
    };
    let (received, answered) = (0.2, 0.8);
    let all = counted(&sent, 0);
    assert!((counted(&sent, 1) / all - 1.0).abs() < 0.01);
    assert_near("to api", to_api, all * received * seen);
    assert_near("to web", to_web, all * answered * seen);
}

#[test]
fn pools_sequences_and_losses_are_told() {
    let few = Sampling {
        samples_per_second_max: 5,
        ..often()
    };
    for (sampling, loses) in [(often(), false), (few, true)] {
        let mut world = world(vec![service("web", 4, 4e6)], sampling);
        let sent = world.advance(30 * SECOND);
        let mut taps: BTreeMap<Key, (u32, u32, u32)> = BTreeMap::new();
        let mut in_second: BTreeMap<(String, u64), u32> = BTreeMap::new();
        flows(&sent, |outgoing, flow| {
            let key = (outgoing.node.clone(), flow.data_source.index);
            let (sequence, pool, drops) = taps.get(&key).copied().unwrap_or_default();
            assert_eq!(flow.sequence, sequence + 1);
            assert!(flow.sample_pool >= pool && flow.drops >= drops);
            taps.insert(key, (flow.sequence, flow.sample_pool, flow.drops));
            let second = outgoing.at.as_secs();
            *in_second
                .entry((outgoing.node.clone(), second))
                .or_default() += 1;
        });
        let sum = |of: fn(&(u32, u32, u32)) -> u32| f64::from(taps.values().map(of).sum::<u32>());
        let (samples, pool, drops) = (sum(|tap| tap.0), sum(|tap| tap.1), sum(|tap| tap.2));
        assert_eq!(drops > 0.0, loses);
        // What was lost would have been a sample.
        let taken = (samples + drops) * f64::from(sampling.rate);
        assert!((taken / pool - 1.0).abs() < 0.05, "{taken} {pool}");
        if loses {
            // What is taken late in a second is sent early in the next.
            assert!(in_second.values().all(|count| *count <= 10));
        }
    }
}

#[test]
fn without_sampling_and_callers_nothing_changes() {
    let run = |sampling| {
        let mut world = WorldConfig::new(9, 2).service(service("web", 3, 1e6));
        world.agent.sampling = sampling;
        let sent = World::new(world).unwrap().advance(20 * SECOND);
        heard(&sent)
            .into_iter()
            .map(|(key, heard)| (key, heard.first, heard.last))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(None), run(Some(often())));
}
