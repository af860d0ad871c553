//! Known work, and what the agent says of it.

use std::{fs, time::Instant};

use testbed::{Ear, Heard, Swarm};

use crate::support::{NODE, PATIENCE, SECOND, agent, ask, burn, cgroup, clean, run};

fn cpu_ms(heard: &Heard) -> u32 {
    heard.cpu.unwrap().cpu_time
}

/// Cores used in each interval between two samples.
fn rates(heard: &[Heard]) -> Vec<f64> {
    heard
        .windows(2)
        .map(|pair| {
            let time = pair[1].uptime_ms - pair[0].uptime_ms;
            f64::from(cpu_ms(&pair[1]) - cpu_ms(&pair[0])) / f64::from(time)
        })
        .collect()
}

fn nanoseconds(file: &std::path::Path) -> f64 {
    fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
fn processor_time_is_the_cgroups_own_and_its_moment_is_true() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let cases = [
        ("cap20", Some(0.2)),
        ("cap50", Some(0.5)),
        ("uncapped", None),
    ];
    let ids: Vec<String> = cases
        .iter()
        .map(|(name, cap)| match cap {
            Some(cap) => run(&swarm, name, &["--cpus", &cap.to_string()]),
            None => run(&swarm, name, &[]),
        })
        .collect();
    swarm.favour_containers().unwrap();
    let (_agent, mut ear) = agent(&swarm, &[]);
    for (name, _) in cases {
        ear.until(name, PATIENCE, |ear| ear.of(name).last().cloned())
            .unwrap();
        burn(&swarm, name, SECOND * 30);
    }
    ear.listen(SECOND * 2).unwrap();
    let files: Vec<_> = ids
        .iter()
        .map(|id| cgroup("cpuacct", id).join("cpuacct.usage"))
        .collect();
    ear.forget();
    let begin: Vec<_> = files
        .iter()
        .map(|file| (Instant::now(), nanoseconds(file)))
        .collect();
    ear.listen(SECOND * 15).unwrap();
    for (((name, cap), file), (began, before)) in cases.iter().zip(&files).zip(begin) {
        let truth = (nanoseconds(file) - before) / 1e9 / began.elapsed().as_secs_f64();
        let heard = ear.of(name);
        assert!(heard.len() >= 12, "{name}: {} samples in 15 s", heard.len());
        let mut each = rates(heard);
        let (first, last) = (&heard[0], &heard[heard.len() - 1]);
        let mean =
            f64::from(cpu_ms(last) - cpu_ms(first)) / f64::from(last.uptime_ms - first.uptime_ms);
        each.sort_by(f64::total_cmp);
        let (low, high) = (each[0], each[each.len() - 1]);
        let median = each[each.len() / 2];
        println!(
            "{name}: kernel {truth:.4} cores, agent mean {mean:.4}, each interval {low:.4} to {high:.4}, median {median:.4}"
        );
        // The two windows begin and end a fraction of an interval apart, so the judge is as exact as the load is steady.
        let steady = cap.unwrap_or(truth);
        assert!(
            (mean - truth).abs() <= 0.02 * steady + 0.005,
            "{name}: {mean} is not {truth}"
        );
        // On a machine that has something better to do a container does not come to its cap.
        if let Some(cap) = cap.filter(|cap| truth > 0.95 * cap) {
            let throttling = last.throttling.unwrap();
            assert!(
                throttling.throttled_periods > 0 && throttling.throttled_time > 0,
                "{throttling:?}"
            );
            assert!(median <= cap * 1.01, "{name}: {median} is above its cap");
        }
    }
}

/// Bytes in and out of `eth0` in the network of a process.
fn interface(process: &str) -> [u64; 2] {
    let dev = fs::read_to_string(format!("/proc/{process}/net/dev")).unwrap();
    let line = dev
        .lines()
        .find_map(|line| line.trim().strip_prefix("eth0:"))
        .unwrap();
    let column = |number| {
        line.split_whitespace()
            .nth(number)
            .unwrap()
            .parse()
            .unwrap()
    };
    [column(0), column(8)]
}

