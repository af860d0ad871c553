//! The audit of swarm's own load balancing, on a real swarm whose ingress publishes a service.

use std::{path::Path, process::Command, thread, time::Duration};

use serde_json::Value;
use testbed::{
    guest::{Engine, in_guest, is_guest, swarmtide},
    wait_for,
};

use crate::judge::{ipvsadm, table};

/// Where swarm keeps the table of its ingress.
const INGRESS: &str = "/run/docker/netns/ingress_sbox";

/// The exit code and the findings of the audit.
fn audit() -> (i32, Value) {
    let (code, text) = swarmtide(&["lb", "audit", "--swarm-ingress", "--format", "json"]).unwrap();
    let audit =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {code} {text:?}"));
    (code, audit)
}

#[test]
fn the_audit_of_swarms_ingress_is_right_and_finds_what_was_spoilt() {
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web.tar");
    if !is_guest() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/image");
        assert!(Command::new(script).arg(&image).status().unwrap().success());
    }
    in_guest(|| {
        let engine = Engine::start(&image).unwrap();
        engine.publish("web", 8080, 2).unwrap();
        let right = wait_for(
            "the ingress has both tasks",
            Duration::from_secs(240),
            || {
                // Seldom: the guest has one processor, and containers to start with it.
                thread::sleep(Duration::from_secs(1));
                let table = Path::new(INGRESS).exists().then(|| table(INGRESS))?;
                (table.len() == 3).then_some(table)
            },
        );
        let right = right.unwrap();
        let sound = wait_for("the audit finds nothing", Duration::from_secs(30), || {
            (audit().0 == 0).then_some(())
        });
        sound.unwrap_or_else(|error| panic!("{error}: {:#?}\n{right:#?}", audit()));

        // -a -f MARK -r ADDRESS:0 -m -w 1
        let words: Vec<_> = right[1].split(' ').collect();
        let (mark, destination) = (words[2], words[4]);
        let address = destination.split(':').next().unwrap();
        for (spoil, repair, named) in [
            (
                format!("-e -f {mark} -r {destination} -m -w 0"),
                format!("-e -f {mark} -r {destination} -m -w 1"),
                address,
            ),
            (
                format!("-d -f {mark} -r {destination}"),
                format!("-a -f {mark} -r {destination} -m -w 1"),
                address,
            ),
            (
                format!("-a -f {mark} -r 10.0.0.99:0 -m -w 1"),
                format!("-d -f {mark} -r 10.0.0.99:0"),
                "10.0.0.99",
            ),
        ] {
            ipvsadm(INGRESS, &spoil);
            let spoilt = table(INGRESS);
            let (code, findings) = audit();
            assert_eq!(code, 1, "{spoil}: {findings:#}");
            assert!(
                findings.to_string().contains(named),
                "{spoil}: {findings:#}"
            );
            assert_eq!(table(INGRESS), spoilt, "an audit changes nothing");
            ipvsadm(INGRESS, &repair);
            let (code, findings) = audit();
            assert_eq!(code, 0, "{repair}: {findings:#}");
        }
    });
}
