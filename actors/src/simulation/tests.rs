//! Many short days, each by its seed.

use super::*;

fn plan(seed: u64) -> Plan {
    // From one slot to eight, from idle to twice what can be done.
    let cap = NonZeroUsize::new(usize::try_from(seed % 8).unwrap() + 1).unwrap();
    let load = 0.2 * real(seed % 10 + 1);
    let faults = Faults { accidents: seed % 2 == 1, bad_personas: seed % 3 == 2 };
    Plan { personas: 40, hours: 1, seed, cap, load, popularity: 0.6, uneven_costs: seed % 5 == 4, faults }
}

#[test]
fn the_invariants_hold_for_hundreds_of_seeds() {
    for seed in 0..300 {
        let outcome = plan(seed).run(Policy::Greenroom).unwrap_or_else(|violation| panic!("{violation}"));
        assert!(outcome.ends.begun > 0, "seed {seed}: nothing happened");
    }
}
