//! The fan-out of one web worker: listens to the company once, hands frames to all sockets of the worker.
//!
//! It runs only while someone watches. A socket's queue is bounded; what does not fit is remembered as a gap.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture};
use actix_web::web;
use actors::{
    domain::{Alert, AlertId, ChainId, Receipt},
    supervisor::{ActorInfo, Figures},
};
use bytestring::ByteString;
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    mpsc,
};

use super::frames::{Frame, ToSocket};
use crate::web::{
    Deps,
    api::alerts::AlertView,
    api::receipts::ReceiptView,
    cursor::Cursor,
    names::{Named, Names},
};

const QUEUE: usize = 256;
const MOST_SOCKETS: usize = 2_000;
const MOST_ALERTS: u32 = 200;
const TICK: Duration = Duration::from_millis(500);

/// The actor.
pub(super) struct Fanout {
    deps: web::Data<Deps>,
    names: web::Data<Names>,
    members: HashMap<u64, Member>,
    next_member: u64,
    /// While someone watches: the listener and the tick.
    awake: Option<[SpawnHandle; 2]>,
    /// Position of the newest receipt handed out.
    newest: i64,
    shown: Shown,
}

/// What the sockets were last told besides receipts.
#[derive(Default)]
struct Shown {
    roster: Arc<Vec<ActorInfo>>,
    figures: Figures,
    alerts: HashMap<AlertId, Alert>,
    /// A receipt or a socket came since alerts were last read.
    alerts_stale: bool,
}

/// One socket, as the fan-out sees it.
struct Member {
    chain: Option<ChainId>,
    queue: mpsc::Sender<ToSocket>,
    /// First and last receipt that did not fit.
    missed: Option<(i64, i64)>,
    /// Has the whole roster and may be told changes.
    knows_roster: bool,
    /// Was told of every open alert.
    knows_alerts: bool,
}

impl Fanout {
    pub(super) fn new(deps: web::Data<Deps>, names: web::Data<Names>) -> Self {
        let (members, shown) = (HashMap::new(), Shown::default());
        Self { deps, names, members, next_member: 0, awake: None, newest: 0, shown }
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        let receipts = self.deps.company.receipts();
        let listener = listen(receipts, self.names.clone(), ctx.address());
        let listener = ctx.spawn(listener.into_actor(self).map(|(), fanout, _| fanout.awake = None));
        let tick = ctx.run_interval(TICK, |fanout, ctx| fanout.tick(ctx));
        self.shown = Shown { alerts_stale: true, ..Shown::default() };
        self.newest = 0;
        self.awake = Some([listener, tick]);
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.members.values_mut().for_each(Member::flush);
        self.tell_roster();
        if std::mem::take(&mut self.shown.alerts_stale) {
            let deps = self.deps.clone();
            let read = async move { deps.db.alerts(true, MOST_ALERTS).await };
            ctx.spawn(read.into_actor(self).map(|alerts, fanout, _| match alerts {
                Ok(alerts) => fanout.tell_alerts(alerts),
                Err(_) => fanout.shown.alerts_stale = true,
            }));
        }
    }

    /// Tells what changed on the roster; who does not know it yet is told all of it.
    fn tell_roster(&mut self) {
        let (roster, figures) = (self.deps.company.actors(), self.deps.company.figures());
        let before: HashMap<_, _> = self.shown.roster.iter().map(|actor| (actor.persona, actor)).collect();
        let changed: Vec<&ActorInfo> =
            roster.iter().filter(|now| before.get(&now.persona).is_none_or(|then| differs(then, now))).collect();
        let here: std::collections::HashSet<_> = roster.iter().map(|actor| actor.persona).collect();
        let gone: Vec<_> = before.keys().filter(|id| !here.contains(id)).copied().collect();
        let news = !changed.is_empty() || !gone.is_empty() || figures != self.shown.figures;
        let change =
            news.then(|| Frame::Actors { whole: false, actors: changed, gone, figures: figures.clone() }.text());
        let mut whole = None;
        for member in self.members.values_mut() {
            let text = if member.knows_roster {
                change.clone()
            } else {
                let all = || Frame::Actors {
                    whole: true,
                    actors: roster.iter().collect(),
                    gone: Vec::new(),
                    figures: figures.clone(),
                };
                Some(whole.get_or_insert_with(|| all().text()).clone())
            };
            if let Some(text) = text {
                member.knows_roster = member.queue.try_send(ToSocket::Status(text)).is_ok();
            }
        }
        (self.shown.roster, self.shown.figures) = (roster, figures);
    }

    /// Tells what was raised and what is resolved; who is new is told of everything that is open.
    fn tell_alerts(&mut self, open: Vec<Alert>) {
        let open: HashMap<AlertId, Alert> = open.into_iter().map(|alert| (alert.id, alert)).collect();
        let before = std::mem::replace(&mut self.shown.alerts, open);
        let now_ms = self.deps.world.now_ms();
        let resolved = before.values().filter(|alert| !self.shown.alerts.contains_key(&alert.id)).cloned();
        let news: Vec<(bool, ByteString)> = resolved
            .map(|alert| (false, told(Alert { resolved_ms: Some(now_ms), ..alert })))
            .chain(self.shown.alerts.values().map(|alert| (before.contains_key(&alert.id), told(alert.clone()))))
            .collect();
        for member in self.members.values_mut() {
            for (known, text) in &news {
                // Whoever is too slow for an alert finds it in the list of alerts.
                if !(*known && member.knows_alerts) {
                    let _ = member.queue.try_send(ToSocket::Status(text.clone()));
                }
            }
            member.knows_alerts = true;
        }
    }
}

