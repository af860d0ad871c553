//! The engine's socket, and the swarm's leader.

use swarm::{Leadership, View};

use super::{FleetFacts, Seen, Trouble, finding};
use crate::doctor::{Finding, Severity};

const WHY: &str =
    "services, tasks and nodes are read from the engine of a manager, and replicas are set there";

pub(super) fn judge(facts: &FleetFacts) -> Vec<Finding> {
    match &facts.swarm {
        Err(trouble) => vec![without(&facts.endpoint, trouble)],
        Ok(seen) => {
            let mut findings = vec![with(&facts.endpoint, &seen.view), leader(&seen.view)];
            findings.extend(nodes(seen));
            findings
        }
    }
}

fn without(endpoint: &str, trouble: &Trouble) -> Finding {
    let (found, fix) = match trouble {
        Trouble::Absent(error) => (
            format!("no engine at {endpoint}: {error}"),
            "start Docker, or say where it is (engine.host, DOCKER_HOST); in a container mount its socket: --mount type=bind,src=/var/run/docker.sock,dst=/var/run/docker.sock",
        ),
        Trouble::Forbidden(error) => (
            format!("this user may not open {endpoint}: {error}"),
            "run as root or as a member of the socket's group (docker); in a container give it that group's number: --user 65534:GID",
        ),
        Trouble::NotManager(error) => (
            format!("the engine at {endpoint} is no manager of a swarm: {error}"),
            "run this on a manager (docker node ls), or make a swarm with `docker swarm init`",
        ),
        Trouble::NoLeader(error) => (
            format!("the swarm has no leader: {error}"),
            "bring most of the managers back; without a majority nothing can be changed, and Swarmtide holds all services",
        ),
        Trouble::Other(error) => (
            format!("the engine at {endpoint} does not list the swarm: {error}"),
            "see the engine's log: journalctl -u docker",
        ),
    };
    finding("engine", Severity::Error, found, WHY, fix)
}

fn with(endpoint: &str, view: &View) -> Finding {
    let engine = &view.engine;
    let found = format!(
        "Docker Engine {} on {} answers at {endpoint}",
        engine.version, engine.hostname
    );
    finding("engine", Severity::Good, found, WHY, "")
}

fn leader(view: &View) -> Finding {
    let why = "only the sidecar on the swarm's leader acts, so that no two ever do";
    let own = &view.engine.hostname;
    match &view.leadership {
        Leadership::Leader => finding(
            "leader",
            Severity::Good,
            format!("{own}, this manager, leads the swarm"),
            why,
            "",
        ),
        Leadership::Follower { leader } => {
            let name = view.nodes.get(leader).map(|node| node.hostname.as_str());
            let name = name.unwrap_or(leader.as_str());
            finding(
                "leader",
                Severity::Good,
                format!("{name} leads the swarm; {own}, this manager, follows"),
                why,
                "",
            )
        }
        Leadership::Unknown { reason } => finding(
            "leader",
            Severity::Error,
            format!("nobody can tell who leads the swarm: {reason}"),
            why,
            "docker node ls; bring most of the managers back",
        ),
        Leadership::NotManager => finding(
            "leader",
            Severity::Error,
            format!("{own} is no manager"),
            why,
            "run this on a manager",
        ),
    }
}

/// Nodes that cannot be counted on.
fn nodes(seen: &Seen) -> Option<Finding> {
    let why = "while the managers do not know a node, what is missing there is not believed, and every service is held";
    let unknown = seen.view.nodes_unknown();
    (unknown > 0).then(|| {
        finding(
            "nodes",
            Severity::Warning,
            format!("the managers do not know the state of {unknown} nodes"),
            why,
            "after a change of leader this passes within half a minute; else see `docker node ls`",
        )
    })
}
