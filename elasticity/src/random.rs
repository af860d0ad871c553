//! A small seeded generator, so that one seed gives one history on every machine.

/// A seeded generator of pseudo-random numbers (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
    spare: Option<f64>,
}

impl Random {
    /// Makes a generator; equal seeds and streams give equal sequences, and streams do not resemble each other.
    pub(crate) const fn new(seed: u64, stream: u64) -> Self {
        Self {
            state: seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ 0x656c_6173_7469_6369,
            spare: None,
        }
    }

    /// The next 64 bits.
    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal deviate (Marsaglia's polar method).
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.unit() * 2.0 - 1.0, self.unit() * 2.0 - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// An exponential deviate with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// How many of `trials` succeed with the given probability (`0.0..1.0`); from 256 trials on by the normal approximation.
    pub(crate) fn binomial(&mut self, trials: u32, probability: f64) -> u32 {
        if trials < 256 {
            return (0..trials)
                .map(|_| u32::from(self.unit() < probability))
                .sum();
        }
        let mean = f64::from(trials) * probability;
        let drawn = mean + (mean * (1.0 - probability)).sqrt() * self.normal();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what a u32 holds"
        )]
        let drawn = drawn.round().clamp(0.0, f64::from(trials)) as u32;
        drawn
    }

    /// A Poisson deviate; from a mean of 64 on by the normal approximation with its skew corrected.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        if mean <= 0.0 {
            return 0;
        }
        if mean < 64.0 {
            let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0_u32);
            while product > limit {
                product *= self.unit();
                count += 1;
            }
            return count;
        }
        let z = self.normal();
        let drawn = mean + mean.sqrt() * z + (z * z - 1.0) / 6.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what a u32 holds"
        )]
        let drawn = drawn.round().clamp(0.0, f64::from(u32::MAX)) as u32;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, draw: impl Fn(&mut Random) -> u32, mean: f64, variance: f64) {
        let mut random = Random::new(1, 2);
        let draws: Vec<f64> = (0..40_000).map(|_| f64::from(draw(&mut random))).collect();
        let average = draws.iter().sum::<f64>() / 40_000.0;
        let spread = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / 40_000.0;
        assert!((average / mean - 1.0).abs() < 0.02, "{name}: {average}");
        assert!((spread / variance - 1.0).abs() < 0.05, "{name}: {spread}");
    }

    #[test]
    fn deviates_have_their_mean_and_variance() {
        for mean in [0.3, 7.0, 63.0, 65.0, 900.0] {
            check("poisson", |random| random.poisson(mean), mean, mean);
        }
        for trials in [1, 50, 255, 256, 5000] {
            let mean = f64::from(trials) * 0.25;
            check(
                "binomial",
                |random| random.binomial(trials, 0.25),
                mean,
                mean * 0.75,
            );
        }
        assert_eq!(Random::new(1, 2).poisson(0.0), 0);
        assert_eq!(Random::new(1, 2).binomial(0, 0.5), 0);
    }
}
