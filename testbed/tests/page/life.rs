//! What a person changes, and a sidecar that goes away and comes back.

use super::{
    browser::{Browser, Key},
    demo::Demo,
};

#[test]
fn a_switch_asks_and_changes_the_state() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/"));
    let state = "button[aria-label^='State of web']";

    browser.click(state);
    browser.until("a dialog", "document.querySelector('dialog[open]')");
    assert_eq!(
        browser.js("return document.querySelector('dialog .primary').disabled"),
        true
    );
    browser.picture("switch");
    browser.click("dialog input[value=disabled]");
    browser.press(Key::Escape);
    browser.until("no dialog", "!document.querySelector('dialog')");
    assert_eq!(
        demo.json("/v1/services/web/state")["state"],
        "enabled",
        "it was not confirmed"
    );

    browser.click(state);
    browser.click("dialog input[value=dry-run]");
    browser.click("dialog .primary");
    demo.until("dry run", "/v1/services/web/state", |state| {
        state["state"] == "dry-run"
    });
    browser.until(
        "the row says so",
        "document.querySelector(\"button[aria-label^='State of web: dry run']\")",
    );
    browser.until(
        "so does a word",
        "document.querySelector('.toast.shown')?.textContent.includes('dry run')",
    );

    browser.click("#global-state");
    browser.click("dialog input[value=disabled]");
    browser.click("dialog .primary");
    demo.until("all disabled", "/v1/state", |state| {
        state["state"] == "disabled"
    });
    browser.until(
        "the head says so",
        "document.querySelector('#global-state.disabled')",
    );

    browser.go("#/services/api");
    browser.click(".actions button:last-child");
    browser.click("dialog .options.row:last-of-type .option:first-of-type");
    browser.picture("pause");
    browser.click("dialog .primary");
    demo.until("a pause", "/v1/services/api/pause", |pause| {
        pause["up_until"].is_string() && pause["down_until"].is_string()
    });
    browser.click(".actions button:last-child");
    browser.click("dialog .standing button");
    demo.until("its end", "/v1/services/api/pause", |pause| {
        pause["up_until"].is_null()
    });
    browser.is_clean();
}

#[test]
fn a_connection_that_is_lost_comes_back() {
    let demo = Demo::start();
    let port = demo.port;
    let browser = Browser::start();
    browser.load(&demo.url("/#/services/web"));
    let charts = "document.querySelectorAll('.chart canvas').length >= 2";
    browser.until("charts", charts);
    drop(demo);
    browser.until(
        "a notice",
        "document.querySelector('.notice.bad') && document.querySelector('.pulse.off')",
    );
    assert_eq!(
        browser.js(&format!("return {charts}")),
        true,
        "what was known is still there"
    );
    browser.picture("lost");
    let demo = Demo::on(port, &[]);
    browser.until(
        "it is back",
        "!document.querySelector('.notice') && document.querySelector('.pulse.on')",
    );
    let words = "(document.querySelector('.lead')?.textContent ?? '')";
    browser.until("news", &format!("{words}.length > 10"));
    browser.go("#/services");
    browser.until(
        "rows",
        "document.querySelectorAll('table.services tbody tr').length === 3",
    );
    drop(demo);
}
