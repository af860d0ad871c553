//! Decoders of others: tshark reads every field of the datagrams, nfdump's sfcapd counts packets and bytes.
//!
//! tshark 4.0 does not know counters of hosts and containers and loses its way among them, so of those it judges what frames
//! them. sfcapd passes counters over. sflowtool, the standard's own, is in no registry that can be reached from here; captures of it judge the codec.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sflow::{Datagram, PacketHeader, Sample};
use tempfile::TempDir;
use testbed::{HeardFlow, capture};

/// A running sfcapd.
pub(crate) struct Nfdump {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Nfdump {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("sfcapd")
            .args(["-4", "-p", &port.to_string(), "-t", "600", "-w"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sfcapd is missing: testbed/setup");
        let bound = || {
            let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_err();
            taken.then_some(())
        };
        testbed::wait_for("sfcapd", Duration::from_secs(20), bound).unwrap();
        Self {
            child,
            folder,
            port,
        }
    }

    pub(crate) fn address(&self, host: Ipv4Addr) -> SocketAddr {
        SocketAddr::from((host, self.port))
    }

    /// Compares packets and bytes of each flow with our own samples.
    pub(crate) fn agrees(mut self, flows: &[HeardFlow]) {
        let stop = ["-INT", &self.child.id().to_string()].map(str::to_owned);
        assert!(Command::new("kill").args(stop).status().unwrap().success());
        self.child.wait().unwrap();
        let output = Command::new("nfdump")
            .args(["-q", "-N", "-o", "fmt:%sa;%da;%sp;%dp;%pr;%pkt;%byt", "-R"])
            .arg(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut theirs: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains(';')) {
            let words: Vec<&str> = line.split(';').map(str::trim).collect();
            if words[4] != "6" {
                continue;
            }
            let sums = theirs.entry(words[..4].join(" ")).or_default();
            sums[0] += words[5].parse::<u64>().unwrap();
            sums[1] += words[6].parse::<u64>().unwrap();
        }
        let mut ours: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for flow in flows {
            let Some(ip) = PacketHeader::ethernet(&flow.header).ip else {
                continue;
            };
            let Some([from, to]) = ip.ports.filter(|_| ip.protocol == 6) else {
                continue;
            };
            let key = format!("{} {} {from} {to}", ip.source, ip.destination);
            let sums = ours.entry(key).or_default();
            let rate = u64::from(flow.rate);
            sums[0] += rate;
            // It counts the check sequence too.
            sums[1] += rate * u64::from(flow.lengths[0]);
        }
        println!("sfcapd: {} flows of TCP, ours {}", theirs.len(), ours.len());
        assert_eq!(theirs.len(), ours.len());
        for (key, sums) in &ours {
            assert_eq!(theirs.get(key), Some(sums), "{key}");
        }
    }
}

impl Drop for Nfdump {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What is compared with tshark, by its names for it.
const FIELDS: [&str; 12] = [
    "sflow_245.sequence_number",
    "sflow_245.numsamples",
    "sflow.flow_sample.sequence_number",
    "sflow.flow_sample.sampling_rate",
    "sflow.flow_sample.sample_pool",
    "sflow.flow_sample.dropped_packets",
    "sflow.flow_sample.index",
    "sflow_245.header.frame_length",
    "sflow_245.header.payload_stripped",
    "sflow.counters_sample.sequence_number",
    "sflow.counters_sample.source_id_type",
    "sflow.counters_sample.source_id_index",
];

/// What tshark reads of each datagram, a line each.
fn read_by_tshark(datagrams: &[Vec<u8>]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.pcap");
    std::fs::write(&file, capture(datagrams)).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=;"]);
    command.args(["-E", "occurrence=a"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.arg("-r").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(str::to_owned).collect()
}

/// Fields of tshark, and what our own decoder says for each datagram, samples in order, joined by commas.
pub(crate) fn tshark(datagrams: &[Vec<u8>]) {
    let lines = read_by_tshark(datagrams);
    assert_eq!(lines.len(), datagrams.len());
    let mut counts = [0_usize; 2];
    for (line, bytes) in lines.iter().zip(datagrams) {
        let theirs: Vec<&str> = line.split(';').collect();
        let datagram = Datagram::decode(bytes).unwrap();
        let mut ours: [Vec<String>; FIELDS.len()] = Default::default();
        let mut add = |field: usize, value: u32| ours[field].push(value.to_string());
        add(0, datagram.sequence);
        add(1, u32::try_from(datagram.samples().count()).unwrap());
        for sample in datagram.samples() {
            match sample.unwrap() {
                Sample::Flow(flow) => {
                    counts[0] += 1;
                    let heard = HeardFlow::of(&flow).unwrap();
                    for (field, value) in [
                        (2, flow.sequence),
                        (3, flow.sampling_rate),
                        (4, flow.sample_pool),
                        (5, flow.drops),
                        (6, flow.data_source.index),
                        (7, heard.lengths[0]),
                        (8, heard.lengths[1]),
                    ] {
                        add(field, value);
                    }
                }
                Sample::Counters(counters) => {
                    counts[1] += 1;
                    add(9, counters.sequence);
                    add(10, counters.data_source.class.0);
                    add(11, counters.data_source.index);
                }
                other => panic!("{other:?}"),
            }
        }
        for (field, name) in FIELDS.iter().enumerate() {
            assert_eq!(
                theirs[field],
                ours[field].join(","),
                "{name} of datagram {}",
                datagram.sequence
            );
        }
    }
    println!(
        "tshark: {} flow samples and {} counter samples, alike in all fields compared",
        counts[0], counts[1]
    );
    assert!(counts[0] > 300 && counts[1] > 10, "{counts:?}");
}
