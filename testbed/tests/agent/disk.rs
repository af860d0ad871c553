//! Known bytes from and to a real disk, past the page cache.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use testbed::Swarm;

use crate::support::{NODE, PATIENCE, SECOND, agent, ask, cgroup, clean, run};

const MEGABYTE: u64 = 1 << 20;

/// The disk that a folder lies on, as its device file.
fn disk_of(folder: &Path) -> String {
    let number = fs::metadata(folder).unwrap().dev();
    let (major, minor) = (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xfff00);
    let mut device = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}"))
        .unwrap_or_else(|error| panic!("{} is on no disk: {error}", folder.display()));
    if device.join("partition").exists() {
        device.pop();
    }
    format!("/dev/{}", device.file_name().unwrap().to_str().unwrap())
}

/// Bytes read and written by a container, as the kernel's own file says.
fn truth(id: &str) -> [u64; 2] {
    let file = cgroup("blkio", id).join("blkio.throttle.io_service_bytes_recursive");
    let text = fs::read_to_string(file).unwrap();
    [" Read ", " Write "].map(|word| {
        let lines = text.lines().filter_map(|line| line.split_once(word));
        lines.map(|(_, bytes)| bytes.parse::<u64>().unwrap()).sum()
    })
}

#[test]
fn bytes_of_a_real_disk_are_the_kernels() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let disk = disk_of(swarm.socket(NODE).parent().unwrap());
    // Since 6.9 the kernel counts on version 1 of cgroups only where a limit was ever set; this one is never reached.
    let limit = format!("{disk}:100gb");
    let id = run(
        &swarm,
        "disk",
        &["--device-write-bps", &limit, "--device-read-bps", &limit],
    );
    let (_agent, mut ear) = agent(&swarm, &[]);
    ear.until("disk", PATIENCE, |ear| ear.of("disk").last().map(|_| ()))
        .unwrap();
    let before = truth(&id);
    ask(&swarm, "disk", &format!("/direct/{}", 24 * MEGABYTE));
    let after = truth(&id);
    let [read, written] = [0, 1].map(|at| after[at] - before[at]);
    ear.forget();
    ear.listen(SECOND * 2).unwrap();
    let said = ear.of("disk").last().unwrap().disk.unwrap();
    println!(
        "24 MiB written and read past the cache on {disk}: kernel {written} and {read}, agent {} and {} in all, {} and {} requests",
        said.wr_bytes, said.rd_bytes, said.wr_req, said.rd_req
    );
    assert_eq!([said.rd_bytes, said.wr_bytes], truth(&id));
    assert_eq!(read, 24 * MEGABYTE, "nothing else is read");
    // The file system's own blocks come on top.
    assert!(
        (24 * MEGABYTE..25 * MEGABYTE).contains(&written),
        "{written}"
    );
    assert!(said.rd_req > 0 && said.wr_req > 0);
}
