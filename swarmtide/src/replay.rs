//! A recording played again: the policy that was live, which decides the same, and candidates beside it.
//!
//! The collector and the engine are the same code as live. Candidates are shown the load that was, over replicas of their own (see
//! [`scaler::shadow`]): what would have come if they had been live cannot be known.

mod measure;

use std::{collections::BTreeMap, path::Path, time::Duration};

use collector::Collector;
use elasticity::plot::{Chart, Line};
use scaler::{
    DecisionRecord, Engine,
    shadow::{Candidate, Shadow},
};
use serde::Serialize;
use swarm::View;

pub use measure::{Demand, Measures, Track};

use crate::{
    config::{self, Config},
    recording::{Frame, ReadError, Reader},
    sidecar::{Rates, Senses, balancers, collector_config, look},
};

/// Most differences that are kept in words.
const DIFFERENCES_MAX: usize = 20;

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The configuration in it is not one that this version takes.
    #[error("the recording's configuration cannot be used")]
    Config(#[from] config::ConfigError),
}

/// What came out.
#[derive(Debug, Default, Serialize)]
pub struct Replayed {
    /// From the first tick to the last, in seconds.
    pub seconds: f64,
    /// Ticks.
    pub ticks: u64,
    /// Records that live ticks opened.
    pub decisions: u64,
    /// Of these, not the same in the replay.
    pub different: u64,
    /// The first of those, in words.
    pub differences: Vec<String>,
    /// Whether the recording breaks off in the middle of a frame.
    pub torn: bool,
    /// What each service's replicas and demand were, for the policy that was live and for each candidate.
    pub services: BTreeMap<String, Vec<Track>>,
}

/// Plays a recording again, with `candidates` beside the policy that was live.
///
/// # Errors
/// [`ReplayError`].
pub fn replay(path: &Path, candidates: Vec<Candidate>) -> Result<Replayed, ReplayError> {
    let (header, mut reader) = Reader::open(path)?;
    let config = config::load_text(&header.config, &header.environment)?;
    let mut player = Player::new(&config, candidates);
    while let Some((at, frame)) = reader.next_frame()? {
        player.play(at, frame);
    }
    player.check();
    let mut replayed = player.replayed;
    replayed.torn = reader.is_torn();
    replayed.services = player.tracks.finish();
    Ok(replayed)
}

impl Replayed {
    /// A chart for each service: the demand, and each policy's replicas.
    #[must_use]
    pub fn charts(&self) -> Vec<Chart> {
        let chart = |(service, tracks): (&String, &Vec<Track>)| Chart {
            title: service.clone(),
            seconds: self.seconds,
            demand: tracks
                .first()
                .map(|track| track.steps(|point| point.demand))
                .unwrap_or_default(),
            lines: tracks
                .iter()
                .map(|track| Line {
                    name: track.policy.clone(),
                    steps: track.steps(|point| point.replicas),
                })
                .collect(),
        };
        self.services.iter().map(chart).collect()
    }
}

struct Player<'a> {
    config: &'a Config,
    collector: Collector,
    rates: Rates,
    engine: Engine,
    shadows: Vec<Shadow>,
    view: Option<View>,
    /// Records that the last tick opened, to be compared with those of the recording.
    opened: Vec<DecisionRecord>,
    /// Whether those have been compared.
    compared: bool,
    first: Option<Duration>,
    tracks: measure::Tracks,
    replayed: Replayed,
}

impl<'a> Player<'a> {
    fn new(config: &'a Config, candidates: Vec<Candidate>) -> Self {
        let settings = config.scaler.settings();
        let defaults = &config.scaler.defaults;
        let candidates = candidates.into_iter();
        Self {
            config,
            collector: Collector::new(collector_config(config, true)),
            rates: Rates::new(balancers(config)),
            engine: Engine::new(
                settings.clone(),
                defaults.clone(),
                scaler::AdminState::default(),
            ),
            shadows: candidates
                .map(|candidate| Shadow::new(candidate, settings.clone(), defaults.clone()))
                .collect(),
            view: None,
            opened: Vec::new(),
            compared: true,
            first: None,
            tracks: measure::Tracks::default(),
            replayed: Replayed::default(),
        }
    }

    fn play(&mut self, at: Duration, frame: Frame) {
        match frame {
            Frame::Datagram { source, bytes } => self.collector.ingest(source, &bytes, at),
            Frame::View(view) => self.view = Some(*view),
            Frame::Tick { unix_ms, view } => self.tick(at, unix_ms, view),
            Frame::Decided(records) => self.compare(&records),
            Frame::Completed(completed) => {
                let (command, outcome) = (completed.command(), completed.outcome());
                self.engine
                    .completed(&command, outcome, at, completed.unix_ms);
            }
            Frame::Admin(admin) => self.engine.set_admin(admin),
            Frame::Connections { balancer, counted } => self.rates.note(balancer, &counted, at),
            Frame::Expire => self.collector.expire(at),
        }
    }

    fn tick(&mut self, at: Duration, unix_ms: u64, view: bool) {
        self.check();
        let first = *self.first.get_or_insert(at);
        self.replayed.seconds = at.saturating_sub(first).as_secs_f64();
        self.replayed.ticks += 1;
        let view = self.view.as_ref().filter(|_| view);
        let senses = Senses {
            collector: &self.collector,
            rates: &self.rates,
            engine: &self.engine,
            capacity: &self.config.capacity,
        };
        let (inputs, _) = look(view, &senses, at);
        // What it would write is in the recording, with its end.
        drop(self.engine.tick(&inputs, at, unix_ms));
        drop(self.engine.take_events());
        for shadow in &mut self.shadows {
            shadow.tick(&inputs, at, unix_ms);
        }
        self.tracks
            .look(&inputs, &self.engine, &self.shadows, self.replayed.seconds);
        self.opened = self.engine.changes().cloned().collect();
        self.compared = false;
    }

    /// Compares what the last tick opened with what it opened live, byte for byte.
    fn compare(&mut self, live: &[DecisionRecord]) {
        self.compared = true;
        self.replayed.decisions += live.len() as u64;
        let opened = std::mem::take(&mut self.opened);
        for index in 0..live.len().max(opened.len()) {
            let (live, again) = (live.get(index), opened.get(index));
            if live.map(json) != again.map(json) {
                self.differs(live, again);
            }
        }
    }

    /// What was opened without the recording having anything of it is a difference too.
    fn check(&mut self) {
        if !std::mem::replace(&mut self.compared, true) && !self.opened.is_empty() {
            self.compare(&[]);
        }
    }

    fn differs(&mut self, live: Option<&DecisionRecord>, again: Option<&DecisionRecord>) {
        self.replayed.different += 1;
        if self.replayed.differences.len() < DIFFERENCES_MAX {
            let words = |record: Option<&DecisionRecord>| {
                record.map_or_else(|| "nothing".to_owned(), DecisionRecord::explain)
            };
            let service = live.or(again).map(|record| record.service.to_string());
            self.replayed.differences.push(format!(
                "{:.3} s, {}: live: {} | again: {}",
                self.replayed.seconds,
                service.unwrap_or_default(),
                words(live),
                words(again)
            ));
        }
    }
}

fn json(record: &DecisionRecord) -> String {
    serde_json::to_string(record).unwrap_or_default()
}