fn told(alert: Alert) -> ByteString {
    Frame::Alert { alert: AlertView::from(alert) }.text()
}

/// Whether a card would look different; the time awake alone does not count, nor does energy by less than a twentieth.
fn differs(then: &ActorInfo, now: &ActorInfo) -> bool {
    let felt = |actor: &ActorInfo| (actor.vitals.mood, actor.vitals.energy.thousandths() / 50);
    (&then.slug, then.state, then.restarts, then.inbox, then.on_stage, &then.now, felt(then))
        != (&now.slug, now.state, now.restarts, now.inbox, now.on_stage, &now.now, felt(now))
}

impl Member {
    /// Queues a receipt, after a word about what did not fit before it.
    fn receipt(&mut self, pos: i64, frame: &ToSocket) {
        self.flush();
        let fits = self.missed.is_none() && self.queue.try_send(frame.clone()).is_ok();
        if !fits {
            self.miss(pos, pos);
        }
    }

    fn miss(&mut self, from: i64, to: i64) {
        self.missed = Some((self.missed.map_or(from, |(first, _)| first), to));
    }

    /// Says what was missed, once there is room.
    fn flush(&mut self) {
        if let Some((from, to)) = self.missed
            && self.queue.try_send(ToSocket::Gap { from, to }).is_ok()
        {
            self.missed = None;
        }
    }
}

impl Actor for Fanout {
    type Context = Context<Self>;
}

/// A new socket; answered with its queue, or nothing when there are too many.
pub(super) struct Join {
    /// Only this chain; none: all.
    pub(super) chain: Option<ChainId>,
}

/// A socket's end of the fan-out. From the moment it exists no receipt is lost without a gap frame.
pub(super) struct Joined {
    pub(super) member: u64,
    pub(super) queue: mpsc::Receiver<ToSocket>,
}

impl Message for Join {
    type Result = Option<Joined>;
}

impl Handler<Join> for Fanout {
    type Result = Option<Joined>;

    fn handle(&mut self, join: Join, ctx: &mut Context<Self>) -> Option<Joined> {
        if self.members.len() >= MOST_SOCKETS {
            return None;
        }
        if self.awake.is_none() {
            self.wake(ctx);
        }
        let (sender, queue) = mpsc::channel(QUEUE);
        self.next_member += 1;
        let member =
            Member { chain: join.chain, queue: sender, missed: None, knows_roster: false, knows_alerts: false };
        self.shown.alerts_stale = true;
        self.members.insert(self.next_member, member);
        Some(Joined { member: self.next_member, queue })
    }
}

/// A socket is gone.
pub(super) struct Leave(pub(super) u64);

impl Message for Leave {
    type Result = ();
}

impl Handler<Leave> for Fanout {
    type Result = ();

    fn handle(&mut self, Leave(member): Leave, ctx: &mut Context<Self>) {
        self.members.remove(&member);
        if self.members.is_empty() {
            for task in self.awake.take().into_iter().flatten() {
                ctx.cancel_future(task);
            }
        }
    }
}

/// A receipt was committed, or some were before it that nobody here saw.
struct Published {
    receipt: Arc<Receipt>,
    persona: Option<Arc<Named>>,
    after_a_loss: bool,
}

impl Message for Published {
    type Result = ();
}

impl Handler<Published> for Fanout {
    type Result = ();

    fn handle(&mut self, published: Published, _: &mut Context<Self>) {
        let Published { receipt, persona, after_a_loss } = published;
        let (pos, before) = (receipt.pos, std::mem::replace(&mut self.newest, receipt.pos));
        self.shown.alerts_stale = true;
        let view = Box::new(ReceiptView::from(receipt.as_ref()));
        let frame = Frame::Receipt { cursor: Cursor(pos), persona: persona.as_deref(), receipt: view };
        let frame = ToSocket::Receipt { pos, text: frame.text() };
        for member in self.members.values_mut() {
            if after_a_loss {
                member.miss(before + 1, pos - 1);
            }
            if member.chain.as_ref().is_none_or(|chain| *chain == receipt.chain) {
                member.receipt(pos, &frame);
            }
        }
    }
}

async fn listen(mut receipts: Receiver<Arc<Receipt>>, names: web::Data<Names>, fanout: Addr<Fanout>) {
    let mut after_a_loss = false;
    loop {
        match receipts.recv().await {
            Ok(receipt) => {
                let persona = match &receipt.chain {
                    ChainId::Persona(id) => names.of(*id).await,
                    ChainId::System(_) => None,
                };
                let loss = std::mem::take(&mut after_a_loss);
                if fanout.send(Published { receipt, persona, after_a_loss: loss }).await.is_err() {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => after_a_loss = true,
            Err(RecvError::Closed) => return,
        }
    }
}
