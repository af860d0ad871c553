//! The network's interfaces, as rtnetlink lists them, and word that they changed.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::points::Link;

/// Asks for interfaces.
#[derive(Debug)]
pub struct Links {
    socket: Socket,
    answer: Vec<u8>,
}

/// Hears of changes of interfaces.
#[derive(Debug)]
pub struct LinkChanges(Socket);

/// Most bytes of one answer of the kernel.
const ANSWER: usize = 64 << 10;
/// Most answers to one question.
const ANSWERS_MAX: usize = 10_000;
/// `RTNLGRP_LINK`
const GROUP_LINK: u32 = 1;

impl Links {
    /// Opens a socket in this thread's network namespace.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            answer: vec![0; ANSWER],
        })
    }

    /// All interfaces.
    ///
    /// # Errors
    /// The kernel does not answer.
    pub fn list(&mut self) -> io::Result<Vec<Link>> {
        let mut found = Vec::new();
        self.ask(
            LinkMessage::default(),
            NLM_F_DUMP | NLM_F_REQUEST,
            &mut found,
        )?;
        Ok(found)
    }

    /// One interface.
    ///
    /// # Errors
    /// It is not there any more, or the kernel does not answer.
    pub fn one(&mut self, index: u32) -> io::Result<Link> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        let mut found = Vec::new();
        self.ask(message, NLM_F_REQUEST, &mut found)?;
        found.pop().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn ask(&mut self, message: LinkMessage, flags: u16, found: &mut Vec<Link>) -> io::Result<()> {
        let mut question = NetlinkMessage::new(
            NetlinkHeader::default(),
            NetlinkPayload::from(RouteNetlinkMessage::GetLink(message)),
        );
        question.header.flags = flags;
        question.finalize();
        let mut bytes = vec![0; question.buffer_len()];
        question.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        for _ in 0..ANSWERS_MAX {
            let size = self.socket.recv(&mut &mut self.answer[..], 0)?;
            let mut rest = self.answer.get(..size).unwrap_or_default();
            while !rest.is_empty() {
                let message =
                    NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(|error| {
                        io::Error::new(io::ErrorKind::InvalidData, error.to_string())
                    })?;
                match message.payload {
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(entry)) => {
                        found.push(link(entry));
                        if flags & NLM_F_DUMP != NLM_F_DUMP {
                            return Ok(());
                        }
                    }
                    _ => {}
                }
                let length = usize::try_from(message.header.length)
                    .unwrap_or(0)
                    .next_multiple_of(4);
                rest = match rest.get(length..) {
                    Some(after) if length > 0 => after,
                    _ => &[],
                };
            }
        }
        Err(io::Error::other("the kernel does not come to an end"))
    }
}

fn link(entry: LinkMessage) -> Link {
    let mut link = Link {
        index: entry.header.index,
        ..Link::default()
    };
    for attribute in entry.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Controller(index) => link.master = Some(index).filter(|at| *at > 0),
            LinkAttribute::LinkInfo(infos) => {
                let bridge = |info: &LinkInfo| matches!(info, LinkInfo::Kind(InfoKind::Bridge));
                link.is_bridge = infos.iter().any(bridge);
            }
            LinkAttribute::Stats64(stats) => link.packets = [stats.rx_packets, stats.tx_packets],
            _ => {}
        }
    }
    link
}

impl LinkChanges {
    /// Begins to listen.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.add_membership(GROUP_LINK)?;
        socket.set_non_blocking(true)?;
        Ok(Self(socket))
    }

    /// Whether anything changed since this was asked last. Also when the kernel had no room to say so.
    #[must_use]
    pub fn any(&self) -> bool {
        let mut bytes = [0_u8; 4096];
        let mut changed = false;
        for _ in 0..ANSWERS_MAX {
            match self.0.recv(&mut &mut bytes[..], 0) {
                Ok(_) => changed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_listed_and_found_alone() {
        let mut links = Links::open().unwrap();
        let all = links.list().unwrap();
        let lo = all.iter().find(|link| link.name == "lo").unwrap();
        assert!(!lo.is_bridge && lo.master.is_none());
        assert_eq!(links.one(lo.index).unwrap().name, "lo");
        assert!(links.one(u32::from(u16::MAX)).is_err());
        // What was asked before does not disturb.
        assert_eq!(links.list().unwrap().len(), all.len());
        LinkChanges::open().unwrap();
    }
}
