//! The server: says its name and whom it sees, keeps connections open, and leaves as a well-behaved one does.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// What the connections of a server share.
#[derive(Debug, Default)]
struct State {
    leaving: AtomicBool,
    gone: AtomicBool,
    connections: AtomicUsize,
}

/// Serves until told to leave; `commands` are lines, of which `leave` is the only one, and their end ends the server at once.
///
/// Told to leave, the server goes on accepting, says `Connection: close` in every response, and is done when nobody has been
/// connected for a moment. `ready` is called once it listens.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve(
    address: SocketAddr,
    name: &str,
    commands: impl BufRead,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let state = Arc::new(State::default());
    let accepting = (Arc::clone(&state), name.to_owned());
    let address = listener.local_addr()?;
    let acceptor = thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if accepting.0.gone.load(Ordering::SeqCst) {
                return;
            }
            let (state, name) = (Arc::clone(&accepting.0), accepting.1.clone());
            state.connections.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                // A client that goes away is its own affair.
                answer(&stream, &name, &state).ok();
                drop(stream);
                state.connections.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    ready();
    let mut told = commands.lines().map_while(Result::ok);
    if told.any(|line| line == "leave") {
        state.leaving.store(true, Ordering::SeqCst);
        let mut alone = 0;
        while alone < 20 {
            let nobody = state.connections.load(Ordering::SeqCst) == 0;
            alone = if nobody { alone + 1 } else { 0 };
            thread::sleep(Duration::from_millis(5));
        }
    }
    // A connection of its own wakes the thread that accepts.
    state.gone.store(true, Ordering::SeqCst);
    drop(TcpStream::connect(address));
    acceptor.join().ok();
    Ok(())
}

fn answer(stream: &TcpStream, name: &str, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?.ip().to_canonical();
    let mut reader = BufReader::new(stream);
    loop {
        let Some(mut close) = request(&mut reader)? else {
            return Ok(());
        };
        close |= state.leaving.load(Ordering::SeqCst);
        let body = format!("{name} {peer}\n");
        let connection = if close { "close" } else { "keep-alive" };
        let response = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            body.len()
        );
        (&mut &*stream).write_all(response.as_bytes())?;
        if close {
            return Ok(());
        }
    }
}

/// Reads a request: whether the client wants the connection closed after it, or `None` at the end.
fn request(reader: &mut impl BufRead) -> io::Result<Option<bool>> {
    let (mut line, mut close, mut first) = (String::new(), false, true);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return if first {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        first = false;
        match line.trim_end() {
            "" => return Ok(Some(close)),
            header => close |= header.eq_ignore_ascii_case("connection: close"),
        }
    }
}
