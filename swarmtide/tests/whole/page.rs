//! What the page asks for: its files, its streams, series and replicas, with and without a token.

use serde_json::Value;
use swarmtide::client;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::rig::{PATIENCE, Rig, web, world};

/// A request whose answer is read piece by piece, as text.
struct Asked {
    stream: TcpStream,
    text: String,
}

impl Asked {
    async fn open(url: &str, path: &str, headers: &str) -> Self {
        let address = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = String::new();
        Self { stream, text }
    }

    /// Reads until the text fits.
    async fn until(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> &str {
        let work = async {
            while !fits(&self.text) {
                let mut piece = [0; 4096];
                let count = self.stream.read(&mut piece).await.unwrap();
                assert!(count > 0, "ended without {what}: {}", self.text);
                self.text
                    .push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        };
        assert!(
            timeout(PATIENCE, work).await.is_ok(),
            "never {what}: {}",
            self.text
        );
        &self.text
    }

    /// The events that came so far.
    fn events(&self) -> Vec<Value> {
        let whole = self.text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let data = whole.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|json| serde_json::from_str(json).unwrap())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_the_page_and_a_program_the_index() {
    let rig = Rig::start(world(web(0.5))).await;
    let (status, index) = rig.get("/").await;
    assert_eq!((status, &index["name"]), (200, &"swarmtide".into()));
    let mut page = Asked::open(
        &rig.url,
        "/",
        "Accept: text/html,*/*;q=0.8\r\nConnection: close\r\n",
    )
    .await;
    let text = page.until("a page", |text| text.contains("</html>")).await;
    let head = text.to_ascii_lowercase();
    for header in [
        "content-type: text/html",
        "content-security-policy: default-src 'none'",
        "x-content-type-options: nosniff",
        "etag: \"",
        "vary: accept",
    ] {
        assert!(head.contains(header), "{header}: {text}");
    }
    for path in [
        "/page/app.mjs",
        "/page/app.css",
        "/page/vendor/uPlot.iife.min.js",
    ] {
        assert_eq!(rig.get(path).await.0, 200, "{path}");
    }
    for path in [
        "/page/",
        "/page/index.html",
        "/page/vendor/README.md",
        "/page/..%2FCargo.toml",
    ] {
        assert_eq!(rig.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_begins_with_all_rows_and_ends_with_the_sidecar() {
    let mut rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    let mut stream = Asked::open(&rig.url, "/v1/stream?view=services", "").await;
    stream
        .until("three events", |text| {
            text.matches("event: rows").count() > 2
        })
        .await;
    let events = stream.events();
    let (first, row) = (&events[0], &events[0]["rows"][0]);
    assert_eq!(
        (&first["full"], &row["name"]),
        (&true.into(), &"web".into())
    );
    assert_eq!(
        (&row["replicas"], &row["min"], &row["max"]),
        (&2.into(), &2.into(), &6.into())
    );
    assert_eq!(row["load"]["metric"], "cpu_of_limit");
    assert!(
        row["words"]
            .as_str()
            .unwrap()
            .starts_with("Held at 2 replicas:"),
        "{row}"
    );
    assert!(first["first"]["sparks"]["web"].is_array(), "{first}");
    assert_eq!(first["head"]["leadership"], "leader");
    assert_eq!(events[1]["full"], false);

    rig.put("/v1/services/web/state", r#"{"state":"dry-run"}"#)
        .await;
    stream
        .until("the state", |text| text.contains(r#""state":"dry-run""#))
        .await;
    let metrics = String::from_utf8(client::get(&rig.url, "/metrics").await.unwrap().1).unwrap();
    assert!(metrics.contains("swarmtide_page_streams 1\n"), "{metrics}");
    rig.sidecar.take().unwrap().stop().await;
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "it breaks off");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_listeners_are_told_so() {
    let rig = Rig::start_with(world(web(0.5)), |config| config.http.streams_max = 1).await;
    let path = "/v1/stream?view=balancer";
    let mut one = Asked::open(&rig.url, path, "").await;
    one.until("rows", |text| text.contains("event: rows")).await;
    let (status, problem) = rig.get(path).await;
    assert_eq!(status, 503, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("http.streams_max")
    );
    let (status, problem) = rig.get("/v1/stream?view=nope").await;
    assert_eq!(status, 400, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn series_and_replicas_tell_what_a_service_does() {
    let window = swarmtide::config::Span::from_millis(90_000);
    let rig = Rig::start_with(world(web(0.5)), move |config| {
        config.http.series_window = window
    })
    .await;
    rig.until_held("within_band").await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let series = loop {
        let (status, series) = rig.get("/v1/services/web/series").await;
        let cpu = series["metrics"]["cpu_of_limit"].as_array();
        if status == 200 && cpu.is_some_and(|cpu| cpu.iter().any(|value| !value.is_null())) {
            break series;
        }
        assert!(tokio::time::Instant::now() < deadline, "{series:#}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let length = series["unix_ms"].as_array().unwrap().len();
    for column in [
        "replicas", "serving", "wanted", "min", "max", "load", "coverage",
    ] {
        assert_eq!(series[column].as_array().unwrap().len(), length, "{column}");
    }
    let from = series["unix_ms"][length - 1].as_u64().unwrap();
    let (_, newer) = rig
        .get(&format!("/v1/services/web/series?from={from}&points=5"))
        .await;
    assert_eq!(newer["unix_ms"][0].as_u64(), Some(from));

    let (status, replicas) = rig.get("/v1/services/web/replicas").await;
    assert_eq!(
        (status, &replicas["total"]),
        (200, &2.into()),
        "{replicas:#}"
    );
    let one = &replicas["replicas"][0];
    assert_eq!(
        (&one["slot"], &one["phase"], &one["fresh"]),
        (&1.into(), &"serving".into(), &true.into())
    );
    assert!(
        one["cpu_of_limit"].is_f64() && one["outlier"].is_null(),
        "{one:#}"
    );
    assert_eq!(one["container"].as_str().unwrap().len(), 12);
    let (_, fewer) = rig.get("/v1/services/web/replicas?limit=1").await;
    assert_eq!(
        (&fewer["total"], fewer["replicas"].as_array().unwrap().len()),
        (&2.into(), 1)
    );
    for (path, status) in [
        ("/v1/services/nope/series", 404),
        ("/v1/services/nope/replicas", 404),
        ("/v1/services/web/series?points=0", 400),
        ("/v1/services/web/replicas?limit=0", 400),
    ] {
        assert_eq!(rig.get(path).await.0, status, "{path}");
    }
    let (_, detail) = rig.get("/v1/services/web?decisions=0").await;
    assert_eq!(detail["decisions"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_reads_covers_the_data_and_not_the_files() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "0123456789abcdef0123\n").unwrap();
    let file = token.path().to_owned();
    let rig = Rig::start_with(world(web(0.5)), move |config| {
        config.http.read_token_file = Some(file);
    })
    .await;
    assert_eq!(rig.get("/page/app.mjs").await.0, 200);
    for path in [
        "/",
        "/v1/stream?view=services",
        "/v1/services/web/series",
        "/v1/services/web/replicas",
    ] {
        assert_eq!(rig.get(path).await.0, 401, "{path}");
    }
    let mut page = Asked::open(&rig.url, "/", "Accept: text/html\r\nConnection: close\r\n").await;
    page.until("the page", |text| text.contains("</html>"))
        .await;
    let with = "Authorization: Bearer 0123456789abcdef0123\r\n";
    let mut stream = Asked::open(&rig.url, "/v1/stream?view=services", with).await;
    stream
        .until("rows", |text| text.contains("event: rows"))
        .await;
}
