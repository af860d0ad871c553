//! The systemd units, judged by systemd itself. No systemd can run here as process 1: the notifications are tested on the process.

use std::{fs, process::Command};

use crate::{root, run};

const UNITS: [&str; 3] = ["swarmtide", "swarmtide-agent", "swarmtide-lbsync"];

#[test]
fn each_unit_is_well_formed_and_exposes_little() {
    let folder = tempfile::tempdir().unwrap();
    let binary = testbed::binary().unwrap();
    for name in UNITS {
        let unit = root().join(format!("packaging/systemd/{name}.service"));
        let text = fs::read_to_string(&unit).unwrap();
        // Where it is here; manual pages are not installed.
        let here = text
            .replace("/usr/bin/swarmtide", binary.to_str().unwrap())
            .lines()
            .filter(|line| !line.starts_with("Documentation="))
            .collect::<Vec<_>>()
            .join("\n");
        let file = folder.path().join(format!("{name}.service"));
        fs::write(&file, here).unwrap();
        let verified = Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(verified.status.success(), "{verified:?}");
        let said = crate::text(&verified.stderr);
        let ours: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(ours.is_empty(), "{ours:?}");
        let judged = run(Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=30", "--no-pager"])
            .arg(&unit));
        println!("{}", judged.lines().last().unwrap());
        for setting in [
            "Type=notify",
            "WatchdogSec=",
            "NoNewPrivileges=yes",
            "User=swarmtide",
        ] {
            assert!(text.contains(setting), "{name}: {setting}");
        }
    }
}

#[test]
fn the_user_is_made_as_the_units_want_it() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    fs::create_dir(&etc).unwrap();
    run(Command::new("systemd-sysusers")
        .arg(format!("--root={}", folder.path().display()))
        .arg(
            root()
                .join("packaging/systemd/sysusers.conf")
                .canonicalize()
                .unwrap(),
        ));
    let passwd = fs::read_to_string(etc.join("passwd")).unwrap();
    assert!(passwd.contains("swarmtide:x:"), "{passwd}");
    let group = fs::read_to_string(etc.join("group")).unwrap();
    let docker = group
        .lines()
        .find(|line| line.starts_with("docker:"))
        .unwrap();
    assert!(docker.ends_with(":swarmtide"), "{group}");
}
