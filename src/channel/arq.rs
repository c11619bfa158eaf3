//! An experiment's messages on an ARQ connection.

use std::{
    ops::Range,
    task::{Context, Poll},
};

use super::{
    Channel, Delivery,
    order::{Blocker, Release},
};
use crate::{
    arq::Message,
    transport::{ChannelError, Recovery, arq::ArqConnection},
    unit::Time,
    wire::{MessageId, Probe, ProbeError},
};

/// One end of a connection.
pub(super) struct ArqChannel {
    connection: ArqConnection,
    releasers: Releasers,
    corrupted: u64,
}

impl ArqChannel {
    pub(super) fn new(connection: ArqConnection) -> Self {
        Self { connection, releasers: Releasers::default(), corrupted: 0 }
    }

    /// The delivery of a message.
    fn deliver(&mut self, message: &Message, probe: Probe) -> Delivery {
        let release = Release {
            probe,
            arrived: message.arrived,
            released: message.released,
            last: message.completed_by,
            blocker: self.releasers.of(message, probe.id),
        };
        let tap = self.connection.tap();
        Delivery::in_order(&release, |sequence| tap.as_ref()?.0.passage(0, sequence))
    }

    fn lost(&self, reason: &dyn std::fmt::Display) -> ChannelError {
        ChannelError::Lost { peer: self.connection.peer(), reason: reason.to_string() }
    }
}

/// The messages released last, one of which a blocked message waited for.
#[derive(Debug, Default)]
pub(crate) struct Releasers {
    at: Time,
    messages: Vec<(Range<u64>, MessageId)>,
}

impl Releasers {
    /// What a message waited for.
    pub(crate) fn of(&mut self, message: &Message, id: MessageId) -> Option<Blocker> {
        if message.released > self.at {
            self.at = message.released;
            self.messages.clear();
        }
        let Some(last) = message.blocked_by else {
            self.messages.push((message.first..message.first + u64::from(message.segments), id));
            return None;
        };
        let (_, id) = self.messages.iter().find(|(segments, _)| segments.contains(&last))?;
        Some(Blocker { id: *id, last })
    }
}

impl Channel for ArqChannel {
    fn send(&mut self, probe: Probe, length: usize) -> Result<(), ChannelError> {
        self.connection.try_send(probe.message(length).into()).map_err(|error| self.lost(&error))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, ChannelError>> {
        loop {
            let message = match self.connection.poll_recv(cx) {
                Poll::Ready(Ok(Some(message))) => message,
                Poll::Ready(Ok(None)) => return Poll::Ready(Err(self.lost(&"the peer closed it"))),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(&error))),
                Poll::Pending => {
                    // All passages up to here have been looked up.
                    if let Some((tap, expected)) = self.connection.tap() {
                        tap.release(0, expected);
                    }
                    return Poll::Pending;
                }
            };
            match Probe::parse_whole(&message.bytes) {
                Ok(probe) => return Poll::Ready(Ok(self.deliver(&message, probe))),
                Err(ProbeError::Corrupted) => self.corrupted += 1,
                Err(ProbeError::Foreign) => {}
            }
        }
    }

    fn recovery(&self) -> Recovery {
        Recovery { corrupted: self.corrupted, ..self.connection.recovery() }
    }
}
