//! The shell's one clock: monotonic time since the process began for the cores, wall-clock time for records.
//!
//! Nothing here sleeps or wakes anybody: timers stay tokio's, on real time, also where the clock is moved by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The epoch that every `now` in this process counts from.
#[derive(Debug, Clone)]
pub struct Clock {
    epoch: Instant,
    hand: Option<Arc<Hand>>,
}

/// What moves a clock that does not go by itself.
#[derive(Debug)]
pub struct Hand {
    elapsed_ns: AtomicU64,
    epoch_unix_ms: u64,
}

impl Clock {
    /// Starts the clock.
    #[expect(clippy::disallowed_methods, reason = "the shell owns the clock")]
    #[must_use]
    pub fn start() -> Self {
        Self {
            epoch: Instant::now(),
            hand: None,
        }
    }

    /// A clock that stands at its epoch, `unix_ms` in wall-clock time, until its hand is moved: for replays of captures, which
    /// then run as fast as the machine can and come out the same on a slow one.
    #[must_use]
    pub fn by_hand(unix_ms: u64) -> (Self, Arc<Hand>) {
        let hand = Arc::new(Hand {
            elapsed_ns: AtomicU64::new(0),
            epoch_unix_ms: unix_ms,
        });
        let clock = Self {
            hand: Some(Arc::clone(&hand)),
            ..Self::start()
        };
        (clock, hand)
    }

    /// The instant that the clock was made, from which it counts if it goes by itself.
    #[must_use]
    pub const fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Whether time passes without anybody moving the hand, so that whoever knows the epoch can read it without asking.
    #[must_use]
    pub const fn goes_by_itself(&self) -> bool {
        self.hand.is_none()
    }

    /// Monotonic time since the epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.hand {
            None => self.epoch.elapsed(),
            Some(hand) => hand.elapsed(),
        }
    }

    /// Wall-clock time in milliseconds since 1970, for records that people read.
    #[expect(clippy::disallowed_methods, reason = "the shell owns the clock")]
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        if let Some(hand) = &self.hand {
            return hand.epoch_unix_ms.saturating_add(millis(hand.elapsed()));
        }
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        millis(since)
    }
}

impl Hand {
    /// Moves the clock to `elapsed` after its epoch; never back.
    pub fn move_to(&self, elapsed: Duration) {
        let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed_ns.fetch_max(elapsed_ns, Ordering::SeqCst);
    }

    /// Time since the epoch.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns.load(Ordering::SeqCst))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moved_by_hand_stands_until_moved_and_never_goes_back() {
        let (clock, hand) = Clock::by_hand(1_000_000);
        assert_eq!((clock.now(), clock.unix_ms()), (Duration::ZERO, 1_000_000));
        hand.move_to(Duration::from_millis(1_500));
        hand.move_to(Duration::from_millis(900));
        assert_eq!(
            (clock.now(), clock.unix_ms()),
            (Duration::from_millis(1_500), 1_001_500)
        );
        assert!(!clock.goes_by_itself());
    }
}
