//! `swarmtide sflow`: prints sFlow datagrams from a capture file or from the wire, as text or as JSON lines.
//!
//! In the spirit of `sflowtool`, with the codec of the `sflow` crate. It keeps no state between datagrams: no rates, no joining of
//! containers with services. What cannot be decoded is said on standard error and counted at the end.
//!
//! `docs/sflow.md` says what is printed of a sample.

mod capture;
mod json;
mod packet;
mod receive;
mod text;

use std::{
    fs::File,
    io::{BufReader, BufWriter, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use sflow::Datagram;

use capture::{Capture, CaptureError};
use json::{Arrival, SampleLine};

/// What to read and how to print it.
#[derive(Debug, Clone, clap::Args)]
pub struct SflowArgs {
    /// Capture file to read, pcap or pcapng; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    pub pcap: Option<PathBuf>,

    /// Address to receive datagrams on; this is the default when no file is given
    #[arg(long, value_name = "ADDR", default_value = "[::]:6343")]
    pub listen: SocketAddr,

    /// How to print a sample
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Destination port of the datagrams to take from a capture, or `any`
    #[arg(long, value_name = "PORT", default_value = "6343")]
    pub port: PortFilter,

    /// Stop after this many datagrams
    #[arg(long, value_name = "NUMBER")]
    pub count: Option<u64>,
}

/// How a sample is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line for each field
    Text,
    /// A JSON object on a line for each sample
    Json,
}

/// Which UDP destination ports of a capture carry sFlow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortFilter {
    /// All of them.
    Any,
    /// This one.
    Port(u16),
}

impl PortFilter {
    fn admits(self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Port(wanted) => wanted == port,
        }
    }
}

impl FromStr for PortFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "any" {
            return Ok(Self::Any);
        }
        let port = text
            .parse()
            .map_err(|_| format!("`{text}` is neither a port number nor `any`"))?;
        Ok(Self::Port(port))
    }
}

/// Prints what `args` asks for to `out`; what is wrong with the input goes to `err`, with totals at the end, also where SIGINT or
/// SIGTERM ends the listening.
///
/// # Errors
/// The file or socket cannot be opened, the file is no capture of a kind that is known, or `out` cannot be written. Datagrams that
/// cannot be decoded, and a capture that ends in the middle of a packet, are no errors.
pub fn run(args: &SflowArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    let mut printer = Printer {
        format: args.format,
        out: &mut out,
        err,
        totals: Totals::default(),
    };
    match &args.pcap {
        Some(path) => read_capture(args, path, &mut printer)?,
        None => receive::until_signal(args, &mut printer)?,
    }
    printer.finish()
}

impl SflowArgs {
    /// Whether there have been as many datagrams as were asked for.
    fn enough(&self, totals: &Totals) -> bool {
        self.count.is_some_and(|count| totals.datagrams >= count)
    }
}

fn read_capture(args: &SflowArgs, path: &Path, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let mut capture = Capture::open(BufReader::new(input))
        .with_context(|| format!("cannot read {}", path.display()))?;
    loop {
        let frame = match capture.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(error @ CaptureError::Read(_)) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
            Err(error) => {
                writeln!(
                    printer.err,
                    "{}: {error}; what came before it was printed",
                    path.display()
                )?;
                return Ok(());
            }
        };
        let Some(udp) = packet::udp(frame.link_type, &frame.bytes) else {
            printer.totals.other_packets += 1;
            continue;
        };
        if !args.port.admits(udp.destination_port) {
            printer.totals.other_packets += 1;
            continue;
        }
        let arrival = Arrival {
            timestamp: frame.timestamp,
            source: udp.source,
        };
        printer.datagram(udp.payload, arrival)?;
        if args.enough(&printer.totals) {
            return Ok(());
        }
    }
}

#[derive(Debug, Default)]
struct Totals {
    datagrams: u64,
    samples: u64,
    decode_errors: u64,
    other_packets: u64,
}

/// Decodes and prints datagrams, and counts.
struct Printer<'a> {
    format: Format,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    totals: Totals,
}

impl Printer<'_> {
    fn datagram(&mut self, bytes: &[u8], arrival: Arrival) -> anyhow::Result<()> {
        self.totals.datagrams += 1;
        let datagram = match Datagram::decode(bytes) {
            Ok(datagram) => datagram,
            Err(error) => return self.complain(&error),
        };
        for sample in datagram.samples() {
            let sample = match sample {
                Ok(sample) => sample,
                Err(error) => {
                    self.complain(&error)?;
                    continue;
                }
            };
            self.totals.samples += 1;
            let (line, errors) = SampleLine::new(&datagram, arrival, &sample);
            match self.format {
                Format::Json => {
                    serde_json::to_writer(&mut *self.out, &line).map_err(std::io::Error::from)?;
                    writeln!(self.out)?;
                }
                Format::Text => text::print(&line, self.out)?,
            }
            for error in errors {
                self.complain(&error)?;
            }
        }
        Ok(())
    }

    fn complain(&mut self, error: &sflow::DecodeError) -> anyhow::Result<()> {
        self.totals.decode_errors += 1;
        writeln!(
            self.err,
            "datagram {}: {}: {error}",
            self.totals.datagrams,
            error.reason()
        )?;
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        let Totals {
            datagrams,
            samples,
            decode_errors,
            other_packets,
        } = self.totals;
        self.out.flush()?;
        writeln!(
            self.err,
            "{datagrams} datagrams, {samples} samples, {decode_errors} decode errors, {other_packets} other packets"
        )?;
        Ok(())
    }
}
