//! Keys of what labels leave open: one for each label that can have a default.

use super::{Flag, Key, Number, Text, key};

/// `scaler.defaults.*`
pub(super) const DEFAULTS: &[Key] = &[
    key(
        "scaler.defaults.min",
        Number,
        "1",
        "For services without the label `swarmtide.min`",
    ),
    key(
        "scaler.defaults.max",
        Number,
        "10",
        "For services without `swarmtide.max`",
    ),
    key(
        "scaler.defaults.cpu_high",
        Text,
        "70%",
        "For services without `swarmtide.cpu.high`; `off` for none",
    ),
    key(
        "scaler.defaults.cpu_low",
        Text,
        "35%",
        "For services without their own CPU marks. Default: half the high mark",
    ),
    key(
        "scaler.defaults.bytes_high",
        Text,
        "1MB",
        "For services without `swarmtide.bytes.high`. Default: none",
    ),
    key(
        "scaler.defaults.bytes_low",
        Text,
        "500kB",
        "For services without their own bytes marks. Default: half the high mark",
    ),
    key(
        "scaler.defaults.step",
        Number,
        "1",
        "For services without `swarmtide.step`",
    ),
    key(
        "scaler.defaults.step_up",
        Number,
        "1",
        "For services without `swarmtide.step.up`. Default: step",
    ),
    key(
        "scaler.defaults.step_down",
        Number,
        "1",
        "For services without `swarmtide.step.down`. Default: step",
    ),
    key(
        "scaler.defaults.cooldown",
        Text,
        "30s",
        "For services without `swarmtide.cooldown`. Default: 10 s up, 60 s down",
    ),
    key(
        "scaler.defaults.cooldown_up",
        Text,
        "10s",
        "For services without `swarmtide.cooldown.up`. Default: cooldown",
    ),
    key(
        "scaler.defaults.cooldown_down",
        Text,
        "60s",
        "For services without `swarmtide.cooldown.down`. Default: cooldown",
    ),
    key(
        "scaler.defaults.cpu_target",
        Text,
        "60%",
        "For services that name no target and no high mark: `swarmtide.cpu.target`. With a default target no default mark holds. Default: off",
    ),
    key(
        "scaler.defaults.memory_target",
        Text,
        "75%",
        "The same for `swarmtide.memory.target`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_target",
        Text,
        "2MB/s",
        "The same for `swarmtide.bytes.target`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_in_target",
        Text,
        "500kB/s",
        "The same for `swarmtide.bytes.in.target`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_out_target",
        Text,
        "1MB/s",
        "The same for `swarmtide.bytes.out.target`. Default: off",
    ),
    key(
        "scaler.defaults.packets_target",
        Text,
        "2k",
        "The same for `swarmtide.packets.target`. Default: off",
    ),
    key(
        "scaler.defaults.connections_target",
        Text,
        "50/s",
        "The same for `swarmtide.connections.target`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_capacity",
        Text,
        "4MB/s",
        "The same for `swarmtide.bytes.capacity`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_in_capacity",
        Text,
        "1MB/s",
        "The same for `swarmtide.bytes.in.capacity`. Default: off",
    ),
    key(
        "scaler.defaults.bytes_out_capacity",
        Text,
        "2MB/s",
        "The same for `swarmtide.bytes.out.capacity`. Default: off",
    ),
    key(
        "scaler.defaults.packets_capacity",
        Text,
        "4k",
        "The same for `swarmtide.packets.capacity`. Default: off",
    ),
    key(
        "scaler.defaults.connections_capacity",
        Text,
        "100/s",
        "The same for `swarmtide.connections.capacity`. Default: off",
    ),
    key(
        "scaler.defaults.wait",
        Text,
        "500ms",
        "For services without `swarmtide.wait`",
    ),
    key(
        "scaler.defaults.predict",
        Text,
        "trend",
        "For services without `swarmtide.predict`",
    ),
    key(
        "scaler.defaults.tolerance",
        Text,
        "10%",
        "For services without `swarmtide.tolerance`",
    ),
    key(
        "scaler.defaults.coverage",
        Text,
        "100%",
        "For services without `swarmtide.coverage`",
    ),
    key(
        "scaler.defaults.window",
        Text,
        "1m",
        "For services without `swarmtide.window`. Default: none up, `auto` down",
    ),
    key(
        "scaler.defaults.window_up",
        Text,
        "0s",
        "For services without `swarmtide.window.up`. Default: window",
    ),
    key(
        "scaler.defaults.window_down",
        Text,
        "auto",
        "For services without `swarmtide.window.down`. Default: window",
    ),
    key(
        "scaler.defaults.rate_up",
        Text,
        "off",
        "For services without `swarmtide.rate.up`",
    ),
    key(
        "scaler.defaults.rate_down",
        Text,
        "off",
        "For services without `swarmtide.rate.down`",
    ),
    key(
        "scaler.defaults.rate_up_select",
        Text,
        "max",
        "For services without `swarmtide.rate.up.select`",
    ),
    key(
        "scaler.defaults.rate_down_select",
        Text,
        "max",
        "For services without `swarmtide.rate.down.select`",
    ),
    key(
        "scaler.defaults.schedule_zone",
        Text,
        "UTC",
        "For schedules without `swarmtide.schedule.zone`",
    ),
    key(
        "scaler.defaults.outliers",
        Text,
        "exclude",
        "For services without `swarmtide.outliers`",
    ),
    key(
        "scaler.defaults.priority",
        Number,
        "0",
        "For services without `swarmtide.priority`",
    ),
    key(
        "scaler.defaults.reassert",
        Flag,
        "false",
        "For services without `swarmtide.reassert`",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_that_can_have_a_default_has_a_key_for_it_and_no_other() {
        let mut labels: Vec<_> = scaler::Defaults::labels()
            .map(|label| format!("scaler.defaults.{}", scaler::Defaults::key(label)))
            .collect();
        let mut keys: Vec<_> = DEFAULTS.iter().map(|key| key.path.to_owned()).collect();
        labels.sort();
        keys.sort();
        assert_eq!(labels, keys);
    }
}
