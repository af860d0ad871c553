//! The end of a history: the world is left alone, and everything has to come right and stay so.

use std::time::Duration;

use lbsync::{
    Announcement, Change, Connections, DestinationConfig, DestinationKey, VirtualServiceKey, audit,
};

use crate::world::World;

impl World {
    /// Ends all faults, and looks whether the table converges and then rests, over restarts too.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        self.plane.heal();
        (self.deaf, self.lossy) = (false, false);
        for task in self
            .swarm
            .services
            .iter_mut()
            .flat_map(|service| &mut service.tasks)
        {
            task.answers = true;
        }
        // Those that were to end have ended; what is left stays.
        self.run(Duration::from_secs(40));
        self.observe();
        self.run(Duration::from_secs(10));
        self.disconnect();
        self.run(Duration::from_secs(75));
        self.fault()?;
        self.check_table()?;
        self.check_vips()?;
        self.check_stillness("after coming to rest")?;
        for with_file in [true, false] {
            self.start_anew(with_file);
            self.observe();
            self.check_stillness(match with_file {
                true => "after a restart with the state file",
                false => "after a restart without a state file",
            })?;
        }
        self.check_audit()
    }

    fn disconnect(&mut self) {
        for (service, found) in self.plane.table() {
            for destination in found.destinations.keys() {
                let none = Connections::default();
                self.plane.set_connections(&service, destination, none);
            }
        }
    }

    fn check_table(&self) -> Result<(), String> {
        let mut expected = self.told.desired.table.clone();
        for service in expected.values_mut() {
            // Whoever drains has no connections left.
            service.destinations.retain(|_, config| config.weight > 0);
        }
        let mut actual = self.plane.table();
        for key in self.foreign.keys() {
            expected.remove(key);
            actual.remove(key);
        }
        let status = self.reconciler.status(self.now);
        if actual != expected {
            return Err(format!(
                "the table is {actual:#?}, not {expected:#?}; {status:#?}"
            ));
        }
        match status.in_sync && status.retrying == 0 {
            true => Ok(()),
            false => Err(format!("the status does not say so: {status:#?}")),
        }
    }

    /// Every VIP that has a destination is announced, and none that has not.
    fn check_vips(&self) -> Result<(), String> {
        for vip in self.reconciler.vips() {
            let origins = &self.told.desired.origins;
            let mut own = origins
                .iter()
                .filter(|(key, _)| key.address == vip.vip && !self.foreign.contains_key(key));
            let serves = own.any(|(key, origin)| {
                let service = &self.told.desired.table[key];
                let floor = origin.floor.map_or(30, u8::from);
                floor == 0
                    || service
                        .destinations
                        .values()
                        .any(|config| config.weight > 0)
            });
            if (vip.announcement == Announcement::Announce) != serves {
                return Err(format!("{vip:?}, and that it serves is {serves}"));
            }
        }
        Ok(())
    }

    fn check_stillness(&mut self, when: &str) -> Result<(), String> {
        let changes = self.plane.journal().count();
        self.run(Duration::from_secs(35));
        self.fault()?;
        match self.plane.journal().nth(changes) {
            None => Ok(()),
            Some(change) => Err(format!("a change without need {when}: {change}")),
        }
    }

    /// An audit is clean, and finds what is then spoilt.
    fn check_audit(&mut self) -> Result<(), String> {
        let expected = self.reconciler.expected();
        let ownership = self.reconciler.ownership().clone();
        let clean = audit(&expected, self.plane.holds(), &ownership);
        if !clean.is_clean() {
            return Err(format!("an audit at rest finds {:?}", clean.findings));
        }
        let Some((service, destination, config)) = self.some_destination() else {
            return Ok(());
        };
        let spoil = Change::UpdateDestination {
            service,
            destination,
            config: DestinationConfig {
                weight: config.weight + 1,
                ..config
            },
        };
        self.plane
            .meddle(&spoil)
            .map_err(|error| error.to_string())?;
        let findings = audit(&expected, self.plane.holds(), &ownership).findings;
        match findings.as_slice() {
            [one] if one.destination == Some(destination) => Ok(()),
            _ => Err(format!(
                "a spoilt weight of {destination} is found as {findings:?}"
            )),
        }
    }

    fn some_destination(&self) -> Option<(VirtualServiceKey, DestinationKey, DestinationConfig)> {
        let table = self.plane.table();
        let mut ours = table
            .iter()
            .filter(|(key, _)| !self.foreign.contains_key(key));
        ours.find_map(|(key, service)| {
            let (destination, config) = service.destinations.first_key_value()?;
            Some((*key, *destination, *config))
        })
    }
}
