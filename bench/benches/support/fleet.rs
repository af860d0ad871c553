//! Datagrams as hsflowd sends them from many nodes: seven records a container, one to four containers a datagram.

use std::net::Ipv4Addr;

use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, List, MachineType,
    OsName, Sample, Text, Uuid,
    counter::{HostAdapters, HostDescr, HostParent, VirtCpu, VirtDiskIo, VirtMemory, VirtNetIo},
};

/// Milliseconds of agent uptime between cycles.
const CYCLE_MS: u32 = 10_000;

/// A swarm of agents with containers.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) agents: usize,
    pub(crate) containers_per_agent: usize,
    /// hsflowd flushes once a second and fits four into 1,400 bytes; the mean of the captures is 1.65.
    pub(crate) per_datagram: usize,
}

impl Fleet {
    pub(crate) fn containers(&self) -> usize {
        self.agents * self.containers_per_agent
    }

    /// Datagrams of one agent and cycle (from 0), in order.
    pub(crate) fn cycle(&self, agent: usize, cycle: u32) -> Vec<Vec<u8>> {
        let first = agent * self.containers_per_agent;
        let numbers: Vec<usize> = (first..first + self.containers_per_agent).collect();
        let datagrams = numbers.chunks(self.per_datagram).count();
        (0..)
            .zip(numbers.chunks(self.per_datagram))
            .map(|(position, numbers)| {
                let sequence = cycle * narrow(datagrams) + position + 1;
                let uptime = 60_000 + cycle * CYCLE_MS + position * CYCLE_MS / narrow(datagrams);
                datagram(agent, (sequence, uptime), numbers, cycle)
            })
            .collect()
    }
}

/// The UUID of a container by its number in the fleet.
pub(crate) fn uuid(number: usize) -> [u8; 16] {
    let low = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let high = low.rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

/// Address of an agent, 10.0.0.0/8.
pub(crate) fn address(agent: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0001 + narrow(agent))
}

fn datagram(
    agent: usize,
    (sequence, uptime): (u32, u32),
    numbers: &[usize],
    cycle: u32,
) -> Vec<u8> {
    let names: Vec<String> = numbers
        .iter()
        .map(|number| format!("service{}.{number}.abcdefghijklmnopqrstuvwxy", number / 50))
        .collect();
    let records: Vec<_> = numbers
        .iter()
        .zip(&names)
        .map(|(number, name)| records(*number, name, cycle))
        .collect();
    let samples: Vec<_> = numbers
        .iter()
        .zip(&records)
        .map(|(number, records)| {
            let index = 100_000 + narrow(number % 50_000);
            Sample::Counters(CountersSample::expanded(
                cycle + 1,
                DataSource::logical(index),
                records,
            ))
        })
        .collect();
    Datagram::new(
        Address::Ipv4(address(agent)),
        100_001,
        sequence,
        uptime,
        &samples,
    )
    .encode()
}

fn records(number: usize, name: &str, cycle: u32) -> [CounterRecord<'_>; 7] {
    let (step, bytes) = (
        narrow(number % 900) + 100,
        u64::from(cycle) * 1_000_000 + number as u64,
    );
    [
        HostAdapters {
            adapters: List::new(&[]),
        }
        .into(),
        VirtDiskIo {
            capacity: 0,
            allocation: 0,
            available: 0,
            rd_req: cycle,
            rd_bytes: bytes,
            wr_req: cycle,
            wr_bytes: bytes,
            errs: 0,
        }
        .into(),
        VirtMemory {
            memory: 64 << 20,
            max_memory: 512 << 20,
        }
        .into(),
        VirtCpu {
            state: DomainState::RUNNING,
            cpu_time: cycle * step,
            nr_virt_cpu: 0,
        }
        .into(),
        VirtNetIo {
            rx_bytes: bytes,
            rx_packets: cycle * 900,
            rx_errs: 0,
            rx_drop: 0,
            tx_bytes: bytes,
            tx_packets: cycle * 800,
            tx_errs: 0,
            tx_drop: 0,
        }
        .into(),
        HostParent {
            container_type: 2,
            container_index: 1,
        }
        .into(),
        HostDescr {
            hostname: Text::from(name),
            uuid: Uuid(uuid(number)),
            machine_type: MachineType(3),
            os_name: OsName(2),
            os_release: Text::from("6.1.0-18-amd64"),
        }
        .into(),
    ]
}

/// A number of this bench as the wire's 32 bits; all are small.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
