//! The server and the clients of `testbed::load` as programs.
//!
//! ```text
//!   load serve ADDRESS:PORT NAME            until `leave`, or the end, on standard input; says `ready`
//!   load ask ADDRESS:PORT FRESH KEPT REST_MS [REQUESTS]
//!                                           until the end of standard input, or REQUESTS times each; prints the report as JSON
//! ```

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::{
    env,
    io::{self, Read as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use testbed::load::{Pace, run, serve};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", address, name] => {
            let ready = || println!("ready");
            serve(address.parse()?, name, io::stdin().lock(), ready)?;
        }
        ["ask", target, fresh, kept, rest_ms, ref requests @ ..] => {
            let pace = Pace {
                fresh: fresh.parse()?,
                kept: kept.parse()?,
                rest: Duration::from_millis(rest_ms.parse()?),
            };
            let requests = match requests {
                [] => None,
                [requests] => Some(requests.parse()?),
                _ => bail!("too many arguments"),
            };
            let enough = Arc::new(AtomicBool::new(false));
            if requests.is_none() {
                let enough = Arc::clone(&enough);
                thread::spawn(move || {
                    io::stdin().lock().read_to_end(&mut Vec::new()).ok();
                    enough.store(true, Ordering::SeqCst);
                });
            }
            let report = run(target.parse()?, pace, requests, &enough);
            println!("{}", serde_json::to_string(&report)?);
        }
        _ => {
            bail!("usage: load serve ADDRESS NAME | load ask TARGET FRESH KEPT REST_MS [REQUESTS]")
        }
    }
    Ok(())
}
