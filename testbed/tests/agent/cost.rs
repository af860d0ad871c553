//! What the agent costs with many containers, and how evenly it polls. Real cgroups and network namespaces, each with a process,
//! without an engine: 200 of them are there in seconds.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use testbed::{Agent, Ear};

use crate::support::{PATIENCE, SECOND};

const CONTROLLERS: [&str; 6] = ["cpu", "cpuacct", "memory", "blkio", "pids", "freezer"];
const PARENT: &str = "testbed-agent-cost";

/// Processes in cgroups that look like containers. They end, and the cgroups go, when this is dropped.
struct Crowd(Vec<(String, Child)>);

fn folders(id: &str) -> impl Iterator<Item = PathBuf> {
    CONTROLLERS.iter().map(move |controller| {
        Path::new("/sys/fs/cgroup")
            .join(controller)
            .join(PARENT)
            .join(id)
    })
}

impl Crowd {
    fn add(&mut self, count: usize) {
        for _ in 0..count {
            let id = format!("{:064x}", self.0.len() + 0xabc_0000);
            let child = Command::new("unshare")
                .args(["--net", "sleep", "600"])
                .stdin(Stdio::null())
                .spawn()
                .unwrap();
            for folder in folders(&id) {
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
            }
            self.0.push((id, child));
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
        for (id, _) in &self.0 {
            folders(id).for_each(|folder| drop(fs::remove_dir(folder)));
        }
        folders("").for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

/// Milliseconds of processor time a second, and kB of memory.
fn cost(agent: &Agent, ear: &mut Ear, time: Duration) -> (f64, u64) {
    let before = agent.processor_time().unwrap();
    ear.listen(time).unwrap();
    let used = agent.processor_time().unwrap() - before;
    (
        used.as_secs_f64() * 1000.0 / time.as_secs_f64(),
        agent.resident_kb().unwrap(),
    )
}

#[test]
fn every_container_is_sampled_every_second_and_the_cost_grows_with_their_number() {
    let mut crowd = Crowd(Vec::new());
    let mut ear = Ear::on(Ipv4Addr::LOCALHOST.into()).unwrap();
    crowd.add(60);
    let agent = Agent::here(&[ear.address().unwrap()], &["--discovery", "cgroup"]).unwrap();
    ear.listen(SECOND * 3).unwrap();
    let (few, few_kb) = cost(&agent, &mut ear, SECOND * 10);
    crowd.add(140);
    ear.listen(SECOND * 4).unwrap();
    ear.forget();
    let (many, many_kb) = cost(&agent, &mut ear, SECOND * 15);
    println!(
        "60 containers at 1 s: {few:.1} ms of processor a second, {few_kb} kB; 200: {many:.1} ms, {many_kb} kB"
    );

    let mut intervals = Vec::new();
    for (id, _) in &crowd.0 {
        let heard = ear.of(id);
        assert!(
            heard.len() >= 12,
            "{id}: {} samples in 15 s\n{}",
            heard.len(),
            agent.log()
        );
        intervals.extend(
            heard
                .windows(2)
                .map(|pair| pair[1].uptime_ms - pair[0].uptime_ms),
        );
    }
    intervals.sort_unstable();
    let at = |share: usize| intervals[(intervals.len() - 1) * share / 1000];
    println!(
        "{} intervals of 200 containers, ms: least {}, p1 {}, median {}, p99 {}, p99.9 {}, most {}",
        intervals.len(),
        at(0),
        at(10),
        at(500),
        at(990),
        at(999),
        at(1000)
    );
    assert!(
        (990..=1010).contains(&at(500)),
        "the median interval is {} ms",
        at(500)
    );
    // Several times as many containers: not out of proportion.
    assert!(
        many < few * 200.0 / 60.0 * 3.0 + 5.0,
        "{few} ms for 60, {many} ms for 200"
    );
}

#[test]
fn no_capability_is_needed() {
    let mut crowd = Crowd(Vec::new());
    crowd.add(1);
    let id = crowd.0[0].0.clone();
    let mut ear = Ear::on(Ipv4Addr::LOCALHOST.into()).unwrap();
    let collectors = [ear.address().unwrap()];
    let agent = Agent::here_without_rights(&collectors, &["--discovery", "cgroup"]).unwrap();
    let heard = ear
        .until("a sample", PATIENCE, |ear| ear.of(&id).last().cloned())
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
    let status = fs::read_to_string(format!("/proc/{}/status", agent.process().unwrap())).unwrap();
    let rights = status.lines().find(|line| line.starts_with("CapEff:"));
    assert_eq!(rights, Some("CapEff:\t0000000000000000"));
    // Known, and its own: the host has had traffic.
    assert_eq!(heard.network.unwrap().rx_bytes, 0);
    assert!(heard.cpu.unwrap().cpu_time < u32::MAX);
}
