mod tls;

use std::sync::Mutex;

use axum::{Router, extract::State, http::HeaderMap};
use scaler::EventKind;
use tokio::net::TcpListener;

use super::*;

/// What a receiver got: signature and body.
type Got = Arc<Mutex<Vec<(String, String)>>>;

/// A receiver that answers with these statuses in turn, then with 204.
async fn receiver(statuses: &[u16]) -> (Url, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=1", listener.local_addr().unwrap());
    let (router, got) = taking(statuses);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url.parse().unwrap(), got)
}

/// What takes the posts of a receiver.
fn taking(statuses: &[u16]) -> (Router, Got) {
    let got = Got::default();
    let state = (Arc::clone(&got), Arc::new(Mutex::new(statuses.to_vec())));
    type Receiver = (Got, Arc<Mutex<Vec<u16>>>);
    async fn take(
        State((got, statuses)): State<Receiver>,
        headers: HeaderMap,
        body: String,
    ) -> axum::http::StatusCode {
        let signature = headers
            .get("x-swarmtide-signature")
            .map(|value| value.to_str().unwrap().to_owned());
        got.lock()
            .unwrap()
            .push((signature.unwrap_or_default(), body));
        let mut statuses = statuses.lock().unwrap();
        let status = if statuses.is_empty() {
            204
        } else {
            statuses.remove(0)
        };
        axum::http::StatusCode::from_u16(status).unwrap()
    }
    (Router::new().fallback(take).with_state(state), got)
}

fn options(urls: Vec<Url>) -> WebhookOptions {
    WebhookOptions {
        urls,
        secret: Some(b"a secret of the two".to_vec()),
        events: Vec::new(),
        queue: 3,
        attempts: 3,
        timeout: Duration::from_secs(10),
        ca_file: "/nonexistent".into(),
    }
}

fn event(to: u32) -> Event {
    Event {
        unix_ms: 1,
        service: Some("web".into()),
        kind: EventKind::Scaled { from: 1, to },
        words: String::new(),
    }
}

struct Rig {
    hooks: Webhooks,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

fn start(options: WebhookOptions) -> Rig {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let hooks = Webhooks::start(options, &Clock::start(), &mut tasks, &stopped).unwrap();
    Rig { hooks, tasks, stop }
}

impl Rig {
    /// Waits until nothing is waiting any more.
    async fn done(&self) -> WebhookStats {
        loop {
            let stats = self.hooks.stats().remove(0);
            if stats.waiting == 0 {
                return stats;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn an_event_is_signed_and_delivered() {
    let (url, got) = receiver(&[]).await;
    let rig = start(options(vec![url]));
    rig.hooks.tell(&event(2));
    assert_eq!(rig.done().await.delivered, 1);
    let (signature, body) = got.lock().unwrap().remove(0);
    assert_eq!(serde_json::from_str::<Event>(&body).unwrap(), event(2));
    let seconds = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split(',').next())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of the two");
    assert_eq!(signature, sign(&key, seconds.parse().unwrap(), &body));
}

/// RFC 4231, test case 2, so that others compute the same.
#[test]
fn the_signature_is_hmac_sha256() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
    let tag = hmac::sign(&key, b"what do ya want for nothing?");
    assert_eq!(tag.as_ref()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    assert!(sign(&key, 7, "{}").starts_with("t=7,v1="));
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_until_it_is_taken_or_given_up() {
    let (url, got) = receiver(&[500, 429]).await;
    let rig = start(options(vec![url]));
    rig.hooks.tell(&event(2));
    let stats = rig.done().await;
    assert_eq!((stats.delivered, stats.retries, stats.given_up), (1, 2, 0));
    assert_eq!(got.lock().unwrap().len(), 3);

    let (url, got) = receiver(&[500, 500, 500]).await;
    let rig = start(options(vec![url]));
    rig.hooks.tell(&event(2));
    let stats = rig.done().await;
    assert_eq!((stats.delivered, stats.retries, stats.given_up), (0, 2, 1));
    assert_eq!(got.lock().unwrap().len(), 3);

    let (url, got) = receiver(&[404]).await;
    let rig = start(options(vec![url]));
    rig.hooks.tell(&event(2));
    let stats = rig.done().await;
    assert_eq!((stats.retries, stats.given_up), (0, 1), "refused for good");
    assert_eq!(got.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_nobody_up_and_its_queue_is_bounded() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging: Url = format!("http://{}/", silent.local_addr().unwrap())
        .parse()
        .unwrap();
    let (url, _got) = receiver(&[]).await;
    let rig = start(WebhookOptions {
        queue: 10,
        ..options(vec![hanging, url])
    });
    for to in 0..10 {
        rig.hooks.tell(&event(to));
    }
    while rig.hooks.stats()[1].delivered < 10 {
        sleep(Duration::from_millis(5)).await;
    }
    for to in 0..5 {
        rig.hooks.tell(&event(to));
    }
    let stats = rig.hooks.stats().remove(0);
    assert_eq!(stats.delivered, 0);
    assert!(stats.dropped >= 4, "{stats:?}");
}

#[tokio::test]
async fn only_the_kinds_asked_for_are_sent_and_the_queue_is_emptied_at_the_end() {
    let (url, got) = receiver(&[]).await;
    let mut rig = start(WebhookOptions {
        events: vec!["at_maximum".to_owned()],
        ..options(vec![url])
    });
    rig.hooks.tell(&event(2));
    rig.hooks.tell(&Event {
        kind: EventKind::AtMaximum { wanted: 9, max: 8 },
        ..event(2)
    });
    rig.stop.send_replace(true);
    while rig.tasks.join_next().await.is_some() {}
    assert_eq!(got.lock().unwrap().len(), 1);
    assert_eq!(rig.hooks.stats()[0].delivered, 1);
}

#[tokio::test]
async fn https_needs_authorities_and_says_so() {
    let (_stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let options = options(vec!["https://example.org/".parse().unwrap()]);
    let error = Webhooks::start(options, &Clock::start(), &mut tasks, &stopped).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("webhooks.ca_file /nonexistent cannot be read"),
        "{error}"
    );
}
