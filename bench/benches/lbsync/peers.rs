//! The peers: `ipvsadm`, one process for each thing, and keepalived, which reads its file anew.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use ipvs::{Ipvs, NetNs, codec::ServiceKey};
use testbed::{
    guest::{command, run},
    wait_for,
};

use crate::measure::{Cost, cost, cpu, median};

const NAMESPACE: &str = "lb";

/// Longest wait for anything of keepalived's.
const PATIENCE: Duration = Duration::from_secs(120);

/// The table as `ipvsadm -R` reads it.
pub(crate) fn save() -> String {
    run(NAMESPACE, &["ipvsadm", "-Sn"]).unwrap()
}

pub(crate) fn clear() {
    run(NAMESPACE, &["ipvsadm", "-C"]).unwrap();
}

/// Fills the empty table with one call.
pub(crate) fn restore(saved: &str) -> Cost {
    let ((), cost) = cost(|| {
        let mut child = command(NAMESPACE, "ipvsadm")
            .arg("-R")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(saved.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    });
    assert_eq!(save().lines().count(), saved.lines().count());
    cost
}

/// Deletes that many destinations, one call each; the cost of one.
pub(crate) fn delete(count: u32) -> Cost {
    let saved = save();
    let lines = saved.lines().filter_map(|line| line.strip_prefix("-a "));
    let lines: Vec<_> = lines.take(count as usize).collect();
    let ((), cost) = cost(|| {
        for line in &lines {
            // -a -t SERVICE -r DESTINATION -m -w 1
            let words: Vec<_> = line.split(' ').take(4).collect();
            run(NAMESPACE, &[&["ipvsadm", "-d"], &words[..]].concat()).unwrap();
        }
    });
    cost.per(count)
}

/// keepalived in the foreground, doing nothing but IPVS.
struct Keepalived {
    child: Child,
}

const FILE: &str = "/run/keepalived.conf";

impl Keepalived {
    /// Starts it with a table that is there already, and waits until it has read its file.
    fn start(saved: &str) -> Self {
        write_file(saved, None);
        let child = command(NAMESPACE, "keepalived")
            .args([
                "--dont-fork",
                "--check",
                "--use-file",
                FILE,
                "--log-console",
            ])
            .args([
                "--pid",
                "/run/keepalived.pid",
                "--checkers_pid",
                "/run/checkers.pid",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { child };
        let entries = saved.lines().count();
        wait_for("keepalived fills the table", PATIENCE, || {
            (save().lines().count() == entries).then_some(())
        })
        .unwrap();
        started.await_rest();
        started
    }

    /// Processor time of its processes.
    fn cpu(&self) -> Duration {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = fs::read_to_string(children).unwrap();
        let of_children: Duration = children.split_whitespace().map(cpu).sum();
        of_children + cpu(&self.child.id().to_string())
    }

    /// Waits until it has done nothing for a while.
    fn await_rest(&self) {
        let rests = || {
            let before = self.cpu();
            thread::sleep(Duration::from_millis(150));
            (self.cpu() == before).then_some(())
        };
        wait_for("keepalived rests", PATIENCE, rests).unwrap();
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        self.child.wait().unwrap();
    }
}

/// Writes the table as keepalived's configuration, without one of the destinations.
fn write_file(saved: &str, without: Option<u32>) {
    let mut text = String::from("global_defs {\n}\n");
    let mut place = 0;
    let mut open = false;
    for line in saved.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["-A", "-t", service, "-s", scheduler, ..] => {
                if std::mem::replace(&mut open, true) {
                    text.push_str("}\n");
                }
                let service = service.replace(':', " ");
                write!(text, "virtual_server {service} {{\nlvs_sched {scheduler}\nlvs_method NAT\nprotocol TCP\n").unwrap();
            }
            ["-a", "-t", _, "-r", destination, ..] => {
                if without != Some(place) {
                    let destination = destination.replace(':', " ");
                    writeln!(text, "real_server {destination} {{\nweight 1\n}}").unwrap();
                }
                place += 1;
            }
            _ => panic!("{line}"),
        }
    }
    text.push_str("}\n");
    fs::write(FILE, text).unwrap();
}

/// Takes one destination of the first service out of keepalived's file and puts it in again, over and over: from the signal of
/// the latter to the kernel.
pub(crate) fn reload(saved: &str, destinations: u32, rounds: u32) -> Cost {
    let mut keepalived = Keepalived::start(saved);
    let pid = keepalived.child.id().to_string();
    let first = saved.split_whitespace().nth(2).unwrap();
    let first = ServiceKey::tcp(first.parse().unwrap());
    let mut ipvs = Ipvs::open_in(&NetNs::named(NAMESPACE).unwrap()).unwrap();
    let (mut walls, mut spent) = (Vec::new(), Duration::ZERO);
    for round in 0..rounds {
        for (without, left) in [
            (Some(round % destinations), destinations - 1),
            (None, destinations),
        ] {
            write_file(saved, without);
            let before = keepalived.cpu();
            let ((), cost) = cost(|| {
                Command::new("kill").args(["-HUP", &pid]).status().unwrap();
                while ipvs.destinations(&first).unwrap().len() != left as usize {
                    thread::sleep(Duration::from_millis(2));
                }
            });
            keepalived.await_rest();
            if without.is_none() {
                walls.push(cost.wall);
                spent += keepalived.cpu().saturating_sub(before);
            }
        }
        assert!(
            keepalived.child.try_wait().unwrap().is_none(),
            "keepalived has ended"
        );
    }
    Cost {
        wall: median(&mut walls),
        cpu: spent / rounds,
    }
}
