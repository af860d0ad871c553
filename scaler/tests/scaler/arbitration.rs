//! The laws of arbitration.

use proptest::prelude::*;
use scaler::arbitration::{Amounts, Capacity, Reservation, Wish, arbitrate, total};

fn wish() -> impl Strategy<Value = Wish> {
    let each = (0_u64..5, 0_u64..4);
    (0_u16..4, 0_u32..6, 0_u32..40, 0_u32..40, each).prop_map(
        |(priority, floor, current, wanted, (nano_cpus, memory_bytes))| Wish {
            priority,
            floor,
            current: current.max(floor),
            wanted: wanted.max(floor),
            each: Reservation {
                nano_cpus,
                memory_bytes,
            },
        },
    )
}

fn limit() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![1 => Just(None), 3 => (0_u64..400).prop_map(Some)]
}

fn capacity() -> impl Strategy<Value = Capacity> {
    (limit(), limit(), limit()).prop_map(|(nano_cpus, memory_bytes, replicas)| Capacity {
        nano_cpus,
        memory_bytes,
        replicas,
    })
}

fn fits(capacity: &Capacity, amounts: Amounts) -> bool {
    capacity.lacking(amounts).is_zero()
}

/// What is left, less what the floors took too much of.
fn one_more_fits(capacity: &Capacity, wishes: &[Wish], grants: &[u32], index: usize) -> bool {
    let left = capacity.left(total(wishes, grants));
    let each = Amounts::of(wishes[index].each, 1);
    each.nano_cpus <= left.nano_cpus
        && each.memory_bytes <= left.memory_bytes
        && each.replicas <= left.replicas
}

