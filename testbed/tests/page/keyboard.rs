//! The keyboard is enough.

use super::{
    browser::{Browser, Key},
    demo::Demo,
};

/// Steps with the tab key until the focus is on what a selector finds.
fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..40 {
        browser.press(Key::Tab);
        if browser.js(&format!("return document.activeElement.matches({css:?})")) == true {
            return;
        }
    }
    panic!("the tab key does not lead to {css}");
}

#[test]
fn everything_can_be_reached_and_seen_with_the_keyboard() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/"));
    browser.until(
        "rows",
        "document.querySelectorAll('table.services tbody tr').length === 3",
    );

    browser.press(Key::Tab);
    let first = "return document.activeElement.className + ' ' + (document.activeElement.getBoundingClientRect().top >= 0)";
    assert_eq!(
        browser.js(first),
        "skip true",
        "the first step is the way past the head, and it is seen"
    );
    tab_to(&browser, "nav a[href='#/telemetry']");
    let ring = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.js(ring), "solid", "where the focus is can be seen");
    browser.picture("focus");
    browser.press(Key::Enter);
    browser.until(
        "telemetry",
        "location.hash === '#/telemetry' && document.querySelector('.agents')",
    );
    browser.until(
        "the focus is at its heading",
        "document.activeElement.tagName === 'H1'",
    );

    browser.go("#/services");
    browser.until(
        "rows again",
        "document.querySelectorAll('table.services tbody tr').length === 3",
    );
    tab_to(&browser, "button[aria-label^='State of api']");
    browser.press(Key::Enter);
    browser.until(
        "a dialog that has the focus",
        "document.querySelector('dialog[open]')?.contains(document.activeElement)",
    );
    browser.press(Key::Escape);
    browser.until(
        "the focus is back",
        "document.activeElement.matches(\"button[aria-label^='State of api']\")",
    );

    tab_to(&browser, "table.services th a");
    browser.press(Key::Enter);
    browser.until("a service", "document.querySelector('.chart canvas')");
    let nameless = "return [...document.querySelectorAll('button, a, input, select, [role=img], canvas')]
        .filter((element) => element.checkVisibility() && element.tagName !== 'CANVAS')
        .filter((element) => !(element.ariaLabel || element.textContent.trim() || element.labels?.length || element.title)).map((element) => element.outerHTML)";
    assert_eq!(
        browser.js(nameless),
        serde_json::json!([]),
        "everything that can be used has a name"
    );
    browser.is_clean();
}
