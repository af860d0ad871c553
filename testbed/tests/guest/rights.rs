//! The rights of a balancer: no root, and two capabilities, as its systemd unit and its stack give them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use testbed::{
    guest::{Network, Program, Swarm, Swarmtide, in_guest},
    wait_for,
};

use crate::rig::{PATIENCE, vip, web};

/// `swarmtide lbsync` as nobody, with those capabilities and no way to get more.
fn balancer(folder: &Path, config: &Path, capabilities: &[&str]) -> Program {
    let have: String = capabilities
        .iter()
        .map(|name| format!(",+{name}"))
        .collect();
    let log = fs::File::create(folder.join("nobody.log")).unwrap();
    Program::start(
        Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--no-new-privs",
            ])
            .arg(format!("--bounding-set=-all{have}"))
            .arg(format!("--inh-caps=-all{have}"))
            .arg(format!("--ambient-caps=-all{have}"))
            .arg(testbed::binary().unwrap())
            .args(["lbsync", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stderr(log),
    )
    .unwrap()
}

/// What a command prints, in the namespace of the guest itself.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_balancer_is_nobody_with_two_capabilities() {
    in_guest(|| {
        let network = Network::new(2).unwrap();
        let swarm = Swarm::start(&network, vec![web()]).unwrap();
        swarm.scale("web", 2);
        swarm.settle("web", 2).unwrap();
        let mut sidecar = Swarmtide::sidecar(swarm.folder(), 9201, &swarm.docker_host()).unwrap();
        sidecar.up().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let config = folder.path().join("lbsync.toml");
        let state = folder.path().join("lbsync.json");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:9300\"\n[lbsync]\ndata_plane = \"ipvs\"\nranges = {:?}\nvips = \"manage\"\ninterface = \"lo\"\nsources = [{:?}]\nstate_file = {state:?}\n",
            Network::VIPS,
            sidecar.url(),
        );
        fs::write(&config, text).unwrap();

        let without = balancer(folder.path(), &config, &["net_raw"]);
        let log = || fs::read_to_string(folder.path().join("nobody.log")).unwrap();
        let said = |log: String| log.contains("it takes CAP_NET_ADMIN").then_some(());
        wait_for("a word about what is missing", PATIENCE, || said(log())).unwrap();
        drop(without);

        let _balancer = balancer(folder.path(), &config, &["net_admin", "net_raw"]);
        let found = wait_for("two destinations and the VIP", PATIENCE, || {
            let table = printed("ipvsadm", &["-L", "-n"]);
            let addresses = printed("ip", &["address"]);
            let vip = vip(1);
            (table.contains(&vip.to_string())
                && table.matches("->").count() == 3
                && addresses.contains(&format!("{}/32", vip.ip())))
            .then_some(())
        });
        let log = log();
        found.unwrap_or_else(|error| {
            panic!("{error}: {:?}\n{log}", printed("ipvsadm", &["-L", "-n"]))
        });
        assert!(state.exists(), "{log}");
    });
}
