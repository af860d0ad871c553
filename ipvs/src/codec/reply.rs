//! What IPVS answers.

use netlink_packet_generic::GenlHeader;

use super::attribute::{Attributes, RawAttribute, required};
use super::control::{Info, Timeouts};
use super::daemon::Daemon;
use super::destination::Destination;
use super::error::{DecodeError, Reason};
use super::request::Command;
use super::service::{Family, Service};

pub(super) const SERVICE: u16 = 1;
pub(super) const DEST: u16 = 2;
pub(super) const DAEMON: u16 = 3;

const HEADER_LENGTH: usize = 4;

/// An answer: one entry of a list, or all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A service.
    Service(Service),
    /// A destination.
    Destination(Destination),
    /// A connection-sync daemon.
    Daemon(Daemon),
    /// The timeouts.
    Timeouts(Timeouts),
    /// Facts.
    Info(Info),
    /// Something that this crate does not know.
    Other(Command, Vec<RawAttribute>),
}

impl Reply {
    /// Reads the body of a message. `family` is that of the service whose destinations were asked for; kernels before
    /// 3.18 do not say the family of a destination.
    ///
    /// # Errors
    ///
    /// Where the message is truncated, or an attribute is missing or malformed. Unknown attributes are no error.
    pub fn decode(body: &[u8], family: Option<Family>) -> Result<Self, DecodeError> {
        const TRUNCATED: DecodeError = DecodeError::new("genlmsghdr", Reason::Truncated);
        let header = GenlHeader::parse(body).map_err(|_| TRUNCATED)?;
        let attributes = Attributes::new(body.get(HEADER_LENGTH..).ok_or(TRUNCATED)?);
        Ok(match Command(header.cmd) {
            Command::NEW_SERVICE | Command::SET_SERVICE => {
                let nested = find(attributes, SERVICE, "IPVS_CMD_ATTR_SERVICE")?;
                Self::Service(Service::decode(nested)?)
            }
            Command::NEW_DEST | Command::SET_DEST => {
                let nested = find(attributes, DEST, "IPVS_CMD_ATTR_DEST")?;
                Self::Destination(Destination::decode(nested, family)?)
            }
            Command::NEW_DAEMON => {
                let nested = find(attributes, DAEMON, "IPVS_CMD_ATTR_DAEMON")?;
                Self::Daemon(Daemon::decode(nested)?)
            }
            Command::SET_CONFIG => {
                let mut timeouts = Timeouts::default();
                for attribute in attributes {
                    timeouts.take(attribute?)?;
                }
                Self::Timeouts(timeouts)
            }
            Command::SET_INFO => Self::Info(Info::decode(attributes)?),
            command => {
                let raw: Result<_, _> = attributes.map(|a| a.map(|a| a.to_raw())).collect();
                Self::Other(command, raw?)
            }
        })
    }
}

/// Returns what is in the nested attribute of that kind.
fn find<'a>(
    attributes: Attributes<'a>,
    kind: u16,
    name: &'static str,
) -> Result<Attributes<'a>, DecodeError> {
    let mut found = None;
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind() == kind {
            found = Some(attribute.nested());
        }
    }
    required(found, name)
}
