//! How long a sandbox takes: from asking for one until `true` has ended in it and nothing of it is left, beside a bare
//! fork and exec of the same program. Alternately, so that whatever else the machine does meets both.

use std::time::Duration;

use anyhow::ensure;
use greenroom::tools::sandbox::{End, Job, Sandbox};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::{Aim, Line, Report};

const ROUNDS: usize = 300;
const WARM_UP: usize = 10;
/// Milliseconds of one start, the one in the middle.
const AIM: f64 = 15.0;

/// Adds the lines.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut boxed, mut bare) = runtime.block_on(rounds())?;
    boxed.sort_unstable();
    bare.sort_unstable();
    let ratio = ms(at(&boxed, 50)) / ms(at(&bare, 50));
    for (percentile, aim) in [(50, Aim::AtMost { aim: AIM, value: ms(at(&boxed, 50)) }), (99, Aim::None)] {
        report.add(Line {
            what: format!("sandbox, `true` in and out, p{percentile} of {ROUNDS}"),
            figure: format!("{:.2} ms", ms(at(&boxed, percentile))),
            ratio: (percentile == 50).then_some((ratio, "fork and exec")),
            aim,
        });
        report.add(Line {
            what: format!("fork and exec of `true`, p{percentile}"),
            figure: format!("{:.2} ms", ms(at(&bare, percentile))),
            ratio: None,
            aim: Aim::None,
        });
    }
    Ok(())
}

async fn rounds() -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let sandbox = Sandbox::find()?;
    let workspace = tempfile::tempdir()?;
    let command = ["true".to_owned()];
    let job = Job { workspace: Some(workspace.path()), may_write: true, ..Job::new(&command) };
    let stop = CancellationToken::new();
    let (mut boxed, mut bare) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let began = Instant::now();
        let ran = sandbox.run(&job, &stop).await?;
        let took = began.elapsed();
        ensure!(ran.end == End::Exit(0), "`true` did not end well in its sandbox: {ran:?}");
        let began = Instant::now();
        ensure!(tokio::process::Command::new("true").status().await?.success(), "`true` did not end well");
        if round >= WARM_UP {
            boxed.push(took);
            bare.push(began.elapsed());
        }
    }
    Ok((boxed, bare))
}

fn at(sorted: &[Duration], percentile: usize) -> Duration {
    sorted.get(sorted.len() * percentile / 100).copied().unwrap_or_default()
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}
