//! Which VIPs should be announced: plain data for a shell that puts addresses on interfaces or speaks to routers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{Reconciler, Strengths};
use crate::key::VirtualServiceKey;

/// What to do with a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Announcement {
    /// Connections should come here.
    Announce,
    /// They should not: too few destinations could serve them.
    Withdraw,
}

/// A VIP, and whether it should be announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VipStatus {
    /// The address.
    pub vip: IpAddr,
    /// What to do with it.
    pub announcement: Announcement,
    /// Destinations that are fit to serve, over all its virtual services.
    pub healthy: usize,
    /// Destinations that swarm says serve, over all its virtual services.
    pub serving: usize,
    /// Its virtual services that have fewer healthy destinations than their floor.
    pub weak: Vec<VirtualServiceKey>,
}

impl Reconciler {
    /// Returns the VIPs of all virtual services of ours, and what to do with each.
    ///
    /// A VIP is withdrawn when every one of its virtual services has fewer healthy destinations than its floor, and
    /// announced again when one of them has as many as its floor and a margin ask for. Before there is a table to work
    /// towards the list is empty, which says nothing; a VIP that is missing later has no virtual service any more, not
    /// even one that drains.
    #[must_use]
    pub fn vips(&self) -> Vec<VipStatus> {
        let mut vips: BTreeMap<IpAddr, VipStatus> = BTreeMap::new();
        for key in self.target.table.keys() {
            if self.plan.blocked.contains(key) {
                continue;
            }
            let vip = vips.entry(key.address).or_insert_with(|| VipStatus {
                vip: key.address,
                announcement: Announcement::Withdraw,
                healthy: 0,
                serving: 0,
                weak: Vec::new(),
            });
            // What only drains keeps its connections, and with them its VIP.
            let strength = self.target.strength.get(key).copied();
            vip.healthy += strength.map_or(0, |strength| strength.healthy);
            vip.serving += strength.map_or(0, |strength| strength.serving);
            match self.weak.contains(key) {
                true => vip.weak.push(*key),
                false => vip.announcement = Announcement::Announce,
            }
        }
        vips.into_values().collect()
    }

    /// Finds the virtual services that are too weak to be announced.
    pub(super) fn judge_strength(&mut self) {
        let strengths: &Strengths = &self.target.strength;
        for (key, strength) in strengths {
            let origin = self.desired.origins.get(key);
            let floor = origin.and_then(|origin| origin.floor);
            let floor = floor.unwrap_or(self.config.floor);
            let least = floor.at_least(strength.serving);
            let least = match u8::from(floor) {
                0 => 0,
                _ => least.max(1),
            };
            let margin = floor.plus(self.config.announce_above_floor);
            let enough = margin.at_most(strength.serving).max(least);
            let was_weak = self.weak.contains(key);
            // An empty table in the kernel answers nobody, however healthy the destinations are.
            let is_filled = strength.listed > 0 || least == 0;
            let is_weak = match was_weak {
                true => strength.healthy < enough || !is_filled,
                false => strength.healthy < least || !is_filled,
            };
            match is_weak {
                true => self.weak.insert(*key),
                false => self.weak.remove(key),
            };
        }
        self.weak.retain(|key| strengths.contains_key(key));
    }
}
