//! The Debian package: made twice to the same bytes, installed into a folder by dpkg, run there, kept, removed, purged.

use std::{fs, path::Path, process::Command};

use crate::{read, root, run};

fn make(out: &Path) -> String {
    run(Command::new(root().join("packaging/deb"))
        .arg(testbed::binary().unwrap())
        .arg(out))
}

fn dpkg(target: &Path, arguments: &[&str]) {
    run(Command::new("dpkg")
        .arg(format!("--root={}", target.display()))
        .arg(format!("--log={}/log", target.display()))
        // Scripts run outside, with DPKG_ROOT: there is no shell inside.
        .args(["--force-script-chrootless", "--force-depends"])
        .args(arguments));
}

/// A root with nothing but dpkg's own files.
fn empty_root(target: &Path) {
    for folder in [
        "var/lib/dpkg/info",
        "var/lib/dpkg/updates",
        "var/lib/dpkg/triggers",
        "etc",
    ] {
        fs::create_dir_all(target.join(folder)).unwrap();
    }
    for file in ["status", "available"] {
        fs::write(target.join("var/lib/dpkg").join(file), "").unwrap();
    }
}

#[test]
fn the_package_installs_runs_keeps_what_was_changed_and_purges() {
    let folder = tempfile::tempdir().unwrap();
    let package = make(folder.path());
    let again = make(&folder.path().join("again"));
    assert_eq!(
        fs::read(&package).unwrap(),
        fs::read(&again).unwrap(),
        "not reproducible"
    );

    let target = folder.path().join("root");
    empty_root(&target);
    dpkg(&target, &["--install", &package]);
    let version = run(Command::new("chroot")
        .arg(&target)
        .args(["/usr/bin/swarmtide", "--version"]));
    let expected = read("Cargo.toml");
    let expected = expected
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .unwrap();
    assert_eq!(version, format!("swarmtide {}", expected.trim_matches('"')));
    for config in ["swarmtide", "agent", "lbsync"] {
        let path = format!("/etc/swarmtide/{config}.toml");
        run(Command::new("chroot").arg(&target).args([
            "/usr/bin/swarmtide",
            "check-config",
            "--config",
            &path,
        ]));
    }
    for file in [
        "lib/systemd/system/swarmtide.service",
        "lib/systemd/system/swarmtide-agent.service",
        "lib/systemd/system/swarmtide-lbsync.service",
        "usr/share/man/man1/swarmtide-lb-audit.1.gz",
        "usr/share/bash-completion/completions/swarmtide",
        "usr/share/zsh/vendor-completions/_swarmtide",
        "usr/share/fish/vendor_completions.d/swarmtide.fish",
        "usr/share/doc/swarmtide/copyright",
        "usr/share/doc/swarmtide/changelog.gz",
    ] {
        assert!(target.join(file).exists(), "{file}");
    }
    let passwd = fs::read_to_string(target.join("etc/passwd")).unwrap();
    assert!(passwd.contains("swarmtide:"), "{passwd}");

    let changed = target.join("etc/swarmtide/swarmtide.toml");
    fs::write(&changed, "[log]\nlevel = \"debug\"\n").unwrap();
    dpkg(&target, &["--install", &package]);
    assert!(
        fs::read_to_string(&changed).unwrap().contains("debug"),
        "an upgrade undid a change"
    );
    fs::create_dir_all(target.join("var/lib/swarmtide")).unwrap();
    dpkg(&target, &["--remove", "swarmtide"]);
    assert!(changed.exists() && !target.join("usr/bin/swarmtide").exists());
    dpkg(&target, &["--purge", "swarmtide"]);
    assert!(!target.join("etc/swarmtide").exists());
    assert!(!target.join("var/lib/swarmtide").exists());
}
