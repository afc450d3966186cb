//! How slices were granted of late, for `/status` and as Prometheus text.

use std::fmt::Write as _;

use actors::scheduler::figures::TurnFigures;
use serde::Serialize;
use utoipa::ToSchema;

/// How slices were granted in the last five to ten minutes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turns {
    /// The time this is about.
    pub over_ms: i64,
    pub grants_per_s: f64,
    /// By priority, from the least important.
    pub waits: Vec<Waits>,
    /// Urgent requests granted later than 10 s after they could be, since the start.
    pub urgent_late: u64,
    /// Slices granted since the start.
    pub grants: u64,
    /// Jain's index of the time used: 1 when all who used any had the same. None when nobody did.
    pub jain: Option<f64>,
    /// Slots in use, the mean.
    pub used_slots: f64,
}

/// How long work waited for its slice.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waits {
    /// `low` (up to 0.3), `middle` (up to 0.8) or `urgent`.
    pub band: &'static str,
    pub grants: u64,
    pub p50_ms: u64,
    pub p95_ms: u64,
    pub p99_ms: u64,
}

impl From<TurnFigures> for Turns {
    fn from(figures: TurnFigures) -> Self {
        let TurnFigures { over_ms, grants_per_s, waits, urgent_late, grants, jain, used_slots } = figures;
        let waits = waits.into_iter().map(|waits| Waits {
            band: waits.band.name(),
            grants: waits.begun,
            p50_ms: waits.p50_ms,
            p95_ms: waits.p95_ms,
            p99_ms: waits.p99_ms,
        });
        Self { over_ms, grants_per_s, waits: waits.collect(), urgent_late, grants, jain, used_slots }
    }
}

impl Turns {
    /// Counters, gauges, and a summary of waits by priority.
    pub(super) fn prometheus(&self) -> String {
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "# HELP greenroom_{name} {help}\n# TYPE greenroom_{name} {kind}\ngreenroom_{name} {value}"
            );
        };
        put("slices_granted_total", "counter", "Slices granted since the start.", self.grants.to_string());
        let late = "Urgent requests granted later than 10 s after they could be, since the start.";
        put("urgent_late_total", "counter", late, self.urgent_late.to_string());
        put("slices_granted_per_s", "gauge", "Slices granted of late.", self.grants_per_s.to_string());
        put("used_slots", "gauge", "Slots in use of late, the mean.", self.used_slots.to_string());
        if let Some(jain) = self.jain {
            put("time_used_jain", "gauge", "How evenly time was shared of late; 1 is evenly.", jain.to_string());
        }
        text.push_str(
            "# HELP greenroom_slice_wait_ms Waits for a slice of late.\n# TYPE greenroom_slice_wait_ms gauge\n",
        );
        for waits in &self.waits {
            for (quantile, ms) in [("0.5", waits.p50_ms), ("0.95", waits.p95_ms), ("0.99", waits.p99_ms)] {
                let band = waits.band;
                let _ = writeln!(text, "greenroom_slice_wait_ms{{band=\"{band}\",quantile=\"{quantile}\"}} {ms}");
            }
        }
        text
    }
}
