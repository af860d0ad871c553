//! Containers of the test's own on one node.

use std::{fs, path::PathBuf, time::Duration};

use testbed::{Agent, Ear, Swarm};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const NODE: &str = "m1";

/// The shared swarm without containers of earlier tests.
pub(crate) fn clean(swarm: &Swarm) {
    swarm.remove_services().unwrap();
    let all = swarm.docker(NODE, &["ps", "-aq"]).unwrap();
    let mut remove = vec!["rm", "-f"];
    remove.extend(all.split_whitespace());
    if remove.len() > 2 {
        swarm.docker(NODE, &remove).unwrap();
    }
}

/// Starts a container that opted in by a label of its own; its ID.
pub(crate) fn run(swarm: &Swarm, name: &str, more: &[&str]) -> String {
    let mut arguments = vec![
        "run",
        "-d",
        "--name",
        name,
        "--label",
        "swarmtide.enable=true",
    ];
    arguments.extend(more);
    arguments.push("testbed/web:1");
    swarm.docker(NODE, &arguments).unwrap()
}

/// An agent on the node, and who hears it.
pub(crate) fn agent(swarm: &Swarm, more: &[&str]) -> (Agent, Ear) {
    let ear = Ear::on(swarm.host_ip().into()).unwrap();
    let agent = Agent::on_node(swarm, NODE, &[ear.address().unwrap()], more).unwrap();
    (agent, ear)
}

/// Asks the container's web server, from its node.
pub(crate) fn ask(swarm: &Swarm, name: &str, path: &str) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = swarm
        .docker(NODE, &["inspect", "-f", format, name])
        .unwrap();
    let url = format!("http://{address}:8080{path}");
    swarm
        .exec(NODE, &["curl", "-sS", "--max-time", "60", &url])
        .unwrap()
}

/// Has the container's web server burn a core for so long, without waiting for the answer.
pub(crate) fn burn(swarm: &Swarm, name: &str, time: Duration) {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = swarm
        .docker(NODE, &["inspect", "-f", format, name])
        .unwrap();
    let url = format!("http://{address}:8080/burn/{}", time.as_millis());
    let line = format!("curl -s --max-time 100 {url} >/dev/null 2>&1 &");
    swarm.exec(NODE, &["sh", "-c", &line]).unwrap();
}

/// A container's cgroup in the tree of a controller.
pub(crate) fn cgroup(controller: &str, id: &str) -> PathBuf {
    let mut left = vec![PathBuf::from("/sys/fs/cgroup").join(controller)];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str() == Some(id) {
                return entry.path();
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    panic!("no cgroup of {id} in {controller}");
}