proptest! {
    #[test]
    fn a_grant_never_leaves_floor_and_wish(capacity in capacity(), wishes in prop::collection::vec(wish(), 0..12)) {
        let grants = arbitrate(&capacity, &wishes);
        prop_assert_eq!(grants.len(), wishes.len());
        for (wish, grant) in wishes.iter().zip(grants) {
            prop_assert!((wish.floor..=wish.wanted).contains(&grant));
        }
    }

    #[test]
    fn grants_fit_unless_the_floors_do_not(capacity in capacity(), wishes in prop::collection::vec(wish(), 0..12)) {
        let floors: Vec<u32> = wishes.iter().map(|wish| wish.floor).collect();
        let grants = arbitrate(&capacity, &wishes);
        let floors = capacity.lacking(total(&wishes, &floors));
        let granted = capacity.lacking(total(&wishes, &grants));
        prop_assert!(granted.nano_cpus <= floors.nano_cpus);
        prop_assert!(granted.memory_bytes <= floors.memory_bytes);
        prop_assert!(granted.replicas <= floors.replicas);
    }

    #[test]
    fn what_fits_is_granted(wishes in prop::collection::vec(wish(), 0..12), slack in 0_u64..10) {
        let wanted: Vec<u32> = wishes.iter().map(|wish| wish.wanted).collect();
        let all = total(&wishes, &wanted);
        let capacity = Capacity {
            nano_cpus: Some(all.nano_cpus + slack),
            memory_bytes: Some(all.memory_bytes),
            replicas: None,
        };
        prop_assert_eq!(arbitrate(&capacity, &wishes), wanted);
    }

    /// Nobody goes without what would still fit, and a lower priority has more than its floor only where a higher one that
    /// goes without could not use the room.
    #[test]
    fn higher_priorities_come_first(capacity in capacity(), wishes in prop::collection::vec(wish(), 0..12)) {
        let grants = arbitrate(&capacity, &wishes);
        for (index, wish) in wishes.iter().enumerate().filter(|(index, wish)| grants[*index] < wish.wanted) {
            prop_assert!(!one_more_fits(&capacity, &wishes, &grants, index), "{wish:?} goes without what is left");
            let only_higher: Vec<u32> = wishes.iter().zip(&grants)
                .map(|(other, grant)| if other.priority < wish.priority { other.floor } else { *grant })
                .collect();
            prop_assert!(!one_more_fits(&capacity, &wishes, &only_higher, index), "{wish:?} gives way to a lower priority");
        }
    }

    /// Alike but for what they ask: what each gets of it differs by less than a replica from the common part.
    #[test]
    fn shares_are_proportional_within_a_priority(asks in prop::collection::vec((0_u32..5, 1_u32..60), 2..10), room in 0_u64..300) {
        let wishes: Vec<Wish> = asks.iter().map(|(floor, more)| Wish {
            priority: 7,
            floor: *floor,
            current: *floor,
            wanted: floor + more,
            each: Reservation { nano_cpus: 3, memory_bytes: 0 },
        }).collect();
        let floors: u64 = asks.iter().map(|(floor, _)| u64::from(*floor)).sum();
        let more: u64 = asks.iter().map(|(_, more)| u64::from(*more)).sum();
        let capacity = Capacity { nano_cpus: Some(3 * (floors + room)), ..Capacity::default() };
        let part = (room as f64 / more as f64).min(1.0);
        let grants = arbitrate(&capacity, &wishes);
        for ((floor, more), grant) in asks.iter().zip(&grants) {
            let got = f64::from(grant - floor);
            prop_assert!((got - part * f64::from(*more)).abs() <= 1.0, "{got} of {more}, part {part}");
        }
        prop_assert_eq!(grants.iter().map(|grant| u64::from(*grant)).sum::<u64>(), floors + room.min(more));
    }

    /// Carried out, the grants ask for themselves again.
    #[test]
    fn no_flapping_on_constant_input(capacity in capacity(), mut wishes in prop::collection::vec(wish(), 0..12)) {
        let first = arbitrate(&capacity, &wishes);
        for (wish, grant) in wishes.iter_mut().zip(&first) {
            wish.current = *grant;
        }
        let second = arbitrate(&capacity, &wishes);
        for ((wish, first), second) in wishes.iter().zip(&first).zip(&second) {
            prop_assert!(second >= first, "{wish:?} had {first} and has {second}");
        }
        for (wish, grant) in wishes.iter_mut().zip(&second) {
            wish.current = *grant;
        }
        prop_assert_eq!(arbitrate(&capacity, &wishes), second);
    }

    /// Equals keep what they have when another one grows.
    #[test]
    fn only_higher_priorities_take(capacity in capacity(), mut wishes in prop::collection::vec(wish(), 1..12)) {
        for wish in &mut wishes {
            wish.wanted = wish.current;
        }
        let have: Vec<u32> = wishes.iter().map(|wish| wish.current).collect();
        prop_assume!(fits(&capacity, total(&wishes, &have)));
        wishes[0].wanted += 30;
        let grants = arbitrate(&capacity, &wishes);
        let grower = wishes[0].priority;
        for (wish, grant) in wishes.iter().zip(&grants).skip(1) {
            prop_assert!(*grant == wish.current || wish.priority < grower, "{wish:?} has {grant}");
        }
    }
}

fn one(priority: u16, floor: u32, current: u32, wanted: u32) -> Wish {
    Wish {
        priority,
        floor,
        current,
        wanted,
        each: Reservation {
            nano_cpus: 1,
            memory_bytes: 0,
        },
    }
}

#[test]
fn a_flash_crowd_takes_from_the_lower_priorities_in_proportion_and_gives_back() {
    let capacity = Capacity {
        nano_cpus: Some(36),
        ..Capacity::default()
    };
    let quiet = [one(10, 2, 6, 6), one(0, 2, 20, 20), one(0, 1, 10, 10)];
    assert_eq!(arbitrate(&capacity, &quiet), [6, 20, 10]);
    let crowd = [one(10, 2, 6, 24), one(0, 2, 20, 20), one(0, 1, 10, 10)];
    assert_eq!(arbitrate(&capacity, &crowd), [24, 8, 4]);
    let worse = [one(10, 2, 24, 60), one(0, 2, 8, 20), one(0, 1, 4, 10)];
    assert_eq!(arbitrate(&capacity, &worse), [33, 2, 1]);
    let over = [one(10, 2, 33, 6), one(0, 2, 2, 20), one(0, 1, 1, 10)];
    assert_eq!(arbitrate(&capacity, &over), [6, 20, 10]);
}
