//! Chromium over WebDriver, with what a person would look for beside the page: errors in the console, requests, memory.
//!
//! WebDriver is JSON over HTTP, and the few commands that are needed here are sent with curl: a client of its own would bring
//! thirty packages.

use std::{
    io::Write as _,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// Long enough for anything here on a slow machine; nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Colour schemes and widths that every view is looked at in.
pub(crate) const LOOKS: [(&str, u32); 4] = [
    ("light", 1280),
    ("dark", 1280),
    ("dark", 360),
    ("light", 360),
];

const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    // No name but this machine's own: a request to anywhere else fails and is seen in the console.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
];

/// What an element is called in answers (WebDriver, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys as WebDriver writes them (section 17.4.2).
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Tab,
    Enter,
    Escape,
}

impl Key {
    const fn text(self) -> &'static str {
        match self {
            Self::Tab => "\u{E004}",
            Self::Enter => "\u{E007}",
            Self::Escape => "\u{E00C}",
        }
    }
}

/// A browser with one page; ends with the test.
pub(crate) struct Browser {
    driver: Child,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session.
        send("DELETE", &self.session, None).ok();
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

/// Sends a command; what went wrong comes as the driver says it.
fn send(method: &str, url: &str, body: Option<&Value>) -> Result<Value, String> {
    let mut curl = Command::new("curl")
        .args(["-s", "--max-time", "60", "-X", method, url])
        .args([
            "-H",
            "content-type: application/json",
            "--data-binary",
            "@-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    // Dropped at once, so that curl sees its end.
    curl.stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let output = curl.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{method} {url}: {error}"))?;
    match answer["value"]["error"].as_str() {
        Some(error) => Err(format!(
            "{method} {url}: {error}: {}",
            answer["value"]["message"]
        )),
        None => Ok(answer["value"].clone()),
    }
}

impl Browser {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let port = super::demo::free_port();
        let driver = Command::new("chromedriver")
            .args([format!("--port={port}"), "--log-level=OFF".to_owned()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: testbed/setup chromium chromium-driver");
        let url = format!("http://127.0.0.1:{port}/session");
        testbed::wait_for("chromedriver", PATIENCE, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .unwrap();
        let mut browser = Self {
            driver,
            session: url.clone(),
        };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": FLAGS},
        }}});
        let session = send("POST", &url, Some(&wanted));
        let session = session.expect("chromium is missing: testbed/setup chromium chromium-driver");
        browser.session = format!("{url}/{}", session["sessionId"].as_str().unwrap());
        browser.screen(1280, 900);
        browser
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        send("POST", &format!("{}/{path}", self.session), Some(body))
    }

    /// Loads a page anew, also where only the part after `#` differs.
    pub(crate) fn load(&self, url: &str) {
        self.post("url", &json!({"url": "about:blank"})).unwrap();
        self.post("url", &json!({"url": url})).unwrap();
    }

    /// Goes where a link would.
    pub(crate) fn go(&self, hash: &str) {
        self.js(&format!("location.hash = {}", json!(hash)));
    }

    /// Runs JavaScript and gives what it returns.
    pub(crate) fn js(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
            .unwrap()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&self, what: &str, expression: &str) {
        let script = format!("return Boolean({expression})");
        let holds = testbed::wait_for(what, PATIENCE, || (self.js(&script) == true).then_some(()));
        if holds.is_err() {
            let text = self.js("return document.body.innerText");
            self.picture("failed");
            panic!(
                "never: {what} ({expression})\n{}\n{:#?}",
                text.as_str().unwrap(),
                self.console()
            );
        }
    }

    /// Clicks what a selector finds, as soon as it is there.
    pub(crate) fn click(&self, css: &str) {
        self.until(css, &format!("document.querySelector({})", json!(css)));
        let found = self.found(css);
        self.post(&format!("element/{found}/click"), &json!({}))
            .unwrap();
    }

    /// Types into what a selector finds, in place of what is there.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        let found = self.found(css);
        self.post(&format!("element/{found}/clear"), &json!({}))
            .unwrap();
        self.post(&format!("element/{found}/value"), &json!({"text": text}))
            .unwrap();
    }

    fn found(&self, css: &str) -> String {
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.post("element", &wanted).unwrap();
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Presses a key where the focus is.
    pub(crate) fn press(&self, key: Key) {
        let active = send("GET", &format!("{}/element/active", self.session), None).unwrap();
        let active = active[ELEMENT].as_str().unwrap();
        self.post(
            &format!("element/{active}/value"),
            &json!({"text": key.text()}),
        )
        .unwrap();
    }

    /// A command of Chromium's own protocol.
    pub(crate) fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
        .unwrap()
    }

    /// A screen of that size; below 600 that of a phone.
    pub(crate) fn screen(&self, width: u32, height: u32) {
        let parameters = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.chromium("Emulation.setDeviceMetricsOverride", &parameters);
    }

    /// What the system prefers: `light` or `dark`.
    pub(crate) fn prefers(&self, scheme: &str) {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.chromium("Emulation.setEmulatedMedia", &json!({"features": feature}));
    }

    /// Bytes of the JavaScript heap after a collection.
    pub(crate) fn heap_bytes(&self) -> f64 {
        self.chromium("HeapProfiler.collectGarbage", &json!({}));
        let usage = self.chromium("Runtime.getHeapUsage", &json!({}));
        usage["usedSize"].as_f64().unwrap()
    }

    /// Errors and warnings in the console since it was last asked.
    pub(crate) fn console(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({"type": "browser"})).unwrap();
        let grave =
            |entry: &&Value| ["SEVERE", "WARNING"].contains(&entry["level"].as_str().unwrap());
        let entries = log.as_array().unwrap().iter().filter(grave);
        entries
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Nothing in the console, so no violation of the content security policy either, and no request to anybody else.
    pub(crate) fn is_clean(&self) {
        let console = self.console();
        assert!(console.is_empty(), "{console:#?}");
        let foreign = "return performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => new URL(name).origin !== location.origin)";
        assert_eq!(self.js(foreign), json!([]));
    }

    /// Keeps a picture, if somebody wants them.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test asks where to leave pictures"
    )]
    pub(crate) fn picture(&self, name: &str) {
        let Ok(folder) = std::env::var("PAGE_SCREENSHOTS") else {
            return;
        };
        // What moves has come to rest.
        thread::sleep(Duration::from_millis(300));
        let picture = send("GET", &format!("{}/screenshot", self.session), None).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let mut base64 = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = base64.stdin.take().unwrap();
        let text = picture.as_str().unwrap().to_owned();
        let writer = thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
        let picture = base64.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), picture).unwrap();
    }
}
