//! What other goals took from a day, asked the same way of both databases.

/// The units that a guard's day has lost to others; null: none.
macro_rules! taken_by_others {
    ($left:expr) => {{
        use $crate::storage::schema::{goals, quota_uses};

        use actors::domain::GoalState;

        let lost = [GoalState::Unconfirmed, GoalState::Failed, GoalState::Cancelled].map(GoalState::as_str);
        let taken = quota_uses::table
            .inner_join(goals::table.on(goals::id.eq(quota_uses::goal)))
            .filter(quota_uses::unit.eq($left.unit.as_str()))
            .filter(quota_uses::at_ms.ge($left.from_ms).and(quota_uses::at_ms.lt($left.until_ms)))
            .filter(quota_uses::goal.ne($left.goal.as_bytes().to_vec()))
            .filter(quota_uses::begun.eq(true).or(goals::state.ne_all(lost)))
            .select(diesel::dsl::sum(quota_uses::units))
            .into_boxed();
        match $left.persona {
            Some(persona) => taken.filter(quota_uses::persona.eq(persona.as_bytes().to_vec())),
            None => taken,
        }
    }};
}
pub(super) use taken_by_others;
