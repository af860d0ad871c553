//! The stack file of `hsflowd/` on a real swarm. Its image cannot be pulled here, so its tasks do not run.

use std::path::Path;

use testbed::Swarm;

#[test]
fn the_engine_takes_the_stack_file_as_it_is() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hsflowd/stack.yml");
    let file = file.to_str().unwrap();
    let deploy = [
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "--compose-file",
        file,
        "hsflowd",
    ];
    swarm.docker("m1", &deploy).unwrap();
    let spec = crate::scaling::spec(&swarm, "m1", "hsflowd_agent");
    assert!(spec["Mode"]["Global"].is_object(), "{spec:#}");
    let container = &spec["TaskTemplate"]["ContainerSpec"];
    assert_eq!(
        container["Configs"][0]["File"]["Name"], "/etc/hsflowd.conf",
        "{spec:#}"
    );
    swarm.docker("m1", &["stack", "rm", "hsflowd"]).unwrap();
}
