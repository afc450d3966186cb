//! A persona's weight, from the command that sets it to the turns it gets.

use std::time::Duration;

use super::harness::{House, Play, until};
use crate::{
    domain::{GoalId, PersonaId, Weight},
    supervisor::{Delivered, PersonaPatch},
};

const TURNS: usize = 100;

impl House {
    async fn weighs(&self, id: PersonaId, share: f64) {
        let version = self.test.store.personas().into_iter().find(|persona| persona.id == id).unwrap().version;
        let patch = PersonaPatch { weight: Some(Weight::try_from(share).unwrap()), ..PersonaPatch::default() };
        self.company.update_persona(id, version, patch, &self.by()).await.unwrap();
    }

    /// How many of the next turns are of these goals.
    async fn turns_of(&self, goals: &[GoalId]) -> usize {
        let before = self.seen.order.lock().unwrap().len();
        until(|| self.seen.order.lock().unwrap().len() >= before + TURNS).await;
        let order = self.seen.order.lock().unwrap();
        order[before..before + TURNS].iter().filter(|goal| goals.contains(goal)).count()
    }
}

#[tokio::test(start_paused = true)]
async fn time_is_shared_by_weight_and_a_change_counts_from_the_next_turn() {
    let house = House::open(1, |_| Play::Take(Duration::from_secs(10))).await;
    let ada = house.persona("ada").await;
    house.weighs(ada, 4.0).await;
    let mut everybody = vec![ada];
    for n in 1..7 {
        everybody.push(house.persona(&format!("p{n}")).await);
    }
    let mut of_ada = Vec::new();
    for persona in (0..3 * TURNS / 2).flat_map(|_| everybody.iter().copied()) {
        let Delivered { goal, .. } = house.give(persona, 500).await;
        of_ada.extend((persona == ada).then_some(goal.id));
    }
    // Until somebody is a minute behind its share, deadlines decide.
    house.turns_of(&of_ada).await;
    // Four of ten are due to it, then one of seven.
    let heavy = house.turns_of(&of_ada).await;
    assert!((36..=44).contains(&heavy), "{heavy} of {TURNS}");
    house.weighs(ada, 1.0).await;
    let even = house.turns_of(&of_ada).await;
    assert!((8..=20).contains(&even), "{even} of {TURNS}");
    house.company.end().await;
}
