//! A persona's time zone and waking hours, as sent.

use actors::domain::Hours;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::web::input::Checks;

/// When a persona is up; what is left out stays (or is all day by UTC, for a new one).
#[derive(Default, Deserialize, ToSchema)]
pub struct HoursInput {
    /// IANA name, such as `Europe/Berlin`.
    pub zone: Option<String>,
    /// `HH:MM` on the clock there.
    pub wakes: Option<String>,
    /// `HH:MM`, `24:00` for the day's end; before `wakes`: on the next morning.
    pub sleeps: Option<String>,
}

impl HoursInput {
    /// What it says, over what was there.
    pub fn over(self, base: Hours, checks: &mut Checks) -> Hours {
        let HoursInput { zone, wakes, sleeps } = self;
        let hours = Hours {
            zone: zone.and_then(|zone| checks.parse("hours.zone", &zone)).unwrap_or(base.zone),
            wakes: wakes.and_then(|wakes| checks.parse("hours.wakes", &wakes)).unwrap_or(base.wakes),
            sleeps: sleeps.and_then(|sleeps| checks.parse("hours.sleeps", &sleeps)).unwrap_or(base.sleeps),
        };
        if let Err(error) = hours.check() {
            checks.check("hours.sleeps", false, error.to_string());
        }
        hours
    }
}
