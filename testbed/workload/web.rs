//! The workload of the tests: a tiny web server that can burn processor time and send bytes. One file, no dependencies.
//!
//!   web [PORT]      serve (default 8080):  GET /         the host's name
//!                                          GET /burn/MS  the same after MS milliseconds of computing
//!                                          GET /bytes/N  N bytes
//!                                          GET /hold/N   takes N bytes of memory and keeps them
//!                                          GET /write/N  writes N bytes to a file, and to its disk
//!                                          GET /direct/N writes N bytes past the page cache, and reads them back
//!   web check PORT  exit with 0 if a server on this host answers: a health check
//!   web fail        exit with 1 after a moment: a bad release
//!
//! Called as `sh -c 'web …'` it does the same: Docker runs health checks through /bin/sh, and the image has no other.
//!
//! It ends at once on SIGTERM: a process that is pid 1 of its container and has no handler would wait for SIGKILL.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt,
    process::ExitCode,
    time::{Duration, Instant},
};

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn _exit(code: i32) -> !;
}

const SIGTERM: i32 = 15;

extern "C" fn end(_: i32) {
    // SAFETY: _exit is safe to call in a signal handler.
    unsafe { _exit(0) }
}

fn main() -> ExitCode {
    // SAFETY: the handler calls nothing but _exit.
    unsafe { signal(SIGTERM, end as *const () as usize) };
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "-c", command] => command.split_whitespace().skip(1).collect(),
        [_, ref words @ ..] => words.to_vec(),
        [] => Vec::new(),
    };
    match words[..] {
        ["fail"] => {
            std::thread::sleep(Duration::from_millis(200));
            ExitCode::FAILURE
        }
        ["check", port] => check(port).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        [] => serve("8080"),
        [port, ..] => serve(port),
    }
}

fn check(port: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut start = [0; 5];
    stream.read_exact(&mut start)?;
    if &start == b"HTTP/" {
        Ok(())
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

fn serve(port: &str) -> ExitCode {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let listener = match TcpListener::bind(format!("0.0.0.0:{port}")) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot listen on port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for stream in listener.incoming().flatten() {
        let host = host.trim().to_owned();
        // A client that goes away is its own affair.
        std::thread::spawn(move || answer(stream, &host).ok());
    }
    ExitCode::SUCCESS
}

fn answer(mut stream: TcpStream, host: &str) -> io::Result<()> {
    let mut request = String::new();
    BufReader::new((&stream).take(4096)).read_line(&mut request)?;
    let path = request.split(' ').nth(1).unwrap_or("/");
    let number = |prefix| path.strip_prefix(prefix)?.parse::<u64>().ok();
    let body = if let Some(ms) = number("/burn/") {
        format!("{host} {}\n", burn(Duration::from_millis(ms))).into_bytes()
    } else if let Some(count) = number("/hold/") {
        // Every byte is written, or the kernel would not give the pages; nobody frees it.
        let held = vec![1_u8; usize::try_from(count).unwrap_or(0)].leak();
        format!("{host} holds {}\n", held.len()).into_bytes()
    } else if let Some(count) = number("/write/") {
        format!("{host} wrote {}\n", write_file(count)?).into_bytes()
    } else if let Some(count) = number("/direct/") {
        format!("{host} wrote and read {}\n", direct(count)?).into_bytes()
    } else if let Some(count) = number("/bytes/") {
        vec![b'x'; usize::try_from(count.min(64 << 20)).unwrap_or(0)]
    } else {
        format!("{host}\n").into_bytes()
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

fn write_file(count: u64) -> io::Result<u64> {
    let mut file = std::fs::File::create("/tmp/written")?;
    let written = io::copy(&mut io::repeat(b'x').take(count), &mut file)?;
    file.sync_all()?;
    Ok(written)
}

/// Whole blocks of a mebibyte, without the page cache.
fn direct(count: u64) -> io::Result<u64> {
    #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
    const O_DIRECT: i32 = 0o200_000;
    #[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
    const O_DIRECT: i32 = 0o40_000;
    const BLOCK: usize = 1 << 20;
    const PAGE: usize = 4096;
    let mut memory = vec![b'x'; BLOCK + PAGE];
    let begin = memory.as_ptr().align_offset(PAGE);
    let block = &mut memory[begin..begin + BLOCK];
    let mut options = OpenOptions::new();
    options.custom_flags(O_DIRECT).write(true).create(true).truncate(true);
    let mut file = options.open("/tmp/direct")?;
    let blocks = count / BLOCK as u64;
    for _ in 0..blocks {
        file.write_all(block)?;
    }
    let mut file = OpenOptions::new().custom_flags(O_DIRECT).read(true).open("/tmp/direct")?;
    for _ in 0..blocks {
        file.read_exact(block)?;
    }
    Ok(blocks * BLOCK as u64)
}

fn burn(time: Duration) -> u64 {
    let begin = Instant::now();
    let mut x = 1_u64;
    while begin.elapsed() < time {
        for i in 0..1000 {
            x = x.wrapping_mul(i | 1).wrapping_add(7);
        }
    }
    x
}
