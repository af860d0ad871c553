//! The logical table: a row for each data source, a column for each metric.

use collector::{DataSource, Metric};
use sflow::OsName;

use super::answer::Value;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A number.
    Number(Metric),
    /// The host's name.
    HostName,
    /// The host's operating system.
    OsName,
    /// The host's UUID.
    Uuid,
    /// The container's name.
    VirHostName,
    /// The container's UUID: the first half of its ID.
    VirUuid,
}

const TEXTS: [(Column, &str); 5] = [
    (Column::HostName, "host_name"),
    (Column::OsName, "os_name"),
    (Column::Uuid, "uuid"),
    (Column::VirHostName, "vir_host_name"),
    (Column::VirUuid, "vir_uuid"),
];

impl Column {
    /// Every column, texts first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let texts = TEXTS.into_iter().map(|(column, _)| column);
        texts.chain(Metric::ALL.into_iter().map(Self::Number))
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let text = TEXTS.into_iter().find(|(_, text)| *text == name);
        text.map(|(column, _)| column)
            .or_else(|| Metric::parse(name).map(Self::Number))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number(metric) => metric.name(),
            text => TEXTS
                .into_iter()
                .find(|(column, _)| *column == text)
                .map_or("", |(_, name)| name),
        }
    }

    pub(super) fn is_host(self) -> bool {
        !self.name().starts_with("vir_")
    }

    /// What a data source has in this column.
    pub(super) fn value(self, source: &DataSource<'_>) -> Option<Value> {
        if self.is_host() != source.is_host() {
            return None;
        }
        match self {
            Self::Number(metric) => source.metric(metric, None).map(Value::Number),
            Self::HostName | Self::VirHostName => {
                let name = source.name();
                (!name.is_empty()).then(|| Value::Text(String::from_utf8_lossy(name).into_owned()))
            }
            Self::Uuid | Self::VirUuid => source.uuid().map(|uuid| Value::Text(uuid.to_string())),
            Self::OsName => {
                let number = OsName(source.os_number()?);
                Some(Value::Text(number.to_string()))
            }
        }
    }
}
