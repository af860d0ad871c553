//! A manager that is a Debian machine: the package and its services under systemd, then the units by hand.

use std::{collections::BTreeMap, fs};

use testbed::{
    documents::{root, section},
    guest::{Engine, is_guest, on_machine},
};

use crate::{
    WEB,
    named::{self, Services},
    shell::{DROP_IN, balanced, follow, host, run, start, try_run, until},
    workload,
};

const UNITS: [&str; 3] = ["swarmtide", "swarmtide-agent", "swarmtide-lbsync"];

fn is_active(unit: &str) -> bool {
    try_run(&format!("systemctl is-active {unit}")).code == 0
}

fn main_pid(unit: &str) -> String {
    let command = format!("systemctl show --property MainPID --value {unit}");
    run(&command).trim().to_owned()
}

/// The kernel's table, as ipvsadm prints it.
fn table() -> String {
    run("ipvsadm -Sn")
}

#[test]
fn the_documents_hold_on_a_debian_machine() {
    let image = workload("debian");
    let package = section("docs/install.md", "Debian and Ubuntu");
    let (made, installed): (Vec<_>, Vec<_>) = package
        .iter()
        .partition(|command| command.text.starts_with("packaging/"));
    if !is_guest() {
        for command in &made {
            host(&command.text);
        }
    }
    on_machine(|| {
        let _engine = Engine::boot(&image).unwrap();
        run(WEB);
        for command in &installed {
            run(&command.text);
        }
        the_services_do_their_work();
        follow("docs/balancer.md", "Direct routing and tunnels");
        fs::write(DROP_IN, "[Service]\nAmbientCapabilities=CAP_SYS_ADMIN\n").unwrap();
        named::run(Services::Up);
        packets_are_sampled_with_a_drop_in();
        systemd_looks_after_them();
        an_upgrade_restarts_what_ran();
        completion_and_manual_pages();
        for unit in UNITS {
            run(&format!("systemctl stop {unit}"));
            let result = run(&format!("systemctl show --property Result --value {unit}"));
            assert_eq!(result.trim(), "success", "{unit}");
        }
        named::run(Services::Down);
        recording();
        a_balancer_node();
        purged();
        units_by_hand();
    });
}

fn the_services_do_their_work() {
    for unit in UNITS {
        assert!(is_active(unit), "{unit}");
        let shown = run(&format!(
            "systemctl show --property Type --property NotifyAccess {unit}"
        ));
        assert!(shown.contains("Type=notify"), "{shown}");
    }
    until("a doctor who is content", "swarmtide doctor", |said| {
        said.code == 0 && said.text.contains("0 errors, 0 warnings")
    });
    let why = run("swarmtide why web");
    assert!(
        why.contains("Held at 2 replicas") && why.contains("CPU"),
        "{why}"
    );
    balanced(2);
    let log = run(
        "journalctl --unit swarmtide --unit swarmtide-agent --unit swarmtide-lbsync --output cat --no-pager",
    );
    assert!(!log.contains("ERROR") && !log.contains(" WARN "), "{log}");
}

