//! Laws of the simulator, and what the policies have to show in it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod arbitration;
mod laws;
