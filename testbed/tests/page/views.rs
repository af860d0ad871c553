//! Every view shows its data, in both colour schemes, on a wide screen and on a phone.

use serde_json::json;

use super::{
    browser::{Browser, LOOKS},
    demo::Demo,
};

/// A view: where it is, and what is there when it shows its data.
const VIEWS: [(&str, &str, &str); 6] = [
    (
        "services",
        "#/services",
        "document.querySelectorAll('table.services tbody tr').length === 3 && document.querySelector('.services .load b')?.textContent.includes('%')",
    ),
    (
        "service",
        "#/services/web",
        "document.querySelectorAll('.chart canvas').length >= 2 && document.querySelectorAll('.replicas-table tbody tr').length >= 2",
    ),
    (
        "balancer",
        "#/balancer",
        "document.querySelectorAll('.vips li').length === 3 && document.querySelectorAll('.picture .task').length >= 2",
    ),
    (
        "vip",
        "#/balancer/web",
        "document.querySelector('.vip h2')?.textContent.startsWith('web') && document.querySelectorAll('.picture .node').length >= 2",
    ),
    (
        "telemetry",
        "#/telemetry",
        "document.querySelectorAll('.agents tbody tr').length === 3 && document.querySelector('#talkers')",
    ),
    (
        "journal",
        "#/journal",
        "document.querySelectorAll('.journal li').length >= 1",
    ),
];

#[test]
fn every_view_shows_its_data_in_both_schemes_and_on_a_phone() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/"));
    demo.until("a change", "/v1/journal?event=scaled&limit=1", |lines| {
        lines[0]["seq"].is_u64()
    });
    let mut grounds = Vec::new();
    for (scheme, width) in LOOKS {
        browser.prefers(scheme);
        browser.screen(width, 900);
        for (name, hash, shown) in VIEWS {
            browser.go(hash);
            browser.until(name, shown);
            let wider = "return document.documentElement.scrollWidth - innerWidth";
            assert!(
                browser.js(wider).as_i64().unwrap() <= 0,
                "{name} is wider than {width}"
            );
            browser.picture(&format!("{name}-{scheme}-{width}"));
        }
        grounds.push(browser.js("return getComputedStyle(document.body).backgroundColor"));
    }
    assert_eq!((&grounds[0], &grounds[1]), (&grounds[3], &grounds[2]));
    assert_ne!(grounds[0], grounds[1], "dark is not light");
    browser.is_clean();
}

#[test]
fn a_service_shows_marks_reasons_thresholds_and_other_policies() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/#/services/web"));
    browser.until(
        "a chart",
        "performance.getEntriesByName('swarmtide-first-chart').length",
    );
    demo.until(
        "a change",
        "/v1/journal?event=scaled&service=web&limit=1",
        |lines| lines[0]["seq"].is_u64(),
    );
    browser.until(
        "a decision",
        "document.querySelector('.decisions .badge.up')",
    );
    browser.until("the other policy", "[...document.querySelectorAll('.legend li')].some((item) => item.textContent.includes('calmer'))");
    browser.until(
        "its row",
        "document.querySelector('#shadows') && document.body.innerText.includes('calmer')",
    );

    // Under the cursor stand time, values, and at a mark the reason.
    let reason = "(() => { const over = document.querySelector('.chart .u-over'); const box = over.getBoundingClientRect();
        for (let x = box.width; x > 0; x -= 3) {
          over.dispatchEvent(new MouseEvent('mousemove', {bubbles: true, clientX: box.left + x, clientY: box.top + 40}));
          const found = over.querySelector('.tip .reason'); if (found) return found.textContent;
        } return ''; })()";
    browser.until(
        "a reason at a mark",
        &format!("({reason}).includes('caled from')"),
    );
    browser.picture("reason");
    browser.click(".decisions li button");
    browser.until(
        "a decision that is chosen",
        "document.querySelector('.decisions li[aria-current]')",
    );

    // The toggle goes through system, dark and light, and the charts with it.
    browser.click("#theme");
    browser.until(
        "dark by hand",
        "document.documentElement.dataset.theme === 'dark'",
    );
    browser.click("#theme");
    browser.until(
        "light by hand",
        "document.documentElement.dataset.theme === 'light'",
    );
    browser.load(&demo.url("/#/services/web"));
    browser.until(
        "it is remembered",
        "document.documentElement.dataset.theme === 'light'",
    );

    browser.load(&demo.url("/#/services/nope"));
    browser.until(
        "words for what is not there",
        "document.querySelector('.empty')?.textContent.includes('nope')",
    );
    let console = browser.console();
    let unexpected: Vec<_> = console
        .iter()
        .filter(|line| !line.contains("404"))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[test]
fn lists_can_be_searched_filtered_and_sorted() {
    let demo = Demo::start();
    let browser = Browser::start();
    let rows = "[...document.querySelectorAll('table.services tbody th a')].map((name) => name.textContent).join()";
    browser.load(&demo.url("/"));
    browser.until("all services", &format!("{rows} === 'api,web,worker'"));
    browser.type_into(".search input", "w");
    browser.until("those with a w", &format!("{rows} === 'web,worker'"));
    browser.type_into(".search input", "zzz");
    browser.until("words for nothing", "document.querySelector('.empty')");

    demo.until("changes", "/v1/journal?limit=20", |lines| {
        lines
            .as_array()
            .is_some_and(|lines| lines.iter().any(|line| line["service"] != "web"))
    });
    browser.go("#/journal?service=web&event=scaled");
    let only = "[...document.querySelectorAll('.journal li a')].every((name) => name.textContent === 'web')";
    browser.until(
        "web's changes",
        &format!("document.querySelector('.journal li') && {only}"),
    );
    assert_eq!(
        browser.js("return document.querySelector('select').value"),
        json!("web")
    );
    browser.is_clean();
}

#[test]
fn a_view_has_its_parts_in_order_whatever_was_there_before() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/"));
    let parts = "[...document.querySelectorAll('.view > *')].map((part) => part.className || part.getAttribute('aria-labelledby') || part.tagName).join(' ')";
    for before in ["#/services", "#/balancer", "#/telemetry", "#/journal"] {
        for _ in 0..2 {
            browser.go(before);
            browser.until(
                before,
                "document.querySelector('main h1') && !document.querySelector('main .loading')",
            );
            browser.go("#/services/web");
            browser.until(
                "a service",
                "document.querySelectorAll('.chart canvas').length >= 2 && document.querySelectorAll('.replicas-table tbody tr').length >= 2 && document.querySelector('#shadows')",
            );
            let order = browser.js(&format!("return {parts}"));
            let order = order.as_str().unwrap().replace("failed ", "");
            assert_eq!(
                order, "back heading lead facts SECTION decisions replicas shadows",
                "after {before}"
            );
        }
    }
}
