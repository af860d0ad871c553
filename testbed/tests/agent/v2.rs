//! cgroup v2, in the guest: known work in cgroups that look like containers, judged by the kernel's own files.

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use testbed::{Agent, Ear, guest::in_guest};

use crate::support::{PATIENCE, SECOND};

/// A process in a cgroup as Docker's systemd driver makes it.
struct Container {
    id: String,
    folder: PathBuf,
    child: Child,
}

impl Container {
    fn start(number: u32, cap: &str, script: &str) -> Self {
        let id = format!("{number:064x}");
        let slice = PathBuf::from("/sys/fs/cgroup/system.slice");
        let folder = slice.join(format!("docker-{id}.scope"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cpu.max"), cap).unwrap();
        let join = format!("echo $$ >{}/cgroup.procs; {script}", folder.display());
        let child = Command::new("unshare")
            .args(["--net", "bash", "-c", &join])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { id, folder, child }
    }

    fn value(&self, file: &str, key: &str) -> u64 {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap().trim().parse().unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A disk of the guest's own: a loop device over memory. Says how a container works on it.
fn disk_work() -> String {
    let shell = "modprobe loop && truncate -s 32M /dev/shm/disk && losetup -f --show /dev/shm/disk";
    let output = Command::new("sh").args(["-c", shell]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let disk = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    format!(
        "dd if=/dev/zero of={disk} bs=1M count=16 oflag=direct; dd if={disk} of=/dev/null bs=1M count=8 iflag=direct; sleep 300"
    )
}

#[test]
fn containers_are_read_from_the_one_tree_of_version_2() {
    in_guest(|| {
        for folder in ["/sys/fs/cgroup", "/sys/fs/cgroup/system.slice"] {
            fs::create_dir_all(folder).unwrap();
            fs::write(
                format!("{folder}/cgroup.subtree_control"),
                "+cpu +memory +io +pids",
            )
            .unwrap();
        }
        let burner = Container::start(0xa1, "20000 100000", "while :; do :; done");
        let idle = Container::start(0xa2, "max 100000", "sleep 300");
        let writer = Container::start(0xa3, "max 100000", &disk_work());
        let mut ear = Ear::on(Ipv4Addr::LOCALHOST.into()).unwrap();
        let agent = Agent::here(&[ear.address().unwrap()], &["--discovery", "cgroup"]).unwrap();
        ear.until("both", PATIENCE, |ear| {
            ear.of(&burner.id)
                .last()
                .and(ear.of(&idle.id).last())
                .map(|_| ())
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", agent.log()));
        ear.listen(SECOND * 2).unwrap();
        ear.forget();
        let before = burner.value("cpu.stat", "usage_usec");
        ear.listen(SECOND * 10).unwrap();
        let truth = burner.value("cpu.stat", "usage_usec") - before;
        let heard = ear.of(&burner.id);
        assert!(heard.len() >= 8, "{} samples in 10 s", heard.len());
        let (first, last) = (&heard[0], &heard[heard.len() - 1]);
        let used = last.cpu.unwrap().cpu_time - first.cpu.unwrap().cpu_time;
        let time = last.uptime_ms - first.uptime_ms;
        let rate = f64::from(used) / f64::from(time);
        println!(
            "v2, cap 0.2: kernel {:.4} cores, agent {rate:.4}",
            truth as f64 / 1e7
        );
        assert!(
            (rate - truth as f64 / 1e7).abs() < 0.01,
            "{rate}: {truth} us in 10 s"
        );
        assert!((0.15..0.22).contains(&rate), "{rate} of a cap of 0.2");
        assert!(last.throttling.unwrap().throttled_periods > 0);
        let memory = last.memory.unwrap().memory;
        let current = burner.value("memory.current", "");
        assert!(memory.abs_diff(current) < 4 << 20, "{memory} {current}");
        assert_eq!(
            last.network.unwrap().rx_bytes,
            0,
            "a network of its own with nothing in it"
        );
        assert_eq!(ear.of(&idle.id).last().unwrap().cpu.unwrap().nr_virt_cpu, 0);

        // 16 MiB to a block device and 8 MiB from it, past the page cache.
        let disk = |ear: &Ear| {
            ear.of(&writer.id)
                .last()?
                .disk
                .filter(|disk| disk.rd_bytes > 0)
        };
        ear.until("bytes read", PATIENCE, disk).unwrap();
        ear.listen(SECOND * 2).unwrap();
        let disk = disk(&ear).unwrap();
        println!("v2, io.stat: {disk:?}");
        assert_eq!([disk.wr_bytes, disk.rd_bytes], [16 << 20, 8 << 20]);

        fs::write(idle.folder.join("cgroup.freeze"), "1").unwrap();
        let paused = |ear: &Ear| ear.of(&idle.id).last()?.cpu.filter(|cpu| cpu.state.0 == 3);
        ear.until("state 3", PATIENCE, paused).unwrap();
    });
}
