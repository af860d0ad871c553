//! The policies that can be simulated, by name.

use std::{fmt, str::FromStr};

use crate::{
    autoscaler::Autoscaler,
    peer::{aws::Aws, elb::StepByOne, hpa::Hpa, knative::Knative, nomad::Nomad},
    product::{LabelsError, Product, default_labels},
    setup::Setup,
};

macro_rules! policies {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A policy by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum PolicyName {
            $($(#[$doc])* $variant),+
        }

        impl PolicyName {
            /// Every policy.
            pub const EVERY: &[Self] = &[$(Self::$variant),+];

            /// Its name on the command line and in results.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

policies! {
    /// The project's own, with its defaults.
    Swarmtide = "swarmtide",
    /// sFlow-RT's `elb.js`.
    Elb = "elb",
    /// Kubernetes' HPA v2 with its defaults.
    Hpa = "hpa",
    /// Knative's KPA.
    Knative = "knative",
    /// Nomad Autoscaler's target-value.
    Nomad = "nomad",
    /// AWS target tracking.
    Aws = "aws",
    /// Kubernetes' HPA v2 with windows of 15 s.
    HpaTuned = "hpa-15s",
    /// AWS step scaling.
    AwsStep = "aws-step",
    /// AMEST's swarm-autoscaler: one replica every 300 s.
    Amest = "amest",
}

/// A policy's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no policy {0:?}; there are all, every, {known}", known = known())]
pub struct UnknownPolicy(pub String);

fn known() -> String {
    let names: Vec<&str> = PolicyName::EVERY
        .iter()
        .map(|policy| policy.name())
        .collect();
    names.join(", ")
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        Self::EVERY
            .iter()
            .copied()
            .find(|policy| policy.name() == text)
            .ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}

impl PolicyName {
    /// The six that `all` stands for: ours and the peers with the settings that they come with.
    pub const ALL: &[Self] = &[
        Self::Swarmtide,
        Self::Elb,
        Self::Hpa,
        Self::Knative,
        Self::Nomad,
        Self::Aws,
    ];

    /// Reads a list of names with commas between them; `all` and `every` stand for theirs. A name said twice counts once.
    ///
    /// # Errors
    /// [`UnknownPolicy`], also for an empty name.
    pub fn list(text: &str) -> Result<Vec<Self>, UnknownPolicy> {
        let mut policies = Vec::new();
        for name in text.split(',').map(str::trim) {
            let named = match name {
                "all" => Self::ALL.to_vec(),
                "every" => Self::EVERY.to_vec(),
                name => vec![name.parse()?],
            };
            for policy in named {
                if !policies.contains(&policy) {
                    policies.push(policy);
                }
            }
        }
        Ok(policies)
    }

    /// Makes the policy for a service.
    ///
    /// # Errors
    /// [`LabelsError`] when the service's numbers make no labels that ours accepts.
    pub fn build(self, setup: &Setup) -> Result<Box<dyn Autoscaler>, LabelsError> {
        Ok(match self {
            Self::Swarmtide => Box::new(Product::with_labels(default_labels(setup))?),
            Self::Elb => Box::new(StepByOne::elb()),
            Self::Amest => Box::new(StepByOne::amest()),
            Self::Hpa => Box::new(Hpa::defaults()),
            Self::HpaTuned => Box::new(Hpa::tuned()),
            Self::Knative => Box::new(Knative::default()),
            Self::Nomad => Box::new(Nomad::default()),
            Self::Aws => Box::new(Aws::target_tracking()),
            Self::AwsStep => Box::new(Aws::step_scaling()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for policy in PolicyName::EVERY {
            assert_eq!(policy.name().parse(), Ok(*policy));
        }
    }

    #[test]
    fn lists() {
        use PolicyName::{Elb, Knative};
        assert_eq!(
            PolicyName::list("knative, elb,knative"),
            Ok(vec![Knative, Elb])
        );
        assert_eq!(PolicyName::list("all").map(|all| all.len()), Ok(6));
        assert_eq!(PolicyName::list("elb,every").map(|all| all.len()), Ok(9));
        assert_eq!(
            PolicyName::list("elb,keda"),
            Err(UnknownPolicy("keda".to_owned()))
        );
        assert!(PolicyName::list("").is_err());
    }
}
