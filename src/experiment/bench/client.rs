//! The client's end of a run: it follows the schedule.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use crate::{
    channel::{Channel, Delivery, UnitToSend},
    experiment::{
        application::Application,
        migration::ClientChange,
        record::recorder::Recorder,
        workload::{Scheduled, Workload},
    },
    path::{Host, Sleep, StopSignal, Stopped},
    transport::ChannelError,
    unit::{Time, nanos},
    wire::{Extension, Probe, ReportRequest},
};

/// Messages begin this long after the start of a run, or a whole multiple of it where connecting takes longer:
/// every transport meets the link's bad moments at the same place of its schedule.
pub(crate) const LEAD: Duration = Duration::from_secs(1);

/// The client's end of a run.
pub(in crate::experiment) struct Client<'a> {
    pub(in crate::experiment) host: &'a dyn Host,
    pub(in crate::experiment) recorder: &'a Recorder,
    pub(in crate::experiment) length: usize,
    /// Identifies this run to a remote server; `None` to request no reports from it.
    pub(in crate::experiment) run: Option<u64>,
    /// The change of its address, which the client schedules.
    pub(in crate::experiment) change: Option<&'a ClientChange>,
    /// Ends the run early when set.
    pub(in crate::experiment) stop: &'a StopSignal,
}

/// How long an interrupted run waits for the replies that are still due.
pub(super) const LAST_REPLIES: Duration = Duration::from_millis(400);

/// When the first message is due if the client is connected `now`: at the next multiple of [`LEAD`].
pub(super) fn first_due(now: Time) -> Time {
    let lead = nanos(LEAD);
    Time::from_nanos((now.as_nanos() / lead + 1) * lead)
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is handled at once, and a box for each delivery would be slower"
)]
enum Event {
    Received(Result<Delivery, ChannelError>),
    /// Everything has arrived, perhaps at the server.
    Settled,
    Due,
    Stopped,
}

/// What a client waits for besides replies.
struct Alarms {
    sleep: Sleep,
    /// `None` once the run is stopped.
    stopped: Option<Stopped>,
}

impl Client<'_> {
    /// Sends each message when it is due, until all are answered or the wait ends. `measuring` is called when the
    /// measured time begins. Returns what broke the connection, if anything did.
    pub(in crate::experiment) async fn drive(
        &self,
        channel: &mut dyn Channel,
        workload: &Workload,
        seed: u64,
        mut measuring: impl FnMut(&dyn Channel),
    ) -> Option<ChannelError> {
        let start = first_due(self.host.now());
        let schedule = workload.schedule(start, seed);
        let mut begins = Some(schedule.measured_from());
        self.change.into_iter().for_each(|change| change.begin(schedule.measured_from()));
        let mut alarms = Alarms { sleep: self.host.sleep_until(start), stopped: Some(self.stop.stopped()) };
        let mut broken = None;
        for message in schedule {
            if begins.is_some_and(|at| message.due >= at) {
                begins = None;
                measuring(channel);
            }
            if broken.is_none() {
                let received = self.receive_until(channel, &mut alarms, message.due).await;
                if self.stop.is_set() {
                    self.recorder.interrupt();
                    break;
                }
                broken = received.and_then(|()| self.send(channel, workload, message)).err();
            }
            if broken.is_some() {
                self.recorder.not_sent(message);
            }
        }
        if broken.is_none() {
            // Replies arrive here. Of messages without a reply, the recorder knows.
            let settling = (!workload.application.is_answered()).then_some(self.recorder);
            broken = self.await_outstanding(channel, &mut alarms, settling).await.err();
        }
        broken
    }

    fn send(
        &self,
        channel: &mut dyn Channel,
        workload: &Workload,
        unit: Scheduled,
    ) -> Result<(), ChannelError> {
        let extension = self.run.map(|run| Extension::Request(ReportRequest { run, number: unit.number }));
        let first = Probe { extension, ..Probe::new(workload.id(unit.number), unit.due) };
        match workload.application {
            // The server sends the second message of a unit of a game.
            Application::Messages | Application::Game(_) => channel.send(first, self.length)?,
            Application::Video(_) => channel.send_unit(&UnitToSend {
                first,
                count: unit.count,
                length: self.length,
                last: unit.last.unwrap_or(self.length),
                useful_until: workload.application.gives_up().map(|after| unit.needed + after),
            })?,
        }
        self.recorder.sent(unit, self.host.now(), || self.host.settled_before());
        Ok(())
    }

    /// Receives replies until `at`, or until the run is stopped.
    async fn receive_until(
        &self,
        channel: &mut dyn Channel,
        alarms: &mut Alarms,
        at: Time,
    ) -> Result<(), ChannelError> {
        alarms.sleep.reset(at);
        loop {
            match next(channel, alarms, None).await {
                Event::Received(delivery) => self.recorder.at_client(&delivery?),
                Event::Due | Event::Stopped | Event::Settled => return Ok(()),
            }
        }
    }

    /// Receives replies until nothing is outstanding or the wait ends. See [`next`] for `settling`.
    async fn await_outstanding(
        &self,
        channel: &mut dyn Channel,
        alarms: &mut Alarms,
        settling: Option<&Recorder>,
    ) -> Result<(), ChannelError> {
        let sent = self.host.now();
        let mut last = alarms.stopped.is_none().then(|| sent + LAST_REPLIES);
        while let Some(patience) = self.recorder.patience() {
            let until = sent + patience;
            alarms.sleep.reset(last.map_or(until, |last| until.min(last)));
            match next(channel, alarms, settling).await {
                Event::Received(delivery) => self.recorder.at_client(&delivery?),
                Event::Settled => return Ok(()),
                Event::Stopped => last = Some(self.host.now() + LAST_REPLIES),
                Event::Due if last.is_none() && self.recorder.patience() > Some(patience) => {}
                Event::Due => {
                    if last.is_some_and(|last| last < until) {
                        self.recorder.interrupt();
                        self.recorder.stop_waiting();
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The next event. A reply that arrives at the very instant of the deadline is in time. With `settling`, the event can
/// also be that this recorder has seen everything arrive, at either end.
async fn next(channel: &mut dyn Channel, alarms: &mut Alarms, settling: Option<&Recorder>) -> Event {
    poll_fn(|cx| {
        if let Poll::Ready(received) = channel.poll_recv(cx) {
            return Poll::Ready(Event::Received(received));
        }
        if settling.is_some_and(|recorder| recorder.poll_settled(cx).is_ready()) {
            return Poll::Ready(Event::Settled);
        }
        if let Some(stopped) = &mut alarms.stopped
            && Pin::new(stopped).poll(cx).is_ready()
        {
            alarms.stopped = None;
            return Poll::Ready(Event::Stopped);
        }
        Pin::new(&mut alarms.sleep).poll(cx).map(|()| Event::Due)
    })
    .await
}
