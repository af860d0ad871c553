//! What the engine says about services, tasks and nodes, in types.
//!
//! Words that this code does not know are kept as they are (`Other`), because one new state in one task must not make
//! the whole list unreadable. Nothing here knows JSON: that is [`crate::parse`].

mod node;
mod service;
mod task;

pub use node::{Availability, Leadership, Node, NodeState, Role};
pub use service::{LastUpdate, Mode, PublishMode, Resources, Service, ServicePort, UpdateState};
pub use task::{Phase, Protocol, Task, TaskAddress, TaskPort, TaskState};

/// Declares an enum over the engine's own words, with `Other` for those that are not known.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that this version does not know; empty when the engine gave none.
            Other(Box<str>),
        }

        impl $name {
            /// Reads the engine's word for it. Never fails.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }

            /// The engine's word for it.
            #[must_use]
            pub fn as_word(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from_word(&word))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_word())
            }
        }
    };
}
use words;