/// The unit's sandbox forbids it otherwise; the drop-in is the document's.
fn packets_are_sampled_with_a_drop_in() {
    let document = fs::read_to_string(root().join("docs/agent.md")).unwrap();
    let lines = document.lines().skip_while(|line| *line != "    [Service]");
    let drop_in: String = lines
        .map_while(|line| line.strip_prefix("    "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(drop_in.contains("CAP_NET_RAW"), "{drop_in}");
    let errors =
        "curl --silent http://127.0.0.1:8009/metrics | grep ^swarmtide_agent_sampling_errors_total";
    fs::write(
        "/etc/swarmtide/agent.toml",
        "[agent]\ncollectors = [\"127.0.0.1\"]\nlisten = \"127.0.0.1:8009\"\nsampling = 10\n",
    )
    .unwrap();
    run("systemctl restart swarmtide-agent");
    until("it may not without", errors, |said| {
        said.code == 0 && !said.text.trim().ends_with(" 0")
    });
    fs::write(DROP_IN, drop_in).unwrap();
    run("systemctl edit swarmtide-agent");
    run("systemctl restart swarmtide-agent");
    until("it may with it", errors, |said| {
        said.text.trim().ends_with(" 0")
    });
    run("systemctl revert swarmtide-agent");
}

/// It is brought back when it is killed, and when it hangs.
fn systemd_looks_after_them() {
    let before = table();
    for unit in UNITS {
        let killed = main_pid(unit);
        run(&format!("kill -KILL {killed}"));
        until(
            "it is back",
            &format!("systemctl is-active {unit}"),
            |said| said.code == 0 && main_pid(unit) != killed,
        );
    }
    assert_eq!(table(), before, "the balancer's death changes nothing");
    let folder = "/run/systemd/system/swarmtide.service.d";
    fs::create_dir_all(folder).unwrap();
    fs::write(
        format!("{folder}/watchdog.conf"),
        "[Service]\nWatchdogSec=3s\n",
    )
    .unwrap();
    run("systemctl daemon-reload");
    run("systemctl restart swarmtide");
    let hung = main_pid("swarmtide");
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(
        main_pid("swarmtide"),
        hung,
        "it says that it lives, in time"
    );
    run(&format!("kill -STOP {hung}"));
    until("it is back", "systemctl is-active swarmtide", |said| {
        said.code == 0 && !["0", &hung].contains(&main_pid("swarmtide").as_str())
    });
    let log = run("journalctl --unit swarmtide --output cat --no-pager");
    assert!(log.contains("Watchdog timeout"), "{log}");
    fs::remove_dir_all(folder).unwrap();
    run("systemctl daemon-reload");
}

fn an_upgrade_restarts_what_ran() {
    run("systemctl stop swarmtide-agent");
    let before: BTreeMap<_, _> = UNITS.map(|unit| (unit, main_pid(unit))).into();
    fs::write(
        "/etc/swarmtide/agent.toml",
        "[agent]\ncollectors = [\"127.0.0.1\"]\n",
    )
    .unwrap();
    run("dpkg --force-confold --install target/swarmtide_0.1.0_amd64.deb");
    for unit in ["swarmtide", "swarmtide-lbsync"] {
        until("it is up", &format!("systemctl is-active {unit}"), |said| {
            said.code == 0
        });
        assert_ne!(main_pid(unit), before[unit], "{unit} is the old one");
    }
    assert!(!is_active("swarmtide-agent"), "what was stopped stays so");
    let kept = fs::read_to_string("/etc/swarmtide/agent.toml").unwrap();
    assert!(kept.starts_with("[agent]\ncollectors"), "{kept}");
    run("systemctl start swarmtide-agent");
}

fn completion_and_manual_pages() {
    follow("docs/install.md", "Shell completion and manual pages");
    let words =
        run("source /usr/share/bash-completion/completions/swarmtide; complete -p swarmtide");
    assert!(words.contains("-F _swarmtide"), "{words}");
    let page = fs::read_to_string("/usr/local/share/man/man1/swarmtide-run.1").unwrap();
    assert!(page.contains(".TH"), "{page}");
}

/// What was decided comes out again, and a candidate is judged by it.
fn recording() {
    let calmer = "[labels]\n\"cpu.high\" = \"60%\"\n";
    fs::write(root().join("calmer.toml"), calmer).unwrap();
    run("systemctl start swarmtide-agent");
    let said = follow("docs/recording.md", "Recordings").pop().unwrap().1;
    run("systemctl stop swarmtide-agent");
    println!("{said}");
    let picture = fs::read_to_string(root().join("monday.svg")).unwrap();
    assert!(
        said.contains("calmer") && picture.contains("<svg"),
        "{said}"
    );
}

/// The sidecar on one address, a balancer beside it that hears it there.
fn a_balancer_node() {
    run("install -m 640 -g swarmtide <(openssl rand -hex 32) /etc/swarmtide/read-token");
    let sidecar = format!(
        "[http]\nlisten = \"{}:8008\"\nread_token_file = \"/etc/swarmtide/read-token\"\n",
        Engine::ADDRESS
    );
    fs::write("/etc/swarmtide/swarmtide.toml", sidecar).unwrap();
    run("systemctl start swarmtide");
    let mut balancer = None;
    for command in section("docs/balancer.md", "A balancer node in five minutes") {
        if command.text.starts_with("swarmtide lbsync") {
            balancer = Some(start(&command.text));
        } else if command.text.starts_with("swarmtide lb status") {
            until("both tasks", &command.text, |said| {
                said.code == 0 && said.text.matches("serving").count() == 2
            });
        } else {
            run(&command.text);
        }
    }
    balancer.unwrap().stop();
    run("systemctl stop swarmtide");
}

/// The services and all their files go; the kernel's table stays.
fn purged() {
    let before = table();
    run("systemctl start swarmtide-agent");
    run("apt-get purge --yes swarmtide");
    assert!(!is_active("swarmtide-agent"));
    assert!(!fs::exists("/etc/swarmtide").unwrap() && !fs::exists("/usr/bin/swarmtide").unwrap());
    assert_eq!(table(), before);
}

fn units_by_hand() {
    follow("docs/install.md", "systemd without the package");
    until("it leads", "swarmtide why web", |said| said.code == 0);
    assert!(is_active("swarmtide"));
}
