//! How a scripted run goes.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Play, Understudy};
use crate::{
    domain::{GoalState, MessageState},
    persona::carrier::{Carrier, Order},
    ports::GoalMove,
    run::{Now, RunEnd},
    scheduler::Wish,
};

#[async_trait]
impl Carrier for Understudy {
    async fn carry(&self, order: Order, stop: CancellationToken, now: Now) -> RunEnd {
        let Order { work, failure_streak, .. } = &order;
        let acquire = self.scheduler.acquire(Wish {
            persona: work.goal.persona,
            priority: work.message.priority,
            weight: order.weight,
            since_ms: order.since_ms,
            ready_ms: order.ready_ms,
        });
        let slice = tokio::select! {
            slice = acquire => slice.unwrap(),
            () = stop.cancelled() => return RunEnd::Stopped,
        };
        assert_eq!(slice.persona(), work.goal.persona);
        let _working = now.work(slice, work.goal.payload.kind(), self.limits.clone());
        let _inside = self.seen.enter(&work.goal);
        if !self.write(work, GoalState::Running, MessageState::Running, self.step(work)).await {
            return RunEnd::Over { failure_streak: *failure_streak, open_circuit: false };
        }
        now.say(Some(format!("works on {}", work.goal.title)));
        let stopped = match (self.script)(&order) {
            Play::Finish => false,
            Play::Take(time) => tokio::time::timeout(time, stop.cancelled()).await.is_ok(),
            Play::UntilStopped => {
                stop.cancelled().await;
                true
            }
            Play::Panic => panic!("as the script said"),
            Play::BackOff(pause) => {
                let due_ms = self.ports.world.now_ms() + i64::try_from(pause.as_millis()).unwrap();
                let step = GoalMove { due_ms: Some(due_ms), ..self.step(work) };
                self.write(work, GoalState::Pending, MessageState::Waiting, step).await;
                return RunEnd::Later { due_ms: Some(due_ms) };
            }
            Play::OpenCircuit => return self.fail(work, *failure_streak, true).await,
        };
        if stopped {
            return RunEnd::Stopped;
        }
        self.write(work, GoalState::Done, MessageState::Done, self.step(work)).await;
        RunEnd::Over { failure_streak: 0, open_circuit: false }
    }

    async fn after_panic(&self, order: Order, _text: String) -> RunEnd {
        self.fail(&order.work, order.failure_streak, false).await
    }
}
