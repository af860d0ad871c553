//! Containers that pause, end, come back and are renamed, and how the agent tells it.

use std::fs;

use testbed::{Ear, Swarm};

use crate::support::{NODE, PATIENCE, SECOND, agent, ask, burn, cgroup, clean, run};

const RUNNING: u32 = 1;
const PAUSED: u32 = 3;
const ENDED: u32 = 4;

fn state(ear: &Ear, name: &str) -> Option<u32> {
    ear.of(name)
        .last()
        .and_then(|heard| heard.cpu)
        .map(|cpu| cpu.state.0)
}

fn until_state(ear: &mut Ear, name: &str, wanted: u32) {
    let what = format!("{name} in state {wanted}");
    ear.until(&what, PATIENCE, |ear| {
        state(ear, name).filter(|state| *state == wanted)
    })
    .unwrap();
}

#[test]
fn a_container_is_told_of_through_its_whole_life() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let id = run(&swarm, "one", &["--cpus", "0.5"]);
    let (agent, mut ear) = agent(&swarm, &[]);
    until_state(&mut ear, "one", RUNNING);
    let first = ear.of("one")[0].clone();
    assert_eq!(first.uuid, id[..32], "hsflowd's UUID");
    assert_eq!(
        first.agent,
        Some(swarm.ip(NODE).into()),
        "the node's own address"
    );

    // A signal, which hsflowd takes for an end, is none.
    for signal in ["CHLD", "HUP"] {
        let count = ear.of("one").len();
        swarm.docker(NODE, &["kill", "-s", signal, "one"]).unwrap();
        ear.until(signal, PATIENCE, |ear| {
            (ear.of("one").len() > count + 2).then_some(())
        })
        .unwrap();
        assert_eq!(state(&ear, "one"), Some(RUNNING), "{signal}");
    }
    swarm.docker(NODE, &["pause", "one"]).unwrap();
    until_state(&mut ear, "one", PAUSED);
    swarm.docker(NODE, &["unpause", "one"]).unwrap();
    until_state(&mut ear, "one", RUNNING);
    let sequences: Vec<u32> = ear.of("one").iter().map(|heard| heard.sequence).collect();
    assert!(
        sequences.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{sequences:?}"
    );

    swarm.docker(NODE, &["rename", "one", "two"]).unwrap();
    until_state(&mut ear, "two", RUNNING);
    assert_eq!(ear.of("two")[0].uuid, first.uuid);

    burn(&swarm, "two", SECOND);
    ear.listen(SECOND * 2).unwrap();
    swarm.docker(NODE, &["restart", "-t", "0", "two"]).unwrap();
    let again = |ear: &Ear| {
        let heard = ear.of("two");
        let last = heard.last()?;
        (heard.len() > 2 && last.sequence <= 2 && last.cpu?.state.0 == RUNNING)
            .then(|| last.clone())
    };
    ear.until("a new sequence after a restart", PATIENCE, again)
        .unwrap();

    swarm.docker(NODE, &["kill", "two"]).unwrap();
    until_state(&mut ear, "two", ENDED);
    let heard = ear.of("two");
    let (last, before) = (&heard[heard.len() - 1], &heard[heard.len() - 2]);
    assert!(
        last.cpu.unwrap().cpu_time >= before.cpu.unwrap().cpu_time,
        "the counter fell at the end"
    );
    let count = heard.len();
    ear.listen(SECOND * 3).unwrap();
    assert_eq!(
        ear.of("two").len(),
        count,
        "the dead went on talking:\n{}",
        agent.log()
    );
}

#[test]
fn a_container_that_runs_out_of_memory_ends_and_says_so() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    run(
        &swarm,
        "small",
        &["--memory", "32m", "--memory-swap", "32m"],
    );
    let (_agent, mut ear) = agent(&swarm, &[]);
    until_state(&mut ear, "small", RUNNING);
    // The answer never comes.
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = swarm
        .docker(NODE, &["inspect", "-f", format, "small"])
        .unwrap();
    let url = format!("http://{address}:8080/hold/{}", 200 << 20);
    swarm
        .exec(NODE, &["curl", "-s", "--max-time", "30", &url])
        .ok();
    until_state(&mut ear, "small", ENDED);
    let killed = swarm
        .docker(NODE, &["inspect", "-f", "{{.State.OOMKilled}}", "small"])
        .unwrap();
    assert_eq!(killed, "true");
}

#[test]
fn without_the_socket_containers_are_found_by_their_cgroups_and_named_by_id() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let id = run(&swarm, "anonymous", &[]);
    let (_agent, mut ear) = agent(&swarm, &["--discovery", "cgroup"]);
    let heard = ear
        .until("its ID", PATIENCE, |ear| ear.of(&id).last().cloned())
        .unwrap();
    assert_eq!(heard.uuid, id[..32]);
    assert!(ear.of("anonymous").is_empty());
}

#[test]
fn connections_are_counted_in_the_containers_own_network() {
    let swarm = Swarm::shared().unwrap();
    clean(&swarm);
    let id = run(&swarm, "held", &["--cpus", "0.5"]);
    let (_agent, mut ear) = agent(&swarm, &[]);
    until_state(&mut ear, "held", RUNNING);
    for _ in 0..3 {
        burn(&swarm, "held", SECOND * 8);
    }
    let open = |ear: &Ear| ear.of("held").last()?.connections.filter(|open| *open == 3);
    ear.until("three open connections", PATIENCE, open).unwrap();
    ear.until("none", PATIENCE, |ear| {
        ear.of("held").last()?.connections.filter(|open| *open == 0)
    })
    .unwrap();
    assert!(fs::exists(cgroup("memory", &id)).unwrap());
    ask(&swarm, "held", "/");
}
