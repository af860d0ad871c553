//! Replicas that stand out, in a person's words.

use super::{join, words::bytes};
use crate::{
    outlier::{Outlier, OutlierKind},
    record::DecisionRecord,
};

impl DecisionRecord {
    /// One sentence for each.
    pub(super) fn outlier_sentences(&self) -> String {
        join(self.outliers.iter().map(Outlier::explain))
    }
}

impl Outlier {
    /// What stands out, in one sentence.
    #[must_use]
    pub fn explain(&self) -> String {
        let Self {
            replica,
            value,
            median,
            ..
        } = *self;
        let what = match self.kind {
            OutlierKind::Steal => format!(
                "loses {:.0} % of its node's processor time to other guests of the hypervisor, its siblings {:.0} %",
                value * 100.0,
                median * 100.0
            ),
            OutlierKind::CpuPerByte => format!(
                "needs {value:.3} s of CPU for each MB of traffic, its siblings {median:.3} s"
            ),
            OutlierKind::Idle => format!(
                "has {}/s of traffic, its siblings {}/s",
                bytes(value),
                bytes(median)
            ),
        };
        let end = if self.quarantined {
            "; it is in quarantine"
        } else {
            ""
        };
        format!("Replica {replica} {what}{end}.")
    }
}
