//! The clients: some open a connection for every request, some keep theirs.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// How long a request may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(10);

/// Most failures that are told in full.
const FAILURES_TOLD: usize = 20;

/// How many clients there are, and how they go about it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Clients that open a connection for every request.
    pub fresh: usize,
    /// Clients that keep one connection for all requests, as long as the server does.
    pub kept: usize,
    /// Each client's rest between two requests.
    pub rest: Duration,
}

/// What the clients met with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Requests that were answered in full.
    pub answered: u64,
    /// Of these, requests over connections that had carried one before.
    pub over_kept: u64,
    /// Requests that failed, whatever the cause.
    pub failed: u64,
    /// Of these, requests that ended by a reset, or by the end of the connection.
    pub reset: u64,
    /// Of those that failed, requests over connections that had carried one before: established connections that were lost.
    pub lost: u64,
    /// Connections opened.
    pub connections: u64,
    /// Kept connections that the server asked to close, as one that leaves does.
    pub closed_by_server: u64,
    /// Answers by the name of the server.
    pub servers: BTreeMap<String, u64>,
    /// Answers by the client's address as the server saw it.
    pub seen_as: BTreeMap<String, u64>,
    /// What failed, the first twenty.
    pub failures: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.over_kept += other.over_kept;
        self.failed += other.failed;
        self.reset += other.reset;
        self.lost += other.lost;
        self.connections += other.connections;
        self.closed_by_server += other.closed_by_server;
        for (name, count) in other.servers {
            *self.servers.entry(name).or_default() += count;
        }
        for (address, count) in other.seen_as {
            *self.seen_as.entry(address).or_default() += count;
        }
        let room = FAILURES_TOLD.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }
}

/// Asks until `enough` is set, or until each client has asked `requests` times.
#[must_use]
pub fn run(target: SocketAddr, pace: Pace, requests: Option<u64>, enough: &AtomicBool) -> Report {
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for number in 0..pace.fresh + pace.kept {
            let report = &report;
            scope.spawn(move || {
                let mut client = Client::new(target, number >= pace.fresh);
                let mut left = requests.unwrap_or(u64::MAX);
                while left > 0 && !enough.load(Ordering::SeqCst) {
                    left -= 1;
                    client.ask();
                    thread::sleep(pace.rest);
                }
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.add(client.report);
            });
        }
    });
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

struct Client {
    target: SocketAddr,
    keeps: bool,
    connection: Option<BufReader<TcpStream>>,
    report: Report,
}

/// An answer: the server's name, the address it saw, and whether it closes the connection.
struct Answer {
    server: String,
    seen_as: String,
    closes: bool,
}

impl Client {
    fn new(target: SocketAddr, keeps: bool) -> Self {
        Self {
            target,
            keeps,
            connection: None,
            report: Report::default(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a client on a real network lives in real time"
    )]
    fn ask(&mut self) {
        let begin = Instant::now();
        let had_one = self.connection.is_some();
        match self.try_ask() {
            Ok(answer) => {
                self.report.answered += 1;
                self.report.over_kept += u64::from(had_one);
                *self.report.servers.entry(answer.server).or_default() += 1;
                *self.report.seen_as.entry(answer.seen_as).or_default() += 1;
                if answer.closes || !self.keeps {
                    self.report.closed_by_server += u64::from(self.keeps);
                    self.connection = None;
                }
            }
            Err((step, error)) => {
                self.connection = None;
                self.report.failed += 1;
                self.report.lost += u64::from(had_one);
                let gone = [
                    io::ErrorKind::ConnectionReset,
                    io::ErrorKind::BrokenPipe,
                    io::ErrorKind::UnexpectedEof,
                ];
                self.report.reset += u64::from(gone.contains(&error.kind()));
                if self.report.failures.len() < FAILURES_TOLD {
                    let kind = if had_one { "kept" } else { "new" };
                    let after = begin.elapsed();
                    let told = format!("{kind} connection, {step}: {error} after {after:.1?}");
                    self.report.failures.push(told);
                }
            }
        }
    }

    fn try_ask(&mut self) -> Result<Answer, (&'static str, io::Error)> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = connect(self.target).map_err(|error| ("connecting", error))?;
                self.report.connections += 1;
                BufReader::new(stream)
            }
        };
        let connection = self.connection.insert(connection);
        let header = if self.keeps { "keep-alive" } else { "close" };
        let request = format!("GET / HTTP/1.1\r\nHost: test\r\nConnection: {header}\r\n\r\n");
        let sent = connection.get_ref().write_all(request.as_bytes());
        sent.map_err(|error| ("sending", error))?;
        response(connection).map_err(|error| ("receiving", error))
    }
}

fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn response(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let (mut length, mut closes, mut first) = (None, false, true);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if std::mem::take(&mut first) && line != "http/1.1 200 ok" {
            return Err(invalid());
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok();
        }
        closes |= line == "connection: close";
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length.filter(|length| *length < 4096).ok_or_else(invalid)?];
    connection.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(|_| invalid())?;
    let (server, seen_as) = body.trim_end().split_once(' ').ok_or_else(invalid)?;
    Ok(Answer {
        server: server.to_owned(),
        seen_as: seen_as.to_owned(),
        closes,
    })
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::mpsc};

    use super::*;

    /// A server on a free port, told `leave` when the sender goes.
    fn server(name: &'static str) -> (SocketAddr, mpsc::Sender<()>, thread::JoinHandle<()>) {
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let (told, telling) = mpsc::channel();
        let (listens, listening) = mpsc::channel();
        let server = thread::spawn(move || {
            let commands = Told(telling, b"leave\n");
            let ready = || listens.send(()).unwrap();
            crate::load::serve(address, name, BufReader::new(commands), ready).unwrap();
        });
        listening.recv().unwrap();
        (address, told, server)
    }

    /// Reads nothing until the other end of the channel goes, and then the text.
    struct Told(mpsc::Receiver<()>, &'static [u8]);

    impl Read for Told {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.recv().ok();
            self.1.read(buffer)
        }
    }

    const PACE: Pace = Pace {
        fresh: 2,
        kept: 2,
        rest: Duration::ZERO,
    };

    #[test]
    fn a_server_that_leaves_harms_nobody_and_one_that_is_gone_is_noticed() {
        let (address, told, server) = server("one");
        let enough = AtomicBool::new(false);
        let before = run(address, PACE, Some(50), &enough);
        assert_eq!((before.answered, before.failed), (200, 0), "{before:?}");
        assert_eq!((before.connections, before.over_kept), (102, 98));
        assert_eq!(before.servers, BTreeMap::from([("one".to_owned(), 200)]));

        let during = thread::scope(|scope| {
            let clients = scope.spawn(|| {
                let rest = Duration::from_millis(1);
                run(address, Pace { rest, ..PACE }, Some(500), &enough)
            });
            thread::sleep(Duration::from_millis(20));
            drop(told);
            clients.join().unwrap()
        });
        server.join().unwrap();
        assert_eq!((during.answered, during.failed), (2000, 0), "{during:?}");
        assert!(during.closed_by_server > 0, "{during:?}");

        let after = run(address, PACE, Some(1), &AtomicBool::new(false));
        assert_eq!((after.answered, after.failed), (0, 4), "{after:?}");
        assert!(after.failures[0].contains("connecting"), "{after:?}");
    }
}
