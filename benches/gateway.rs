//! What the gateway costs: calls to a model made directly, through Greenroom and through Portkey's gateway, in turns, so
//! that whatever else the machine does meets all three.
//!
//! The model is a mock on loopback that answers at once. Greenroom is the program as it is built, over SQLite on this
//! disk, with a virtual key, its budget, and both receipts of each call committed. Portkey keeps no record and no budget.
//! What bounds a call that comes alone is two commits of a receipt, one after the other, on the same disk beside it.

mod load;
mod mock;
mod ours;
mod portkey;

use std::time::Duration;

use self::{
    load::{Load, Target},
    mock::Mock,
    ours::Greenroom,
    portkey::Portkey,
};
use crate::{
    commits::{pipeline, place::Database},
    report::{Aim, Line, Report},
};

/// Programs that ask at once.
const AT_ONCE: [usize; 3] = [1, 32, 256];
/// Each target is asked in turn, so often.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_secs(1);
const BARE: Duration = Duration::from_millis(800);
/// Milliseconds that a call may cost more than without a gateway.
const AIM_MORE_MS: f64 = 0.6;
const AIM_TIMES_FASTER: f64 = 4.0;
const AIM_P99_SHARE: f64 = 0.25;

/// Adds the lines.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bare = runtime.block_on(pipeline::measure(&Database::Sqlite.place()?, 1, BARE))?;
    let two_commits_ms = 2.0 * bare.p50.as_secs_f64() * 1_000.0;
    report.add(Line {
        what: "two bare commits, one after the other, p50".into(),
        figure: format!("{two_commits_ms:.3} ms"),
        ratio: None,
        aim: Aim::None,
    });
    runtime.block_on(all(report, two_commits_ms))
}

async fn all(report: &mut Report, two_commits_ms: f64) -> anyhow::Result<()> {
    let mock = Mock::start()?;
    let ours = Greenroom::start(&mock.url()).await?;
    let portkey = Portkey::start(&mock.url()).await;
    if let Err(error) = &portkey {
        eprintln!("  nothing to compare the gateway with, Portkey is left out: {error:#}");
    }
    let direct = Target::direct(&mock.url())?;
    let mut targets = vec![("directly", direct), ("through Greenroom", ours.target()?)];
    if let Ok(portkey) = &portkey {
        targets.push(("through Portkey", portkey.target(&mock.url())?));
    }
    for at_once in AT_ONCE {
        let mut loads: Vec<Load> = targets.iter().map(|_| Load::default()).collect();
        for (_, target) in &targets {
            load::run(target, at_once, WARM_UP).await;
        }
        for _ in 0..ROUNDS {
            for ((_, target), load) in targets.iter().zip(&mut loads) {
                load.add(load::run(target, at_once, ROUND).await);
            }
        }
        for load in &mut loads {
            load.sort();
        }
        tell(report, (at_once, two_commits_ms), &targets, &loads);
    }
    ours.end().await
}

fn tell(report: &mut Report, (at_once, two_commits_ms): (usize, f64), targets: &[(&str, Target)], loads: &[Load]) {
    let (direct, portkey) = (&loads[0], loads.get(2));
    for (at, ((name, _), load)) in targets.iter().zip(loads).enumerate() {
        let is_ours = at == 1;
        let mut line = |what: &str, figure: String, ratio, aim| {
            let what = format!("model call {name}, {at_once} at once, {what}");
            report.add(Line { what, figure, ratio, aim });
        };
        let (p50, p99, per_second) = (load.ms(50), load.ms(99), load.per_second());
        let more = p50 - direct.ms(50);
        let aim = match at_once {
            1 if is_ours => Aim::AtMost { aim: AIM_MORE_MS, value: more },
            _ => Aim::None,
        };
        let said = if at == 0 { format!("{p50:.3} ms") } else { format!("{p50:.3} ms (+{more:.3})") };
        let bound = (is_ours && at_once == 1).then_some((more / two_commits_ms, "two bare commits"));
        line("p50", said, bound, aim);
        let rival = portkey.filter(|_| is_ours && at_once > 1);
        let share = rival.map(|rival| p99 / rival.ms(99));
        let aim = share.map_or(Aim::None, |value| Aim::AtMost { aim: AIM_P99_SHARE, value });
        line("p99", format!("{p99:.3} ms"), share.map(|share| (share, "Portkey's")), aim);
        let times = rival.map(|rival| per_second / rival.per_second());
        let aim = times.map_or(Aim::None, |value| Aim::AtLeast { aim: AIM_TIMES_FASTER, value });
        line("calls", format!("{per_second:.0}/s"), times.map(|times| (times, "Portkey's")), aim);
        line("errors", load.errors.to_string(), None, Aim::None);
    }
    let busy = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    eprintln!("  load average of the machine: {}", busy.trim());
}
