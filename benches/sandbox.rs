//! How long a sandbox takes: from asking for one until `true` has ended in it and nothing of it is left, beside a bare
//! fork and exec of the same program. Alternately, so that whatever else the machine does meets both. Then the same in a
//! warm container of an engine of our own, and with a container that has to be made first.

#[path = "../tests/container_engine.rs"]
mod container_engine;

use std::{sync::Arc, time::Duration};

use actors::{domain::PersonaId, testing::TestWorld};
use anyhow::ensure;
use greenroom::{
    config::Config,
    tools::{
        containers::{Containers, Home},
        isolation::Runner as _,
        own::Whose,
        sandbox::{End, Job, Sandbox},
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::report::{Aim, Line, Report};

const ROUNDS: usize = 300;
const IN_CONTAINERS: usize = 100;
const MADE: usize = 15;
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
    // It needs root, and Debian's `docker.io`.
    let engine = match container_engine::Engine::start() {
        Ok(engine) => engine,
        Err(why) => {
            eprintln!("containers are not measured: {why:#}");
            return Ok(());
        }
    };
    let (mut warm, mut made) = runtime.block_on(in_containers(&engine))?;
    warm.sort_unstable();
    made.sort_unstable();
    for (what, took) in [("warm container", &warm), ("container that is made first", &made)] {
        for percentile in [50, 99] {
            report.add(Line {
                what: format!("{what}, `true` in and out, p{percentile} of {}", took.len()),
                figure: format!("{:.2} ms", ms(at(took, percentile))),
                ratio: None,
                aim: Aim::None,
            });
        }
    }
    Ok(())
}

/// Of calls that found a container, and of those that had to wait for one.
async fn in_containers(engine: &container_engine::Engine) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let root = tempfile::tempdir()?;
    let mut config = Config::for_test(root.path());
    config.tools.container.socket.clone_from(&engine.socket);
    container_engine::IMAGE.clone_into(&mut config.tools.container.image);
    let containers = Containers::new(&config, Arc::new(TestWorld::new(1)));
    let home = Home::of(root.path(), Whose { id: PersonaId::from([7; 16]), slug: "ada" });
    let (command, stop) = (["true".to_owned()], CancellationToken::new());
    let runner = containers.of(home, "true");
    let (mut warm, mut made) = (Vec::new(), Vec::new());
    for round in 0..MADE + IN_CONTAINERS {
        let began = Instant::now();
        let ran = runner.run(&Job::new(&command), &stop).await?;
        ensure!(ran.end == End::Exit(0), "`true` did not end well in its container: {ran:?}");
        if round < MADE {
            made.push(began.elapsed());
            containers.close().await;
        } else if round > MADE {
            warm.push(began.elapsed());
        }
    }
    containers.close().await;
    Ok((warm, made))
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
