//! Packets between real containers: sampled one in one they are all there, one in ten within the error of chance.

use std::fs;

use sflow::{DataSource, Interface, PacketHeader};
use testbed::{Agent, Ear, HeardFlow, Swarm};

use crate::support::{NODE, PATIENCE, SECOND, agent, cgroup, clean, run};

/// A container and how to look at it from outside.
pub(crate) struct Peer {
    /// Its first process, as this machine numbers it.
    process: String,
    pub(crate) address: String,
}

impl Peer {
    pub(crate) fn start(swarm: &Swarm, name: &str) -> Self {
        let id = run(swarm, name, &[]);
        let process = fs::read_to_string(cgroup("memory", &id).join("cgroup.procs")).unwrap();
        let process = process.lines().next().unwrap().to_owned();
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = swarm
            .docker(NODE, &["inspect", "-f", format, name])
            .unwrap();
        Self { process, address }
    }

    /// Runs a command of this machine in the container's network.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new("nsenter")
            .args(["-t", &self.process, "-n"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Packets and bytes that it has sent.
    fn sent(&self) -> [u64; 2] {
        let dev = fs::read_to_string(format!("/proc/{}/net/dev", self.process)).unwrap();
        let line = dev
            .lines()
            .find_map(|line| line.trim().strip_prefix("eth0:"))
            .unwrap();
        [9, 8].map(|column| {
            line.split_whitespace()
                .nth(column)
                .unwrap()
                .parse()
                .unwrap()
        })
    }
}

/// What samples say of a container that sends, by the interface it sends through: packets, bytes and their variance.
struct Said {
    packets: u64,
    bytes: u64,
    variance: f64,
    samples: u64,
}

fn said(flows: &[HeardFlow], port: DataSource) -> Said {
    let mut said = Said {
        packets: 0,
        bytes: 0,
        variance: 0.0,
        samples: 0,
    };
    for flow in flows.iter().filter(|flow| flow.data_source == port) {
        let rate = u64::from(flow.rate);
        said.packets += rate;
        said.bytes += rate * u64::from(flow.bytes);
        said.variance +=
            f64::from(flow.rate) * f64::from(flow.rate - 1) * f64::from(flow.bytes).powi(2);
        said.samples += 1;
    }
    said
}

/// The interface through which a container's packets come into the bridge.
fn port_of(flows: &[HeardFlow], container: DataSource) -> DataSource {
    let of = |flow: &&HeardFlow| flow.ends.is_some_and(|ends| ends[0] == container);
    flows.iter().find(of).unwrap().data_source
}

/// Samples of an interface that were lost.
fn lost(flows: &[HeardFlow], port: DataSource) -> u32 {
    let of = flows.iter().filter(|flow| flow.data_source == port);
    of.map(|flow| flow.drops).max().unwrap_or(0)
}

fn source_of(ear: &mut Ear, name: &str) -> DataSource {
    ear.until(name, PATIENCE, |ear| {
        ear.of(name).last().map(|heard| heard.data_source)
    })
    .unwrap()
}

/// Waits until a packet each way is tied to both of them: their addresses are known then.
fn until_tied(ear: &mut Ear, from: &Peer, to: &Peer, ends: [DataSource; 2], agent: &Agent) {
    let url = format!("http://{}:8080/", to.address);
    let [one, other] = ends;
    let tied = |ear: &Ear| {
        let has = |ends| ear.flows().iter().any(|flow| flow.ends == Some(ends));
        has([one, other]) && has([other, one])
    };
    for _ in 0..60 {
        from.command(&["curl", "-sS", "--max-time", "5", &url]);
        ear.listen(SECOND / 4).unwrap();
        if tied(ear) {
            return;
        }
    }
    panic!(
        "no packet is tied to both: {:?}\n{}",
        ear.flows(),
        agent.log()
    );
}

#[test]
fn one_in_one_is_every_packet_once_with_its_containers() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let (agent, mut ear) = agent(&swarm, &["--sampling", "1"]);
    // Containers that come later are sampled too.
    let (client, server) = (Peer::start(&swarm, "client"), Peer::start(&swarm, "server"));
    let ends = [source_of(&mut ear, "client"), source_of(&mut ear, "server")];
    until_tied(&mut ear, &client, &server, ends, &agent);
    ear.listen(SECOND).unwrap();
    let ports = ends.map(|end| port_of(ear.flows(), end));
    let drops = ports.map(|port| lost(ear.flows(), port));
    ear.forget();
    let before = [client.sent(), server.sent()];
    for _ in 0..5 {
        let url = format!("http://{}:8080/bytes/300000", server.address);
        client.command(&["curl", "-sS", "--max-time", "9", "-o", "/dev/null", &url]);
    }
    let arrived = |ear: &Ear| (said(ear.flows(), ports[1]).bytes > 1_500_000).then_some(());
    ear.until("the packets", PATIENCE, arrived).unwrap();
    ear.listen(SECOND).unwrap();
    let after = [client.sent(), server.sent()];
    for (number, port) in ports.iter().enumerate() {
        let said = said(ear.flows(), *port);
        let truth = [0, 1].map(|column| after[number][column] - before[number][column]);
        let lost = u64::from(lost(ear.flows(), *port).saturating_sub(drops[number]));
        println!(
            "1 in 1, {port}: {} packets, {} bytes; kernel {} and {}; {lost} lost",
            said.packets, said.bytes, truth[0], truth[1]
        );
        assert_eq!(said.packets + lost, truth[0], "each packet once");
        if lost == 0 {
            assert_eq!(said.bytes, truth[1], "to the byte");
        }
        let last = ear.flows().iter().rfind(|flow| flow.data_source == *port);
        let last = last.unwrap();
        // The counter is that of the interface, read up to a tenth of a second before.
        assert!(
            last.pool > 0 && u64::from(last.pool) <= after[number][0] + 8,
            "{last:?}"
        );
        let own = Interface::index(port.index);
        assert_eq!((last.interfaces[0], last.rate), (own, 1));
        assert_eq!(last.lengths[0], last.bytes + 4);
    }
    let sequences: Vec<u32> = ear
        .flows()
        .iter()
        .filter(|flow| flow.data_source == ports[0])
        .map(|flow| flow.sequence)
        .collect();
    assert!(
        sequences.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{sequences:?}"
    );
    let both_ways = ear.flows().iter().filter(|flow| {
        let header = PacketHeader::ethernet(&flow.header);
        let known = flow.ends == Some(ends) || flow.ends == Some([ends[1], ends[0]]);
        assert!(flow.header.len() <= 128);
        header.ip.is_some_and(|ip| ip.ports.is_some()) && known
    });
    assert!(both_ways.count() > 30);
    vlan(&client, &mut ear);
    from_the_host(&swarm, &server, ends[1], &mut ear);
}

/// What the host itself sends is tied to it.
fn from_the_host(swarm: &Swarm, server: &Peer, end: DataSource, ear: &mut Ear) {
    ear.forget();
    let url = format!("http://{}:8080/", server.address);
    swarm.exec(NODE, &["curl", "-sS", &url]).unwrap();
    let from_host = |ear: &Ear| {
        let mut flows = ear.flows().iter();
        let host = DataSource::physical(1);
        flows.find(|flow| flow.ends == Some([host, end])).cloned()
    };
    let found = ear
        .until("a packet of the host's", PATIENCE, from_host)
        .unwrap();
    assert_eq!(found.interfaces[0], Interface::INTERNAL);
}

/// A frame with a VLAN tag, which the kernel takes off when the frame comes in: header and length have it all the same. It is
/// sent as bytes, since not every kernel has VLAN interfaces.
fn vlan(client: &Peer, ear: &mut Ear) {
    const SEND: &str = "import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
ip = bytes.fromhex('4500002000000000401100000a6305010a630502')
udp = bytes.fromhex('04d2162e000c0000') + b'tag!'
s.send(b'\\xff' * 6 + s.getsockname()[4] + bytes.fromhex('810000050800') + ip + udp + bytes(20))";
    ear.forget();
    client.command(&["python3", "-c", SEND]);
    let tagged = |ear: &Ear| {
        let mut flows = ear.flows().iter();
        flows
            .find(|flow| PacketHeader::ethernet(&flow.header).vlan == Some(5))
            .cloned()
    };
    let found = ear.until("a packet with a tag", PATIENCE, tagged).unwrap();
    let header = PacketHeader::ethernet(&found.header);
    assert_eq!(header.ip.unwrap().ports, Some([1234, 5678]));
    assert_eq!((found.bytes, found.header.len()), (70, 70));
}

#[test]
fn one_in_ten_is_within_the_error_of_chance_and_other_decoders_agree() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let (client, server) = (Peer::start(&swarm, "client"), Peer::start(&swarm, "server"));
    let capturing = crate::judges::Nfdump::start();
    let mut ear = Ear::on(swarm.host_ip().into()).unwrap();
    let collectors = [ear.address().unwrap(), capturing.address(swarm.host_ip())];
    let agent = Agent::on_node(&swarm, NODE, &collectors, &["--sampling", "10"]).unwrap();
    let ends = [source_of(&mut ear, "client"), source_of(&mut ear, "server")];
    until_tied(&mut ear, &client, &server, ends, &agent);
    let ports = ends.map(|end| port_of(ear.flows(), end));
    let drops = ports.map(|port| lost(ear.flows(), port));
    ear.listen(SECOND).unwrap();
    let first = ear.flows().len();
    let before = [client.sent(), server.sent()];
    let url = format!("http://{}:8080/bytes/3000", server.address);
    let load = std::thread::scope(|scope| {
        let load = scope.spawn(|| client.command(&["wrk", "-t1", "-c4", "-d3", &url]));
        ear.listen(SECOND * 5).unwrap();
        load.join().unwrap()
    });
    assert!(load.contains("Requests/sec"), "{load}");
    let after = [client.sent(), server.sent()];
    let flows = ear.flows().get(first..).unwrap();
    for (number, port) in ports.iter().enumerate() {
        let said = said(flows, *port);
        let truth = [0, 1].map(|column| (after[number][column] - before[number][column]) as f64);
        let lost = lost(flows, *port).saturating_sub(drops[number]);
        let error = 1.96 / (said.samples as f64).sqrt();
        println!(
            "1 in 10, {port}: {} samples, {lost} lost; packets {} of {} ({:+.2} %), bytes {} of {} ({:+.2} %), error at 95 of 100: {:.2} %",
            said.samples,
            said.packets,
            truth[0],
            (said.packets as f64 / truth[0] - 1.0) * 100.0,
            said.bytes,
            truth[1],
            (said.bytes as f64 / truth[1] - 1.0) * 100.0,
            error * 100.0
        );
        assert!(said.samples > 300, "{}", said.samples);
        // Five standard deviations, and what was lost, which the samples say themselves.
        let slack = f64::from(lost) * 10.0;
        let packets = (said.packets as f64 - truth[0]).abs();
        assert!(
            packets <= 5.0 * (truth[0] * 9.0).sqrt() + slack,
            "{packets} packets off"
        );
        let bytes = (said.bytes as f64 - truth[1]).abs();
        let largest = flows.iter().map(|flow| flow.bytes).max().unwrap();
        assert!(
            bytes <= 5.0 * said.variance.sqrt() + slack * f64::from(largest),
            "{bytes} bytes off"
        );
    }
    crate::judges::tshark(ear.datagrams());
    capturing.agrees(ear.flows());
}

