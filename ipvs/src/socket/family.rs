//! The number that the kernel gave to a generic netlink family: `CTRL_CMD_GETFAMILY`.

use netlink_packet_core::Emitable;
use netlink_packet_generic::GenlHeader;

use super::connection::{Connection, Outgoing};
use crate::codec::attribute::{Attributes, Writer};
use crate::error::Fault;

const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const HEADER_LENGTH: usize = 4;

/// Asks for a family's number. The kernel may load a module to find it.
pub(crate) fn resolve(connection: &mut Connection, name: &str) -> Result<u16, Fault> {
    let request = Outgoing {
        kind: GENL_ID_CTRL,
        flags: 0,
        fill: &|out| {
            let header = GenlHeader {
                cmd: CTRL_CMD_GETFAMILY,
                version: 1,
            };
            let mut bytes = [0; HEADER_LENGTH];
            header.emit(&mut bytes);
            out.extend(bytes);
            Writer::new(out).string(CTRL_ATTR_FAMILY_NAME, name.as_bytes());
        },
    };
    let mut found = None;
    let answered = connection.ask(&request, |body| {
        let attributes = Attributes::new(body.get(HEADER_LENGTH..).unwrap_or_default());
        for attribute in attributes {
            let attribute = attribute?;
            if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                found = Some(attribute.u16("CTRL_ATTR_FAMILY_ID")?);
            }
        }
        Ok(())
    });
    match answered {
        Err(Fault::Refused {
            errno: libc::ENOENT,
            ..
        }) => Err(Fault::NoIpvs),
        Err(fault) => Err(fault),
        Ok(()) => found.ok_or(Fault::Unexpected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PATIENCE;

    #[test]
    fn a_family_has_a_number_or_is_not_there() {
        let mut connection = Connection::open(16, PATIENCE).unwrap();
        assert_eq!(resolve(&mut connection, "nlctrl").unwrap(), GENL_ID_CTRL);
        let missing = resolve(&mut connection, "NO_SUCH_FAMILY");
        assert!(matches!(missing, Err(Fault::NoIpvs)), "{missing:?}");
        // The socket is as good as before.
        assert_eq!(resolve(&mut connection, "nlctrl").unwrap(), GENL_ID_CTRL);
    }
}
