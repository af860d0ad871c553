//! What others do to the table, and what fails under it.

use std::{fs, process::Command, thread, time::Duration};

use simulation::{Fault, FaultKind};
use testbed::{
    guest::{Clients, Network, in_guest},
    wait_for,
};

use crate::{
    judge::{destinations, ipvsadm, table},
    rig::{PACE, PATIENCE, Rig, assert_unharmed, vip, web},
};

#[test]
fn what_others_delete_or_change_is_put_right_and_what_is_theirs_stays() {
    in_guest(|| {
        let network = Network::new(3).unwrap();
        // Not in our ranges, and by firewall mark; both may look however they like.
        for words in [
            "-A -t 10.2.0.1:81 -s rr -p 60",
            "-a -t 10.2.0.1:81 -r 10.2.0.11:81 -m -w 7",
            "-A -f 77 -s sh",
            "-a -f 77 -r 10.2.0.12:0 -g -w 0",
        ] {
            ipvsadm("lb", words);
        }
        let foreign = table("lb");
        let rig = Rig::start(&network, web(), 3);
        let service = vip(1);
        let victim = *rig.expected().keys().next().unwrap();
        for damage in [
            format!("-d -t {service} -r {victim}"),
            format!("-D -t {service}"),
            format!("-e -t {service} -r {victim} -m -w 9"),
            format!("-e -t {service} -r {victim} -g -w 1"),
            format!("-E -t {service} -s rr"),
            format!("-a -t {service} -r 10.2.0.99:80 -m -w 1"),
        ] {
            let before = table("lb");
            ipvsadm("lb", &damage);
            assert_ne!(table("lb"), before, "{damage} does nothing");
            let repaired = wait_for("it is put right", PATIENCE, || {
                (table("lb") == before).then_some(())
            });
            repaired.unwrap_or_else(|error| {
                panic!(
                    "{damage}: {error}\n{:#?}\n{}",
                    table("lb"),
                    rig.balancer.log_end()
                )
            });
        }
        let mut ours = table("lb");
        ours.retain(|line| !foreign.contains(line));
        assert_eq!(ours.len(), 4, "the service and its destinations: {ours:#?}");
        assert!(
            foreign.iter().all(|line| table("lb").contains(line)),
            "{foreign:#?}\n{:#?}",
            table("lb")
        );
        rig.swarm.with(|world| world.remove_service("web"));
        let removed = wait_for("our service goes, theirs stay", PATIENCE, || {
            (table("lb") == foreign).then_some(())
        });
        removed.unwrap_or_else(|error| panic!("{error}: {:#?}", table("lb")));
    });
}

#[test]
fn netlink_that_fails_now_and_then_only_delays_it() {
    in_guest(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-netlink-faults.c");
        let built = Command::new("cc")
            .args([
                "-O2",
                "-shared",
                "-fPIC",
                "-o",
                "/run/faults.so",
                source,
                "-ldl",
            ])
            .status();
        assert!(built.unwrap().success());
        let rate = "/run/faults";
        fs::write(rate, "0").unwrap();
        let network = Network::new(5).unwrap();
        let mut rig = Rig::with(&network, web(), 3, |balancer| {
            balancer
                .preload("/run/faults.so")
                .env("NETLINK_FAULTS", rate)
        });
        // Six calls in a hundred: a listing takes more than ten, so about every second one fails.
        fs::write(rate, "60").unwrap();
        for replicas in [5, 2, 4, 3] {
            rig.swarm.scale("web", u64::try_from(replicas).unwrap());
            rig.swarm.settle("web", replicas).unwrap();
            rig.in_step();
        }
        assert!(rig.balancer.pid().is_some());
        let log = fs::read_to_string(rig.swarm.file("lbsync-9100.log")).unwrap();
        assert!(
            log.contains("ENOBUFS") || log.contains("errno 105") || log.contains("errno 12"),
            "no fault was noticed:\n{log}"
        );
        // Nothing works any more, which those who are connected must not notice.
        fs::write(rate, "1000").unwrap();
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        rig.swarm.scale("web", 5);
        rig.swarm.settle("web", 5).unwrap();
        thread::sleep(Duration::from_secs(2));
        assert_eq!(destinations("lb", vip(1)).len(), 3);
        fs::write(rate, "0").unwrap();
        rig.in_step();
        assert_unharmed("netlink dead while 3 -> 5", &clients.finish().unwrap());
    });
}

#[test]
fn an_engine_that_is_away_for_a_minute_changes_nothing() {
    in_guest(|| {
        let network = Network::new(3).unwrap();
        let mut rig = Rig::start(&network, web(), 3);
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        let before = table("lb");
        rig.swarm
            .set_faults(vec![Fault::always(FaultKind::ServerError)]);
        for second in 0..60 {
            thread::sleep(Duration::from_secs(1));
            assert_eq!(table("lb"), before, "after {second} s");
            // Half way it has to start without knowing anything, too.
            if second == 30 {
                rig.balancer.kill().unwrap();
                rig.balancer.start().unwrap();
            }
        }
        rig.swarm.set_faults(Vec::new());
        // It asks again after a pause. What swarm does in between reaches it too late, as it must.
        let back = wait_for("the balancer hears the engine again", PATIENCE, || {
            let status = rig.balancer.json("/v1/balancer").ok()?;
            (status["source"]["state"] == "current").then_some(())
        });
        back.unwrap();
        rig.swarm.scale("web", 2);
        rig.swarm.settle("web", 2).unwrap();
        rig.in_step();
        assert_unharmed("the engine away for a minute", &clients.finish().unwrap());
    });
}
