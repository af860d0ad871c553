//! The replica calculator: pods and their usage to a number of replicas.

/// Ratios so near to 1 change nothing (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;

/// Pods by what is known of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pods {
    /// With a sample that counts.
    pub(super) measured: f64,
    /// Average usage of those, as a share of what they request.
    pub(super) usage: f64,
    /// Not ready yet, or with no sample from after they became so.
    pub(super) unready: f64,
    /// Ready, but without any sample.
    pub(super) missing: f64,
}

/// What the calculator proposes; `None` when no pod was measured.
pub(super) fn replicas_for(pods: &Pods, current: f64, target: f64) -> Option<f64> {
    if pods.measured == 0.0 {
        return None;
    }
    let total = pods.usage * pods.measured;
    let ratio = pods.usage / target;
    let fill_unready = pods.unready > 0.0 && ratio > 1.0;
    if !fill_unready && pods.missing == 0.0 {
        let within = (1.0 - ratio).abs() <= TOLERANCE;
        return Some(if within {
            current
        } else {
            (ratio * pods.measured).ceil()
        });
    }
    // Missing pods count as idle when it would grow and as fully used when it would shrink, unready ones as idle when it would grow.
    let filled = if ratio < 1.0 { pods.missing } else { 0.0 };
    let unready = if fill_unready { pods.unready } else { 0.0 };
    let count = pods.measured + pods.missing + unready;
    let new_ratio = (total + filled) / count / target;
    let flipped = (ratio < 1.0 && new_ratio > 1.0) || (ratio > 1.0 && new_ratio < 1.0);
    if (1.0 - new_ratio).abs() <= TOLERANCE || flipped {
        return Some(current);
    }
    let replicas = (new_ratio * count).ceil();
    let turned = (new_ratio < 1.0 && replicas > current) || (new_ratio > 1.0 && replicas < current);
    Some(if turned { current } else { replicas })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((measured, usage): (f64, f64), unready: f64, missing: f64, expected: f64) {
        let pods = Pods {
            measured,
            usage,
            unready,
            missing,
        };
        let current = measured + unready + missing;
        assert_eq!(replicas_for(&pods, current, 0.5), Some(expected));
    }

    #[test]
    fn rules() {
        // The ratio times the ready ones, rounded up; nothing within 10 %.
        check((4.0, 1.0), 0.0, 0.0, 8.0);
        check((10.0, 0.56), 0.0, 0.0, 12.0);
        check((10.0, 0.54), 0.0, 0.0, 10.0);
        check((10.0, 0.46), 0.0, 0.0, 10.0);
        check((10.0, 0.2), 0.0, 0.0, 4.0);
        // Unready pods count as idle when it would grow: 4 at 100 % and 2 idle are 67 %.
        check((4.0, 1.0), 2.0, 0.0, 8.0);
        // With 4 idle ones they are at 50 %: nothing to do.
        check((4.0, 1.0), 4.0, 0.0, 8.0);
        // The direction never turns: idle ones would make it shrink.
        check((4.0, 0.7), 4.0, 0.0, 8.0);
        // Unready ones are left out when it would shrink: 2 measured at 10 % are 1.
        check((2.0, 0.1), 4.0, 0.0, 1.0);
        // Missing ones count as fully used when it would shrink, as idle when it would grow.
        check((8.0, 0.1), 0.0, 2.0, 6.0);
        check((8.0, 1.0), 0.0, 2.0, 16.0);
        check((8.0, 0.4), 0.0, 2.0, 10.0);
    }

    #[test]
    fn without_a_measured_pod_there_is_nothing_to_say() {
        let pods = Pods {
            measured: 0.0,
            usage: 0.0,
            unready: 3.0,
            missing: 0.0,
        };
        assert_eq!(replicas_for(&pods, 3.0, 0.5), None);
    }
}
