//! An engine for unit tests: a unix socket that answers what a closure says, and remembers what it was asked.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

use crate::{Client, ClientOptions, Endpoint};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with its query.
    pub(crate) line: String,
    /// All header lines, in lower case.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Json(u16, String),
    /// Says nothing, ever.
    Hang,
    /// Closes the connection.
    Close,
    /// An answer that goes on: one line, a pause, and so on; then it stays open.
    Stream(Vec<(Duration, String)>),
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

pub(crate) struct FakeEngine {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl FakeEngine {
    pub(crate) fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let (asked, connections) = (
            Arc::<Mutex<Vec<Asked>>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let (log, count) = (Arc::clone(&asked), Arc::clone(&connections));
        let handler: Arc<Handler> = Arc::new(handler);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                open.spawn(serve(stream, Arc::clone(&log), Arc::clone(&handler)));
            }
        });
        Self {
            directory,
            asked,
            connections,
            task,
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    pub(crate) fn client(&self, options: ClientOptions) -> Client {
        Client::new(Endpoint::Unix(self.socket()), options).unwrap()
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: UnixStream,
    log: Arc<Mutex<Vec<Asked>>>,
    handler: Arc<Handler>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let asked = read(&mut stream).await?;
        log.lock().unwrap().push(asked.clone());
        match handler(&asked) {
            Reply::Json(status, body) => {
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n"
                );
                stream
                    .write_all(format!("{head}{body}").as_bytes())
                    .await
                    .ok()?;
            }
            Reply::Hang => std::future::pending().await,
            Reply::Close => return None,
            Reply::Stream(lines) => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await
                    .ok()?;
                for (pause, line) in lines {
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    let chunk = format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
                    stream.write_all(chunk.as_bytes()).await.ok()?;
                }
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn read(stream: &mut BufReader<UnixStream>) -> Option<Asked> {
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        if stream.read_line(&mut headers).await.ok()? == 0 {
            return None;
        }
    }
    let line = headers
        .lines()
        .next()?
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked {
        line,
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

/// A swarm of one manager and a service `web` with that many replicas and no tasks, for the four lists of a snapshot.
pub(crate) fn small_swarm(asked: &Asked, replicas: u32) -> Reply {
    let body = match asked.line.as_str() {
        "GET /info" => {
            r#"{"Name":"m1","Swarm":{"NodeID":"n1","ControlAvailable":true}}"#.to_owned()
        }
        "GET /nodes" => r#"[{"ID":"n1","Spec":{"Role":"manager"},"Status":{"State":"ready"},
            "ManagerStatus":{"Leader":true,"Reachability":"reachable"}}]"#
            .to_owned(),
        "GET /services" => format!(
            r#"[{{"ID":"s1","Version":{{"Index":7}},"Spec":{{"Name":"web","Mode":{{"Replicated":{{"Replicas":{replicas}}}}}}}}}]"#
        ),
        "GET /tasks" => "[]".to_owned(),
        _ => return Reply::Json(404, r#"{"message":"page not found"}"#.to_owned()),
    };
    Reply::Json(200, body)
}
