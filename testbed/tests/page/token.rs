//! A sidecar that answers only to who holds its token.

use std::fs;

use simulation::{Simulation, SimulationConfig, WorldConfig};
use swarmtide::{
    config::{Config, Listen},
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_once_and_kept_for_the_tab() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    let (reading, writing) = (folder.path().join("read"), folder.path().join("write"));
    fs::write(&reading, "the-token-for-reading").unwrap();
    fs::write(&writing, "the-token-for-writing").unwrap();
    config.http.listen = Listen(([127, 0, 0, 1], 0).into());
    config.http.read_token_file = Some(reading);
    config.http.token_file = Some(writing);
    config.engine.host = Some(format!(
        "unix://{}",
        folder.path().join("docker.sock").display()
    ));
    config.collector.listen = vec![Listen(([127, 0, 0, 1], 0).into())];
    config.state.directory = folder.path().join("state");
    let bound = Bound::bind(&config).await.unwrap();
    let sflow = bound.sflow_addresses().first().copied();
    let world = SimulationConfig::new(folder.path(), sflow, WorldConfig::demo(1));
    let simulation = Simulation::start(world).await.unwrap();
    let sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound).unwrap();
    let url = format!("http://{}/", sidecar.http_address());

    let browser = Browser::start();
    browser.load(&url);
    let field = "dialog input[type=password]";
    browser.until("a question", &format!("document.querySelector('{field}')"));
    browser.picture("token");
    browser.type_into(field, "not-the-token-at-all");
    browser.click("dialog .primary");
    browser.until("it is refused", "document.querySelector('dialog .failed')");
    browser.type_into(field, "the-token-for-reading");
    browser.click("dialog .primary");
    let rows = "document.querySelectorAll('table.services tbody tr').length === 3";
    browser.until("rows", rows);

    // Reading is not writing: a write asks for the other one, in words, and goes on with it.
    browser.click("button[aria-label^='State of web']");
    browser.click("dialog input[value=dry-run]");
    browser.click("dialog .primary");
    browser.until(
        "a question again",
        &format!("document.querySelector('{field}')"),
    );
    browser.type_into(field, "the-token-for-writing");
    browser.click("dialog:has(input[type=password]) .primary");
    browser.until(
        "dry run",
        "document.querySelector(\"button[aria-label^='State of web: dry run']\")",
    );

    browser.js("location.reload()");
    browser.until("rows after loading again", rows);
    assert_eq!(
        browser.js("return document.querySelector('dialog')"),
        serde_json::Value::Null
    );
    let kept = "return [sessionStorage.length, Object.values(localStorage).some((value) => value.includes('token-for'))]";
    assert_eq!(browser.js(kept), serde_json::json!([1, false]));
    sidecar.stop().await;
    simulation.shutdown().await;
}
