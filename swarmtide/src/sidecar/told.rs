//! Where events go: the log, the journal, the webhooks.

use std::fs;

use anyhow::{Context as _, bail};
use scaler::{Event, EventKind};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    clock::Clock,
    config::Config,
    journal::{Journal, JournalStats},
    webhook::{WebhookOptions, WebhookStats, Webhooks},
};

/// Everything that is told what happens. Nobody here makes the scaler wait.
#[derive(Debug)]
pub struct Told {
    journal: Option<Journal>,
    webhooks: Webhooks,
}

impl Told {
    /// Opens the journal and starts the webhooks' tasks.
    pub(super) fn start(
        config: &Config,
        clock: &Clock,
        tasks: &mut JoinSet<()>,
        stop: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let journal = if config.journal.enabled {
            let folder = config.state.directory.join("journal");
            let limit = config.journal.limit.get() as u64;
            Some(Journal::open(&folder, limit)?)
        } else {
            None
        };
        let webhooks = Webhooks::start(webhook_options(config)?, clock, tasks, stop)?;
        Ok(Self { journal, webhooks })
    }

    /// Passes events on.
    pub fn tell(&self, events: &[Event]) {
        for event in events {
            let service = event.service.as_ref().map_or("", |name| name.as_str());
            let name = event.kind.name();
            match &event.kind {
                // Decisions and writes have log lines of their own.
                EventKind::Scaled { .. } | EventKind::NotScaled { .. } => {
                    tracing::debug!(event = name, service, "{}", event.words);
                }
                _ => tracing::info!(event = name, service, "{}", event.words),
            }
            if let Some(journal) = &self.journal {
                journal.tell(event);
            }
            self.webhooks.tell(event);
        }
    }

    /// The journal, where one is kept.
    #[must_use]
    pub const fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// What the journal counted.
    #[must_use]
    pub fn journal_stats(&self) -> Option<JournalStats> {
        self.journal.as_ref().map(Journal::stats)
    }

    /// What the webhooks counted, by URL.
    #[must_use]
    pub fn webhook_stats(&self) -> Vec<WebhookStats> {
        self.webhooks.stats()
    }

    /// Writes what is still waiting for the disk.
    pub(super) fn close(&self) {
        if let Some(journal) = &self.journal {
            journal.close();
        }
    }
}

fn webhook_options(config: &Config) -> anyhow::Result<WebhookOptions> {
    let webhooks = &config.webhooks;
    let secret = match &webhooks.secret_file {
        None => None,
        Some(path) => {
            let name = path.display();
            let text = fs::read_to_string(path)
                .with_context(|| format!("webhooks.secret_file {name} cannot be read"))?;
            let secret = text.trim();
            if secret.len() < 16 {
                bail!("webhooks.secret_file {name} holds fewer than 16 characters");
            }
            Some(secret.as_bytes().to_vec())
        }
    };
    Ok(WebhookOptions {
        urls: webhooks.urls.iter().map(|url| url.0.clone()).collect(),
        secret,
        events: webhooks.events.clone(),
        queue: webhooks.queue,
        attempts: webhooks.attempts,
        timeout: webhooks.timeout.get(),
        ca_file: webhooks.ca_file.clone(),
    })
}
