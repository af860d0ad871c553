//! The flash crowd of three services on room for a third of what they want: first come, and arbitrated.
//!
//! `cargo run --release -p elasticity --example crowd`.

#![expect(clippy::print_stdout, reason = "an example prints its table")]

use elasticity::{
    shared::{FLASH_CROWD_ROOM, flash_crowd},
    simulate_shared,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:<11} {:<9} {:>10} {:>7}",
        "room goes", "service", "SLO-bad %", "cost"
    );
    for (how, arbitrated) in [("first come", false), ("arbitrated", true)] {
        for (row, _) in simulate_shared(&flash_crowd(arbitrated, 5), FLASH_CROWD_ROOM, arbitrated)?
        {
            let (bad, cost) = (row.slo_violations_percent, row.cost);
            println!("{how:<11} {:<9} {bad:>10.3} {cost:>7.3}", row.policy);
        }
    }
    Ok(())
}
