//! The stack file of `hsflowd/` on a real swarm, as its README has it. Its image cannot be pulled here, so its tasks do not run.

use testbed::{
    Swarm,
    documents::{root, section},
};

#[test]
fn the_engine_takes_the_stack_file_as_it_is() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    for command in section("hsflowd/README.md", "hsflowd: the agent on every node") {
        let script = format!("cd {} && {}", root().display(), command.text);
        swarm.exec("m1", &["bash", "-c", &script]).unwrap();
    }
    let spec = crate::scaling::spec(&swarm, "m1", "hsflowd_agent");
    assert!(spec["Mode"]["Global"].is_object(), "{spec:#}");
    let container = &spec["TaskTemplate"]["ContainerSpec"];
    assert_eq!(
        container["Configs"][0]["File"]["Name"], "/etc/hsflowd.conf",
        "{spec:#}"
    );
    swarm.docker("m1", &["stack", "rm", "hsflowd"]).unwrap();
}
