//! How fast a persona may act on a site: one bucket per persona, site and action. Pure.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use super::HostBook;
use crate::domain::{Pace, PersonaId};

/// Buckets are looked through for free ones when there are more than this.
const SWEEP_ABOVE: usize = 1_024;

/// The pace of acts. A bucket holds one act, so acts are never closer together than the pace says.
#[derive(Debug)]
pub(super) struct Rates {
    pace: Pace,
    hosts: HostBook,
    /// When the next act is free, in milliseconds.
    next_ms: HashMap<(PersonaId, String, Cow<'static, str>), i64>,
    sweep_above: usize,
}

impl Rates {
    pub(super) fn new(pace: Pace, hosts: HostBook) -> Self {
        Self { pace, hosts, next_ms: HashMap::new(), sweep_above: SWEEP_ABOVE }
    }

    /// Takes one act now; or takes nothing and says how long to wait.
    pub(super) fn take(
        &mut self,
        persona: PersonaId,
        site: &str,
        action: impl Into<Cow<'static, str>>,
        now_ms: i64,
    ) -> Result<(), Duration> {
        let gap_ms = self.gap_ms(site);
        let next_ms = self.next_ms.entry((persona, site.to_owned(), action.into())).or_insert(now_ms);
        // A clock that was set back must not stop a persona for longer than one gap.
        let wait_ms = (*next_ms - now_ms).min(gap_ms);
        if wait_ms > 0 {
            return Err(Duration::from_millis(wait_ms.unsigned_abs()));
        }
        *next_ms = now_ms + gap_ms;
        self.sweep(now_ms);
        Ok(())
    }

    fn gap_ms(&self, site: &str) -> i64 {
        let per_1000_s = self.hosts.pace(site).unwrap_or_else(|| self.pace.of(site)).max(1);
        1_000_000 / i64::from(per_1000_s)
    }

    fn sweep(&mut self, now_ms: i64) {
        if self.next_ms.len() > self.sweep_above {
            self.next_ms.retain(|_, next_ms| *next_ms > now_ms);
            self.sweep_above = SWEEP_ABOVE.max(self.next_ms.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn rates() -> Rates {
        Rates::new(
            Pace { default_per_1000_s: 500, sites: vec![("rehearsal.localhost".into(), 10_000)] },
            HostBook::default(),
        )
    }

    const ADA: PersonaId = PersonaId(Uuid::from_u128(1));

    #[test]
    fn acts_of_one_kind_on_one_site_keep_their_distance() {
        let mut rates = rates();
        assert_eq!(rates.take(ADA, "a.example", "click", 0), Ok(()));
        assert_eq!(rates.take(ADA, "a.example", "click", 500), Err(Duration::from_millis(1_500)));
        assert_eq!(rates.take(ADA, "a.example", "click", 2_000), Ok(()));
    }

    #[test]
    fn other_sites_actions_and_personas_do_not_wait() {
        let mut rates = rates();
        for (who, site, action) in
            [(1, "a.example", "click"), (1, "b.example", "click"), (1, "a.example", "goto"), (2, "a.example", "click")]
        {
            assert_eq!(rates.take(PersonaId(Uuid::from_u128(who)), site, action, 0), Ok(()));
        }
        assert_eq!(rates.take(ADA, "rehearsal.localhost", "click", 0), Ok(()));
        assert_eq!(rates.take(ADA, "rehearsal.localhost", "click", 100), Ok(()), "the practice site has its own pace");
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody_for_longer_than_one_gap() {
        let mut rates = rates();
        assert_eq!(rates.take(ADA, "a.example", "click", 3_600_000), Ok(()));
        assert_eq!(rates.take(ADA, "a.example", "click", 0), Err(Duration::from_millis(2_000)));
        assert_eq!(rates.take(ADA, "a.example", "click", 3_602_000), Ok(()));
    }

    #[test]
    fn a_pace_of_nothing_is_the_slowest_there_is() {
        let mut rates = Rates::new(Pace { default_per_1000_s: 0, sites: Vec::new() }, HostBook::default());
        assert_eq!(rates.take(ADA, "a.example", "click", 0), Ok(()));
        assert_eq!(rates.take(ADA, "a.example", "click", 0), Err(Duration::from_secs(1_000)));
    }

    #[test]
    fn what_is_free_is_forgotten() {
        let mut rates = rates();
        for n in 0..10_000 {
            assert!(rates.take(ADA, &format!("{n}.example"), "click", i64::from(n) * 2_000).is_ok());
        }
        assert!(rates.next_ms.len() <= SWEEP_ABOVE + 1);
    }

    proptest! {
        #[test]
        fn the_pace_is_never_exceeded(gaps in prop::collection::vec(0_i64..3_000, 1..200)) {
            let mut rates = rates();
            let (mut now_ms, mut taken) = (0, 0);
            for gap in gaps {
                now_ms += gap;
                taken += i64::from(rates.take(ADA, "a.example", "click", now_ms).is_ok());
            }
            prop_assert!(taken <= now_ms / 2_000 + 1);
        }
    }
}
