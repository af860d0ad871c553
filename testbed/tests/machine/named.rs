//! Commands that stand in the documents' text rather than in a block, and that no demo can answer.

use std::time::Instant;

use testbed::documents::{all, filled};

use crate::shell::until;

/// What runs on the machine while a command is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Services {
    /// The sidecar, the agent and the balancer.
    Up,
    /// None of them: the command is one of them itself.
    Down,
    /// All three as containers of the stack.
    Stack,
}

use Services::{Down, Stack, Up};

/// Each with a word that has to be in what it says, and the exit codes that its document speaks of.
const NAMED: &[(&str, Services, &str, &[i32])] = &[
    ("modprobe ip_vs", Up, "", &[0]),
    ("sysctl -w net.core.rmem_max=8388608", Up, "8388608", &[0]),
    ("systemctl status swarmtide", Up, "active (running)", &[0]),
    (
        "systemctl status swarmtide-agent",
        Up,
        "active (running)",
        &[0],
    ),
    ("systemctl edit swarmtide-lbsync", Up, "", &[0]),
    ("systemctl edit swarmtide-agent", Up, "", &[0]),
    ("journalctl -u docker", Up, "dockerd", &[0]),
    ("docker node ls", Up, "Leader", &[0]),
    ("docker service ls", Up, "web", &[0]),
    ("docker service ps SERVICE", Up, "Running", &[0]),
    ("docker service ps --no-trunc SERVICE", Up, "Running", &[0]),
    (
        "docker service inspect --format '{{json .Spec.Labels}}' SERVICE",
        Up,
        "swarmtide.enable",
        &[0],
    ),
    (
        "docker swarm update --task-history-limit 1",
        Up,
        "updated",
        &[0],
    ),
    ("swarmtide completions SHELL", Up, "_swarmtide", &[0]),
    (
        "docker node update --label-add swarmtide.balancer=true NODE",
        Stack,
        "guest",
        &[0],
    ),
    (
        "docker service ps swarmtide_sidecar",
        Stack,
        "Running",
        &[0],
    ),
    ("docker service ps swarmtide_agent", Stack, "Running", &[0]),
    (
        "docker service ps --no-trunc swarmtide_agent",
        Stack,
        "Running",
        &[0],
    ),
    ("docker service logs swarmtide_agent", Stack, "polls", &[0]),
    (
        "docker service inspect swarmtide_agent",
        Stack,
        "SWARMTIDE_AGENT_COLLECTORS",
        &[0],
    ),
    (
        "docker save swarmtide:0.1.0 | ssh NODE docker load",
        Stack,
        "Loaded image",
        &[0],
    ),
    (
        "docker service update --limit-cpu 0.5 SERVICE",
        Stack,
        "converged",
        &[0],
    ),
    (
        "docker service rollback SERVICE",
        Stack,
        "manually requested",
        &[0],
    ),
    (
        "swarmtide agent --collector MANAGER",
        Down,
        "the agent polls",
        &[0],
    ),
    ("swarmtide run", Down, "http=", &[0]),
    (
        "swarmtide agent",
        Down,
        "the agent polls address=10.99.0.1",
        &[0],
    ),
    ("swarmtide lbsync", Down, "lbsync runs", &[0]),
    ("swarmtide demo", Down, "web", &[0]),
    (
        "swarmtide demo --services 200 --containers 5000",
        Down,
        // Here it comes to no more than its last line in time; the page's tests have it in a browser.
        "decode errors",
        &[0],
    ),
    ("swarmtide sflow", Down, "", &[0]),
    ("swarmtide sflow --format json", Down, "", &[0]),
    ("swarmtide sflow --listen 0.0.0.0:6344", Down, "", &[0]),
    (
        "swarmtide record --out trouble.rec --duration 10m --dry-run",
        Down,
        "swarmtide runs",
        &[0],
    ),
    ("swarmtide lb status", Up, "10.30.0.1:80", &[0]),
    ("swarmtide lb status --json", Up, "\"data_plane\"", &[0]),
    ("swarmtide lb audit", Up, "", &[0]),
    ("swarmtide lb audit --swarm-ingress", Up, "", &[0]),
    ("swarmtide health", Up, "", &[0]),
    ("swarmtide doctor", Up, "0 errors", &[0]),
    ("swarmtide doctor --json", Up, "\"findings\"", &[0]),
    (
        "swarmtide doctor --role balancer",
        Up,
        "ip_forward",
        &[0, 1],
    ),
    ("swarmtide doctor --fix", Up, "", &[0, 1]),
    (
        "swarmtide doctor --role node --vip 10.30.0.1 --forward droute",
        Up,
        "arp_ignore",
        &[0],
    ),
];

/// Runs those that are for this state of the machine.
#[allow(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
pub(crate) fn run(now: Services) {
    let documented = all();
    for (command, services, word, codes) in NAMED {
        assert!(
            documented.iter().any(|known| known.text == *command),
            "no document says {command:?} any more"
        );
        if *services == now {
            // No second host: what is sent to it arrives here.
            let line = filled(command).replace("ssh guest ", "");
            let begin = Instant::now();
            let what = format!("{word:?} and one of {codes:?}");
            until(&what, &line, |said| {
                codes.contains(&said.code) && said.text.contains(word)
            });
            println!("[{:5.1} s] $ {line}", begin.elapsed().as_secs_f64());
        }
    }
}
