//! Three managers, and the loss of the one that leads: nobody may believe to lead who does not, and the heir must know it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

use std::time::Duration;

use swarm::{Client, ClientOptions, Endpoint, Leadership, SetReplicas, SetReplicasError};
use testbed::Swarm;
use tokio::time::Instant;

/// An election that has to be repeated, and 20 s in which no node is known: 33 to 77 s were seen.
const ELECTION: Duration = Duration::from_secs(180);

fn client(swarm: &Swarm, node: &str) -> Client {
    Client::new(Endpoint::Unix(swarm.socket(node)), ClientOptions::default()).unwrap()
}

/// The opinion of a manager that leads, and has not heard of all nodes yet.
const NEW_LEADER: &str = "leader of nodes unknown";

/// What a manager's client makes of it: "leader", "follower", "unknown", or the kind of error.
async fn opinion(client: &Client) -> &'static str {
    match client.snapshot(Duration::ZERO).await {
        Ok(view) if view.nodes_unknown() == 0 => view.leadership.as_word(),
        Ok(view) if view.leadership == Leadership::Leader => NEW_LEADER,
        Ok(_) => "nodes unknown",
        Err(error) => error.kind().as_label(),
    }
}

/// Asks all at once, again and again, until `done`; never may two say "leader". Returns how long it took.
async fn watch_until(
    clients: &[Client],
    limit: Duration,
    done: impl Fn(&[&str]) -> bool,
) -> Duration {
    let begin = Instant::now();
    let mut last = Vec::new();
    loop {
        let mut asks = tokio::task::JoinSet::new();
        for (index, client) in clients.iter().cloned().enumerate() {
            asks.spawn(async move { (index, opinion(&client).await) });
        }
        let mut answers = asks.join_all().await;
        answers.sort_unstable();
        let opinions: Vec<_> = answers.into_iter().map(|(_, opinion)| opinion).collect();
        if opinions != last {
            println!("{:>5} ms: {opinions:?}", begin.elapsed().as_millis());
            last.clone_from(&opinions);
        }
        let leaders = opinions
            .iter()
            .filter(|opinion| opinion.starts_with("leader"))
            .count();
        assert!(leaders <= 1, "two leaders: {opinions:?}");
        if done(&opinions) {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < limit, "not in time: {opinions:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_heir_knows_that_it_leads_and_no_two_ever_believe_it() {
    let swarm = Swarm::start(3, 0).unwrap();
    let clients = ["m1", "m2", "m3"].map(|node| client(&swarm, node));
    swarm
        .create_service(&["--name", "web", "--replicas", "2", "testbed/web:1"])
        .unwrap();
    watch_until(&clients, Duration::from_secs(20), |opinions| {
        opinions == ["leader", "follower", "follower"]
    })
    .await;

    let followed = clients[1].snapshot(Duration::ZERO).await.unwrap();
    let led = clients[0].snapshot(Duration::ZERO).await.unwrap();
    assert_eq!(
        followed.leadership,
        Leadership::Follower {
            leader: led.engine.node_id.clone()
        }
    );
    assert_eq!(
        followed.services.keys().collect::<Vec<_>>(),
        led.services.keys().collect::<Vec<_>>()
    );
    let web = led.service_named("web").unwrap().id.clone();
    let set = |from, to| SetReplicas {
        service: web.clone(),
        from,
        to,
    };
    // A follower passes writes on. Who may write is the scaler's rule, not the engine's.
    clients[1].set_replicas(&set(2, 3)).await.unwrap();

    swarm.kill("m1").unwrap();
    let error = clients[0].set_replicas(&set(3, 4)).await.unwrap_err();
    assert!(
        matches!(error, SetReplicasError::Unavailable(_)),
        "{error:?}"
    );
    let heirs = &clients[1..];
    let one_leads =
        |opinions: &[&str]| opinions.contains(&"leader") && opinions.contains(&"follower");
    let took = watch_until(heirs, ELECTION, one_leads).await;
    println!("a leader that knows its nodes after {took:?}");

    let mut leading = None;
    for (index, client) in heirs.iter().enumerate() {
        if client.snapshot(Duration::ZERO).await.unwrap().leadership == Leadership::Leader {
            leading = Some(index);
        }
    }
    heirs[leading.unwrap()]
        .set_replicas(&set(3, 4))
        .await
        .unwrap();

    swarm.start_node("m1").unwrap();
    let back = |opinions: &[&str]| opinions[0] == "follower" && one_leads(opinions);
    watch_until(&clients, Duration::from_secs(60), back).await;
}
