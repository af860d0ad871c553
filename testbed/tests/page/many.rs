//! Two hundred services with five thousand containers: what the page loads, how soon it draws, and what it keeps.

use std::time::Duration;

use super::{
    browser::Browser,
    demo::{Demo, free_port},
};

const FLEET: [&str; 4] = ["--services", "200", "--containers", "5000"];

/// Bytes of files and of everything else that were loaded, as they came over the wire.
const LOADED: &str = "return performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
    .filter((entry) => entry.name.includes('/page/') || entry.entryType === 'navigation')
    .reduce((sum, entry) => sum + entry.transferSize, 0)";

/// Longest time that the page could not draw, over three seconds, in milliseconds.
const STALL: &str = "const done = arguments[0]; let last = performance.now(), worst = 0; const end = last + 3000;
    const frame = (now) => { worst = Math.max(worst, now - last); last = now; now < end ? requestAnimationFrame(frame) : window.stall = worst; };
    window.stall = null; requestAnimationFrame(frame);";

fn counter(demo: &Demo, name: &str) -> f64 {
    let metrics = demo.get("/metrics").unwrap();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

fn stall_ms(browser: &Browser) -> f64 {
    browser.js(STALL);
    browser.until("three seconds of frames", "window.stall !== null");
    browser.js("return window.stall").as_f64().unwrap()
}

fn open(demo: &Demo) -> Browser {
    demo.until("200 services with telemetry", "/v1/services", |services| {
        services.as_array().is_some_and(|services| {
            services.len() == 200
                && services
                    .iter()
                    .all(|service| service["metrics"]["cpu_of_limit"].is_object())
        })
    });
    Browser::start()
}

#[test]
fn two_hundred_services_stay_small_and_fluent() {
    let demo = Demo::on(free_port(), &FLEET);
    let browser = open(&demo);
    browser.load(&demo.url("/"));
    browser.until(
        "all rows",
        "document.querySelectorAll('table.services tbody tr').length === 200",
    );
    let loaded = browser.js(LOADED).as_f64().unwrap();
    let stall = stall_ms(&browser);
    browser.picture("many");

    let before = counter(&demo, "swarmtide_page_stream_bytes_total");
    std::thread::sleep(Duration::from_secs(5));
    let stream = (counter(&demo, "swarmtide_page_stream_bytes_total") - before) / 5.0;
    let series = counter(&demo, "swarmtide_page_series_bytes");

    browser.load(&demo.url("/#/services/shop-web"));
    browser.until(
        "a chart",
        "performance.getEntriesByName('swarmtide-first-chart').length",
    );
    let chart = browser
        .js("return performance.getEntriesByName('swarmtide-first-chart')[0].startTime")
        .as_f64()
        .unwrap();
    browser.go("#/balancer/shop-web");
    browser.until("the balancer", "document.querySelectorAll('.vips li').length === 200 && document.querySelectorAll('.picture .task').length > 10");
    browser.picture("many-balancer");
    browser.go("#/telemetry");
    browser.until(
        "agents",
        "document.querySelectorAll('.agents tbody tr').length === 51",
    );
    browser.go("#/services");
    browser.until(
        "all rows again",
        "document.querySelectorAll('table.services tbody tr').length === 200",
    );
    let heap = browser.heap_bytes();
    browser.is_clean();
    println!(
        "files {loaded:.0} B, first chart after {chart:.0} ms, longest frame {stall:.0} ms, stream {stream:.0} B/s, heap {heap:.0} B, series {series:.0} B on the server"
    );
    // Sizes do not depend on the machine; times are only told.
    assert!(
        (1.0..120_000.0).contains(&loaded),
        "the page's files take {loaded} bytes"
    );
    assert!(
        stream < 200_000.0,
        "the stream takes {stream} bytes a second"
    );
    assert!(heap < 60e6, "the heap has {heap} bytes");
}

#[test]
#[ignore = "lasts as long as PAGE_SOAK says, ten minutes by default"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks how long it may last"
)]
fn the_heap_does_not_grow_with_time() {
    let minutes: u64 = std::env::var("PAGE_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let demo = Demo::on(free_port(), &FLEET);
    let browser = open(&demo);
    browser.load(&demo.url("/"));
    browser.until(
        "all rows",
        "document.querySelectorAll('table.services tbody tr').length === 200",
    );
    let mut heaps = Vec::new();
    for minute in 0..=minutes {
        let view = [
            "#/services",
            "#/services/shop-web",
            "#/balancer/shop-web",
            "#/telemetry",
            "#/journal",
        ][(minute % 5) as usize];
        browser.go(view);
        std::thread::sleep(Duration::from_secs(55));
        browser.go("#/services");
        std::thread::sleep(Duration::from_secs(5));
        let heap = browser.heap_bytes();
        println!(
            "minute {minute}, {view}: heap {heap:.0} B, longest frame {:.0} ms",
            stall_ms(&browser)
        );
        heaps.push(heap);
    }
    browser.is_clean();
    let (early, late) = (heaps[heaps.len() / 4], heaps[heaps.len() - 1]);
    assert!(late < early * 2.0, "{heaps:?}");
}
