//! Datagrams from the wire, until a signal or the number asked for.
//!
//! One socket and no thread beside: this is for looking, the collector is what keeps up with a swarm.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::{
    net::UdpSocket,
    signal::unix::{SignalKind, signal},
};

use super::{Printer, SflowArgs, json::Arrival};
use crate::clock::Clock;

/// Largest UDP payload there is.
const MAX_DATAGRAM_BYTES: usize = 65_535;

/// Prints what arrives until SIGINT or SIGTERM, or until there was enough.
pub(super) fn until_signal(args: &SflowArgs, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?
        .block_on(receive(args, printer))
}

async fn receive(args: &SflowArgs, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let socket = UdpSocket::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on UDP {}", args.listen))?;
    let address = socket
        .local_addr()
        .context("cannot tell the address of the socket")?;
    writeln!(printer.err, "listening on UDP {address}")?;
    printer.err.flush()?;
    let clock = Clock::start();
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    while !args.enough(&printer.totals) {
        let (length, source) = tokio::select! {
            biased;
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            received = socket.recv_from(&mut buffer) => received.context("cannot receive")?,
        };
        let arrival = Arrival {
            timestamp: timestamp(&clock),
            source: plain(source),
        };
        printer.datagram(buffer.get(..length).unwrap_or_default(), arrival)?;
        printer.out.flush()?;
    }
    Ok(())
}

fn timestamp(clock: &Clock) -> Option<jiff::Timestamp> {
    let unix_ms = i64::try_from(clock.unix_ms()).ok()?;
    jiff::Timestamp::from_millisecond(unix_ms).ok()
}

/// An IPv4 address as such, where a socket of both kinds gives it as one of IPv6.
fn plain(source: SocketAddr) -> SocketAddr {
    match source.ip().to_canonical() {
        ip if ip.is_ipv4() => SocketAddr::new(ip, source.port()),
        _ => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_not_written_as_one_of_ipv6() {
        for (given, printed) in [
            ("[::ffff:10.0.0.1]:9", "10.0.0.1:9"),
            ("10.0.0.1:9", "10.0.0.1:9"),
            ("[fe80::1%3]:9", "[fe80::1%3]:9"),
        ] {
            assert_eq!(plain(given.parse().unwrap()).to_string(), printed);
        }
    }
}
