//! Thousands of random histories: swarm events, kernel errors, restarts, lost and repeated events, foreign meddling,
//! flapping probes, and jumps of time.
//!
//! Whatever happens, the table converges once it is left alone; no destination is deleted while it has connections
//! and grace; none that serves is taken out without cause, nor more of them than the floor allows; and nothing foreign is
//! touched. A failure prints its seed and its step; `history(seed)` replays it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "simulation/dice.rs"]
mod dice;
#[path = "simulation/kernel.rs"]
mod kernel;
#[path = "simulation/rest.rs"]
mod rest;
#[path = "simulation/swarm.rs"]
mod swarm;
#[path = "simulation/told.rs"]
mod told;
#[path = "simulation/world.rs"]
mod world;

use world::World;

const HISTORIES: u64 = 2000;
const STEPS: usize = 40;

/// Plays one history. Everything in it follows from the seed.
fn history(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        let what = world.step();
        world
            .fault()
            .map_err(|fault| format!("seed {seed}, step {step} ({what}): {fault}"))?;
    }
    world
        .come_to_rest()
        .map_err(|fault| format!("seed {seed}, at rest: {fault}"))
}

#[test]
fn every_history_converges_and_harms_nobody() {
    for seed in 0..HISTORIES {
        if let Err(fault) = history(seed) {
            panic!("{fault}");
        }
    }
}
