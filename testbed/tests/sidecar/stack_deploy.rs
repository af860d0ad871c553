//! `docker stack deploy` over services that were scaled since: what it resets is reported, and put back where that was asked for.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;
use testbed::Swarm;

use crate::{
    process::{PATIENCE, Sidecar},
    scaling::{SECOND, replicas},
    telemetry::Telemetry,
};

/// Two services that begin with two replicas, of which one asks for its own back; and one that nobody scales, as in most stacks.
fn stack(image: &str) -> String {
    let service = |name: &str, reassert: bool| {
        format!(
            r#"  {name}:
    image: {image}
    deploy:
      replicas: 2
      labels: {{swarmtide.enable: "true", swarmtide.max: "5", swarmtide.step: "3", swarmtide.reassert: "{reassert}"}}
      resources: {{limits: {{cpus: "0.5"}}}}
      restart_policy: {{delay: 1s}}
      update_config: {{monitor: 1s}}
"#
        )
    };
    format!(
        "version: \"3.8\"\nservices:\n{}{}  store:\n    image: {image}\n",
        service("keen", true),
        service("plain", false)
    )
}

/// Deploys the file as the docker command does.
fn deploy(swarm: &Swarm, folder: &Path, image: &str) {
    let file = folder.join("stack.yml");
    fs::write(&file, stack(image)).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "-c",
        file,
        "shop",
    ];
    swarm.docker("m1", &arguments).unwrap();
}

fn until(swarm: &Swarm, sidecar: &Sidecar, name: &str, count: u64) {
    testbed::wait_for(&format!("{name} at {count}"), PATIENCE, || {
        (replicas(swarm, "m1", name) == count).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service(name)));
}

/// Changes of the service, the newest first: reason, from, to.
fn changes(sidecar: &Sidecar, name: &str) -> Vec<(String, u64, u64)> {
    let records = sidecar.decisions(name);
    let scales = records.iter().map(|record| &record["decision"]);
    scales
        .filter(|decision| decision["action"] == "scale")
        .map(|decision| {
            let number = |key: &str| decision[key].as_u64().unwrap();
            let reason = decision["reason"].as_str().unwrap().to_owned();
            (reason, number("from"), number("to"))
        })
        .collect()
}

/// A stack that load has taken from two replicas each to five each.
fn at_five(swarm: &Swarm) -> (Sidecar, Telemetry, TempDir) {
    swarm.remove_services().unwrap();
    let folder = tempfile::tempdir().unwrap();
    deploy(swarm, folder.path(), "testbed/web:1");
    let sidecar = Sidecar::start(&swarm.socket("m1"));
    let telemetry = Telemetry::start(vec![swarm.socket("m1")], vec![sidecar.sflow], SECOND, 3.0);
    for name in ["shop_keen", "shop_plain"] {
        until(swarm, &sidecar, name, 5);
        sidecar.until_held(name, &["at_maximum", "within_band", "would_overshoot"]);
    }
    (sidecar, telemetry, folder)
}

#[test]
fn what_a_deployment_resets_is_put_back_where_asked_for_and_reported_elsewhere() {
    let swarm = Swarm::shared().unwrap();
    let (sidecar, telemetry, folder) = at_five(&swarm);

    // The very same file again: only the numbers of replicas change.
    deploy(&swarm, folder.path(), "testbed/web:1");
    sidecar.until_told("shop_keen", "reasserted");
    assert_eq!(replicas(&swarm, "m1", "shop_keen"), 5);
    let record = sidecar.decision("shop_keen", "reasserted");
    let expected = serde_json::json!({"action": "scale", "from": 2, "to": 5, "reason": "reasserted", "was": 5, "reset_to": 2, "by": "stack_deploy"});
    assert_eq!(
        (&record["decision"], &record["outcome"]["outcome"]),
        (&expected, &"applied".into()),
        "{record:#}"
    );
    let at = record["first_unix_ms"].as_i64().unwrap();
    let at = jiff::Timestamp::from_millisecond(at).unwrap().to_string();
    let said = sidecar.why(&["shop_keen", "--at", &at]);
    assert!(said.contains("Scaled from 2 to 5 replicas: a stack deploy set it from 5 to 2 replicas, and swarmtide.reassert puts back what was decided before."), "{said}");

    // The other one says what happened, and grows by its load as it did before.
    let told = sidecar.until_told("shop_plain", "replicas_reset");
    assert_eq!(
        (&told["was"], &told["to"], &told["by"]),
        (&5.into(), &2.into(), &"stack_deploy".into())
    );
    assert!(
        told["words"]
            .as_str()
            .unwrap()
            .contains("swarmtide.reassert=true would put that back"),
        "{told:#}"
    );
    until(&swarm, &sidecar, "shop_plain", 5);
    let newest = changes(&sidecar, "shop_plain")[0].clone();
    assert_eq!(newest, ("above_high".to_owned(), 2, 5));
    assert_eq!(
        sidecar.journal("shop_plain", "reasserted"),
        [Value::Null; 0]
    );

    a_release_is_rolled_out_first(&swarm, &sidecar, &folder);
    a_persons_word_holds(&swarm, &sidecar, &telemetry);
    for name in ["shop_keen", "shop_plain"] {
        let shrinks = changes(&sidecar, name);
        assert!(shrinks.iter().all(|(_, from, to)| to > from), "{shrinks:?}");
    }
    swarm.docker("m1", &["stack", "rm", "shop"]).unwrap();
}

/// A new release: what it took away comes back when it is rolled out, and not before. Until then a minute may have to pass.
fn a_release_is_rolled_out_first(swarm: &Swarm, sidecar: &Sidecar, folder: &TempDir) {
    for name in ["shop_keen", "shop_plain"] {
        sidecar.until_held(name, &["at_maximum", "within_band", "would_overshoot"]);
    }
    deploy(swarm, folder.path(), "testbed/web:2");
    sidecar.until_held("shop_keen", &["rollout"]);
    let record = sidecar.decision("shop_keen", "rollout");
    assert_eq!(
        (&record["reset"]["was"], &record["reset"]["to"]),
        (&5.into(), &2.into()),
        "{record:#}"
    );
    assert!(sidecar.why(&["shop_keen"]).contains("a stack deploy set it from 5 to 2 replicas; that is put back when nothing stands in the way"));
    until(swarm, sidecar, "shop_keen", 5);
    until(swarm, sidecar, "shop_plain", 5);
}

/// `docker service scale` says what a person wants; the load decides from there.
fn a_persons_word_holds(swarm: &Swarm, sidecar: &Sidecar, telemetry: &Telemetry) {
    for name in ["shop_keen", "shop_plain"] {
        sidecar.until_held(name, &["at_maximum", "within_band", "would_overshoot"]);
    }
    let told = sidecar.journal("shop_keen", "replicas_reset").len();
    // Four carry what five did, so that only a re-assertion would bring the fifth back.
    telemetry.set_cores(2.4);
    swarm
        .docker("m1", &["service", "scale", "-d", "shop_keen=4"])
        .unwrap();
    testbed::wait_for("four serve and all report", PATIENCE, || {
        let service = sidecar.service("shop_keen");
        let content = ["within_band", "would_overshoot"].map(Value::from);
        (service["serving"] == 4 && content.contains(&service["hold"])).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("shop_keen")));
    assert_eq!(replicas(swarm, "m1", "shop_keen"), 4);
    assert_eq!(sidecar.journal("shop_keen", "replicas_reset").len(), told);
}