#[test]
fn without_the_right_to_listen_counters_go_on() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    run(&swarm, "quiet", &[]);
    let mut ear = Ear::on(swarm.host_ip().into()).unwrap();
    let port = 8_419;
    let listen = format!("{}:{port}", swarm.ip(NODE));
    let more = ["--sampling", "1", "--listen", &listen];
    let agent =
        Agent::on_node_without_rights(&swarm, NODE, &[ear.address().unwrap()], &more).unwrap();
    ear.until("quiet", PATIENCE, |ear| ear.of("quiet").last().map(|_| ()))
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    assert!(
        agent
            .log()
            .contains("that needs CAP_NET_RAW; counters go on"),
        "{}",
        agent.log()
    );
    let metrics = swarm
        .exec(NODE, &["curl", "-sS", &format!("http://{listen}/metrics")])
        .unwrap();
    assert!(
        metrics.contains("swarmtide_agent_sampling_errors_total 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("swarmtide_agent_sampled_interfaces 0"),
        "{metrics}"
    );
    let count = ear.of("quiet").len();
    ear.listen(SECOND * 2).unwrap();
    assert!(ear.of("quiet").len() > count && ear.flows().is_empty());
}

/// Requests a second that a client gets through, and milliseconds of processor time that the agent takes a second meanwhile.
fn under_load(swarm: &Swarm, peers: [&Peer; 2], sampling: &str) -> (f64, f64, usize) {
    let [client, server] = peers;
    let (agent, mut ear) = agent(swarm, &["--sampling", sampling]);
    ear.until("both", PATIENCE, |ear| {
        ear.of("client")
            .last()
            .and(ear.of("server").last())
            .map(|_| ())
    })
    .unwrap();
    ear.listen(SECOND).unwrap();
    let url = format!("http://{}:8080/bytes/3000", server.address);
    let before = agent.processor_time().unwrap();
    ear.forget();
    let load = std::thread::scope(|scope| {
        let load = scope.spawn(|| client.command(&["wrk", "-t1", "-c4", "-d5", &url]));
        ear.listen(SECOND * 5).unwrap();
        load.join().unwrap()
    });
    let used = agent.processor_time().unwrap() - before;
    let line = load
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    let requests = line.unwrap().trim().parse().unwrap();
    (requests, used.as_secs_f64() * 200.0, ear.flows().len())
}

#[test]
fn what_sampling_costs_goes_with_the_samples() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let (client, server) = (Peer::start(&swarm, "client"), Peer::start(&swarm, "server"));
    let peers = [&client, &server];
    let rows: Vec<_> = ["0", "1000", "100", "1"]
        .into_iter()
        .map(|rate| {
            let (requests, used, samples) = under_load(&swarm, peers, rate);
            println!(
                "sampling {rate}: {requests:.0} requests a second, agent {used:.0} ms of processor a second, {samples} samples in 5 s"
            );
            samples
        })
        .collect();
    assert!(
        rows[0] == 0 && rows[1] > 0 && rows[1] < rows[2] && rows[2] < rows[3],
        "{rows:?}"
    );
}
