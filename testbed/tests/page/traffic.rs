//! Who talks to whom, and the replica that is sick: both as the demo really has them, in both schemes, wide and on a phone.

use super::{
    browser::{Browser, LOOKS, PATIENCE},
    demo::Demo,
};

/// The words of each row's ends.
const PAIRS: &str = "[...document.querySelectorAll('.talkers tbody tr .pair')].map((pair) => [...pair.querySelectorAll('.end')].map((end) => end.innerText.trim().replace(/\\s+/g, ' ')).join(' > '))";

/// The row of the replica that stands out, the first of all, and what is said of it.
const SICK: &str = "(() => { const [row, words] = document.querySelectorAll('.replicas-table tbody tr');
    return row?.className === 'outlier' && row.querySelector('th b').textContent === '2' && words?.className === 'outlier words' ? words.innerText : ''; })()";

fn text(browser: &Browser, script: &str) -> String {
    let found = browser.js(&format!("return {script}"));
    found.as_str().unwrap().to_owned()
}

fn picture(browser: &Browser, view: &str, (scheme, width): (&str, u32)) {
    browser.js("document.querySelector('h2[id=talkers], h2[id=replicas]').scrollIntoView()");
    let wider = browser.js("return document.documentElement.scrollWidth - innerWidth");
    assert!(wider.as_i64().unwrap() <= 0, "{view} is wider than {width}");
    browser.picture(&format!("{view}-{scheme}-{width}"));
}

fn talkers(browser: &Browser) {
    browser.go("#/telemetry");
    for pair in [
        "web > api",
        "api > web",
        "worker > api",
        "web > 203.0.113.7 outside",
    ] {
        browser.until(pair, &format!("{PAIRS}.includes('{pair}')"));
    }
    // Shares are of all bytes, the largest first, each with its unit and how far it may be off.
    let row = text(
        browser,
        "document.querySelector('.talkers tbody tr').innerText",
    );
    for words in ["tcp 8080", " %", "B/s", "± "] {
        assert!(row.contains(words), "{words:?} is missing in {row:?}");
    }
}

fn sick_replica(browser: &Browser) {
    browser.go("#/services/worker");
    browser.until("the sick replica first", &format!("{SICK} !== ''"));
    let words = text(browser, SICK);
    for expected in [
        "it needs ",
        "s of CPU for each MB of traffic, its siblings ",
        "no new connections",
        "since ",
    ] {
        assert!(words.contains(expected), "{expected:?} is not in {words:?}");
    }
    let row = "document.querySelector('.replicas-table tbody tr";
    let phase = text(browser, &format!("{row} td[data-label=Phase]').innerText"));
    assert_eq!(phase, "in quarantine");
    let heading = text(browser, "document.querySelector('#replicas').innerText");
    assert!(heading.contains("1 stands out"), "{heading}");
    let parts = text(
        browser,
        "[...document.querySelectorAll('.view > *')].map((part) => part.className || part.getAttribute('aria-labelledby') || part.tagName).join(' ')",
    );
    assert!(parts.starts_with("back heading lead facts "), "{parts}");
    assert!(parts.ends_with(" decisions replicas"), "{parts}");
}

#[test]
fn who_talks_to_whom_and_the_sick_replica_are_shown() {
    let demo = Demo::start();
    let browser = Browser::start();
    browser.load(&demo.url("/"));
    let quarantined = || {
        let replicas = demo.json("/v1/services/worker/replicas");
        let mut all = replicas["replicas"].as_array()?.iter();
        all.any(|replica| replica["outlier"]["quarantined"] == true)
            .then_some(())
    };
    testbed::wait_for("the quarantine", 3 * PATIENCE, quarantined).unwrap();
    for (scheme, width) in LOOKS {
        browser.prefers(scheme);
        browser.screen(width, 900);
        talkers(&browser);
        picture(&browser, "talkers", (scheme, width));
        sick_replica(&browser);
        picture(&browser, "outlier", (scheme, width));
    }
    // What is said of it stays together with its row, whatever the order.
    browser.screen(1280, 900);
    browser.click(".replicas-table thead th:nth-child(6) button");
    browser.until("the sick replica still first", &format!("{SICK} !== ''"));
    browser.is_clean();
}
