//! The loads of a seed on a path.

use std::{sync::Arc, time::Duration};

use super::{
    load::{Load, object_of},
    model::{Object, PIECE_BYTES, REQUEST_BYTES},
    outcome::{Ended, PageOutcome, waterfall},
    plan::{Mode, PagePlan},
};
use crate::{
    capture::Recording,
    channel::{self, Exchange, Settings},
    experiment::{
        connecting::{Connector, Reading, unless_stopped},
        error::RunError,
        on_path::{Ends, OnPath, Route, on_path},
        settings::session_settings,
    },
    path::{StopSignal, timeout},
    transport::{Sessions, quic::QuicLimits},
    wire::Probe,
};

/// A load that takes longer has failed. Loss alone delays a load by much less.
pub(super) const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Loads the page of `plan` on its path, each time over new connections. In virtual time the outcome is a pure function
/// of the arguments. The first load has a waterfall if it `draws`. Ends soon after `stop` is set, with the loads made
/// until then.
///
/// Returns an error if the server cannot listen, or if the path could not be made, could not complete, or broke;
/// [`RunError::Interrupted`] if `stop` was set before the first load was made.
pub fn load_page(
    plan: &PagePlan,
    seed: u64,
    draws: bool,
    stop: &StopSignal,
    recording: &Recording,
) -> Result<PageOutcome, RunError> {
    let page = plan.page.objects(seed);
    let mut route = Route::new(plan.path, &plan.links, plan.congestion, seed, stop);
    recording.observe(&mut route.observers);
    let mut settings = settings(plan, plan.path.has_link().then_some(seed))?;
    settings.session.record(recording);
    let OnPath { value, fidelity, .. } = on_path(route, async |ends, wire| {
        let run = Run { ends, plan, page: &page, settings: &settings, seed, draws, stop };
        run.loads(&|| wire.counters()).await
    })?;
    if value.interrupted && value.loads == 0 {
        return Err(RunError::Interrupted);
    }
    Ok(PageOutcome { fidelity, ..value })
}

/// The settings of both ends.
fn settings(plan: &PagePlan, seed: Option<u64>) -> Result<Settings, RunError> {
    let mut session = session_settings(&plan.setup(), seed, QuicLimits::EXPERIMENT, 0)?;
    if let Some(tls) = &mut session.server_tls {
        tls.early_data = plan.mode == Mode::ZeroRtt;
    }
    Ok(Settings {
        exchange: Exchange::Answers,
        flows: plan.flows,
        request: REQUEST_BYTES,
        reply: PIECE_BYTES,
        reading: channel::Reading::Unordered,
        session,
        taps: None,
    })
}

/// What the loads of a seed share.
struct Run<'a> {
    ends: &'a Ends,
    plan: &'a PagePlan,
    page: &'a Arc<[Object]>,
    settings: &'a Settings,
    seed: u64,
    draws: bool,
    stop: &'a StopSignal,
}

impl Run<'_> {
    async fn loads(&self, wire: Reading<'_>) -> Result<PageOutcome, RunError> {
        let page = self.page.clone();
        let answer = move |request: &Probe| page.get(object_of(request)).map_or(0, |object| object.pieces);
        // Without a link nothing says when the server's connections have ended.
        let counts = self.plan.path.has_link();
        let connector =
            Connector::start(self.ends, self.plan.transport, self.settings, Arc::new(answer), counts)?;
        let connector = connector.with(self.plan.mode, self.seed).alone_on(wire);
        let sessions = Sessions::default();
        let bytes = self.page.iter().map(Object::bytes).sum();
        let mut outcome = PageOutcome { bytes, ..PageOutcome::default() };
        for _ in 0..self.plan.loads {
            if unless_stopped(self.stop, self.load(&connector, &sessions, &mut outcome)).await.is_none() {
                outcome.interrupted = true;
                break;
            }
        }
        Ok(outcome)
    }

    /// One load, with a session to resume for each connection if the mode needs them.
    async fn load(&self, connector: &Connector<'_>, sessions: &Sessions, outcome: &mut PageOutcome) {
        let host = &self.ends.client;
        let connect = async || {
            let settings = connector.settings(sessions, false);
            let connecting = channel::connect(host, self.plan.transport, connector.peer(), &settings);
            timeout(&**host, LOAD_TIMEOUT, connecting).await.ok()?.ok()
        };
        let is_primed =
            connector.prime(sessions, self.plan.connections as usize, LOAD_TIMEOUT, connect).await;
        let mut load = Load::new(host, connector, self.plan, self.page, sessions);
        // Without the connections that obtained sessions.
        connector.resent().take();
        let before = connector.counters();
        let ended = if is_primed {
            let over = timeout(&**host, LOAD_TIMEOUT, load.run()).await;
            over.map_err(|elapsed| elapsed.to_string()).and_then(|ended| ended)
        } else {
            Err("the server gave no session to resume".to_owned())
        };
        let wire = before.zip(connector.counters()).map(|(before, now)| now - before);
        if ended.is_ok() && self.draws && outcome.waterfall.is_none() {
            outcome.waterfall = waterfall(self.seed, self.page, &load);
        }
        let is_complete = ended.is_ok();
        outcome.record(Ended { load: &load, page: self.page, wire, ended });
        if self.plan.path.has_link() {
            load.channels().for_each(|channel| connector.resent().add(channel));
        }
        // Packets left on the wire would belong to the next load.
        connector.close(load.into_channels()).await;
        if let Some(resent) = connector.take_resent().await.filter(|_| is_complete) {
            *outcome.resent.get_or_insert_default() += resent;
        }
    }
}