#[test]
fn bytes_are_exact() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let id = run(&swarm, "net", &[]);
    run(&swarm, "hostnet", &["--network", "host"]);
    run(&swarm, "nonet", &["--network", "none"]);
    let (_agent, mut ear) = agent(&swarm, &[]);
    let network = |ear: &Ear, name: &str| ear.of(name).last().and_then(|heard| heard.network);
    ear.until("net", PATIENCE, |ear| network(ear, "net"))
        .unwrap();
    for _ in 0..3 {
        ask(&swarm, "net", "/bytes/1000000");
    }
    // A stray packet of the kernel's own may come at any time: the judge is asked before and after.
    let process = fs::read_to_string(cgroup("memory", &id).join("cgroup.procs")).unwrap();
    let process = process.lines().next().unwrap().to_owned();
    let exact = (0..10).find_map(|_| {
        let before = interface(&process);
        ear.forget();
        ear.listen(SECOND * 2).unwrap();
        let found = network(&ear, "net")?;
        (before == interface(&process)).then_some((before, found))
    });
    let (truth, found) = exact.expect("the network does not come to rest");
    assert_eq!([found.rx_bytes, found.tx_bytes], truth);
    assert!(found.tx_bytes > 3_000_000, "{found:?}");
    println!(
        "3 × 1,000,000 bytes: agent {} out, kernel {}",
        found.tx_bytes, truth[1]
    );
    let hosts = network(&ear, "hostnet").unwrap();
    assert_eq!(
        [hosts.rx_bytes, hosts.tx_bytes],
        [u64::MAX; 2],
        "the host's own interfaces"
    );
    let none = network(&ear, "nonet").unwrap();
    assert_eq!([none.rx_bytes, none.tx_bytes], [0, 0]);
}

#[test]
fn memory_is_told_with_and_without_page_cache_and_disk_writes_are_counted() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    // A folder of this machine's disk: what a container writes to its own layer goes there too.
    run(&swarm, "store", &["--memory", "512m"]);
    let (_agent, mut ear) = agent(&swarm, &[]);
    ear.until("store", PATIENCE, |ear| ear.of("store").last().cloned())
        .unwrap();
    let megabyte = 1_u64 << 20;
    ask(&swarm, "store", &format!("/hold/{}", 40 * megabyte));
    ask(&swarm, "store", &format!("/write/{}", 60 * megabyte));
    ear.forget();
    ear.listen(SECOND * 3).unwrap();
    let last = ear.of("store").last().cloned().unwrap();
    let (memory, detail) = (last.memory.unwrap(), last.memory_detail.unwrap());
    println!(
        "40 MiB held, 60 MiB written: memory {} MiB, working set {} MiB, page cache {} MiB, disk {:?}",
        memory.memory >> 20,
        detail.working_set >> 20,
        detail.page_cache >> 20,
        last.disk
    );
    assert_eq!(memory.max_memory, 512 * megabyte);
    assert!(
        detail.page_cache >= 50 * megabyte && memory.memory >= 90 * megabyte,
        "{last:?}"
    );
    assert!(
        (40 * megabyte..80 * megabyte).contains(&detail.working_set),
        "{last:?}"
    );
    let disk = last.disk.unwrap();
    // v1 counts what a disk is asked for; a disk that is no disk (tmpfs, overlay on it) counts nothing.
    let counted = fs::read_to_string(
        cgroup("blkio", &id_of(&swarm, "store")).join("blkio.throttle.io_service_bytes_recursive"),
    );
    let truth: u64 = counted
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(" Write ")?.1.parse::<u64>().ok())
        .sum();
    assert_eq!(disk.wr_bytes, truth);
}

fn id_of(swarm: &Swarm, name: &str) -> String {
    swarm
        .docker(NODE, &["inspect", "-f", "{{.Id}}", name])
        .unwrap()
}
