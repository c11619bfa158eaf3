//! What becomes of messages on a link that does something to them.

use super::{Answer, PropertyError, Row, Subject};
use crate::{
    experiment::{Observers, Outcome, Plan, RunError, Workload, run},
    path::StopSignal,
};

pub(super) const ORDER: Row = Row {
    claim: "order kept",
    how: "200 echoes over a link on which a fifth of the packets to the server overtakes others. Counted: replies that \
          came after the reply to a later message.",
    measure: |subject| {
        let messages = outcome(&subject.plan("reorder=20%", "", 200)?)?.messages;
        let detail = format!("{} of {} replies out of order", messages.reordered, messages.delivered);
        Ok(Answer::yes_if(messages.reordered == 0, detail))
    },
};

pub(super) const REPAIR: Row = Row {
    claim: "losses repaired",
    how: "200 echoes over a link that loses 5% to the server. Counted: echoes that never came.",
    measure: |subject| {
        let messages = outcome(&subject.plan("loss=5%", "", 200)?)?.messages;
        let missing = messages.scheduled - messages.delivered;
        Ok(Answer::yes_if(missing == 0, format!("{missing} of {} echoes missing", messages.scheduled)))
    },
};

pub(super) const DUPLICATES: Row = Row {
    claim: "duplicates removed",
    how: "50 echoes over a link that doubles each packet to the client. Counted: replies delivered twice.",
    measure: |subject| {
        let messages = outcome(&subject.plan("", "duplicate=100%", 50)?)?.messages;
        let detail = format!("{} of {} replies delivered twice", messages.duplicated, messages.delivered);
        Ok(Answer::yes_if(messages.duplicated == 0, detail))
    },
};

pub(super) const DAMAGE: Row = Row {
    claim: "damage noticed",
    how: "200 echoes over a link that flips a bit in a tenth of the packets to the server. Counted: changed messages \
          that reached the application, without the checksum of UDP, which not every path keeps.",
    measure: |subject| {
        let messages = outcome(&subject.plan("corrupt=10%", "", 200)?)?.messages;
        let rejected = messages.rejected.map(|rejected| format!(", {rejected} datagrams rejected"));
        let detail =
            format!("{} changed messages delivered{}", messages.corrupted, rejected.unwrap_or_default());
        Ok(Answer::yes_if(messages.corrupted == 0, detail))
    },
};

pub(super) const BLOCKING: Row = Row {
    claim: "a lost packet holds later messages",
    how: "100 echoes; the packets 20, 21, 40 and 41 to the server are lost. Counted: messages that lay complete at their \
          receiver and waited for an earlier one, and the longest wait.",
    measure: |subject| {
        let order = outcome(&subject.plan("loss=drop:20:21:40:41", "", 100)?)?.order;
        let longest = order.wait.max().unwrap_or(0) as f64 / 1e6;
        let value = if order.blocked == 0 { "no".to_owned() } else { format!("yes, {longest:.0} ms") };
        Ok(Answer::new(value, format!("{} messages waited, {longest:.1} ms at most", order.blocked)))
    },
};

pub(super) const OVERHEAD: Row = Row {
    claim: "header bytes per message",
    how: "300 echoes of 1,000 bytes over a clear link, and 100. Counted: bytes on the link with IP headers and \
          acknowledgements that the 200 more took, per message, less its 1,000 bytes. So the handshake does not count.",
    measure: |subject| {
        let [many, few] = [300, 100].map(|messages| crossed(subject, messages));
        let (many, few) = (many?, few?);
        let (bytes, packets, messages) = (many.0 - few.0, many.1 - few.1, 2 * (300 - 100));
        let headers = (bytes as f64 / f64::from(messages) - 1000.0).round();
        let detail = format!("{bytes} bytes in {packets} packets for {messages} messages");
        Ok(Answer::new(format!("{headers:.0}"), detail))
    },
};

/// The bytes and packets that cross the link both ways for this many echoes.
fn crossed(subject: Subject, messages: u32) -> Result<(u64, u64), PropertyError> {
    let wire = outcome(&subject.plan("", "", messages)?)?.wire;
    let wire = wire.ok_or_else(|| PropertyError::Silent("the path has no link".to_owned()))?;
    Ok(wire.iter().fold((0, 0), |sum, way| (sum.0 + way.bytes, sum.1 + way.packets)))
}

pub(super) const LARGEST: Row = Row {
    claim: "largest message",
    how: "One echo over a clear link of MTU 1,500, as long as it is answered, up to 1 MiB.",
    measure: |subject| {
        const MOST: usize = 1 << 20;
        if is_echoed(subject, MOST)? {
            return Ok(Answer::new("over 1 MB", format!("{MOST} bytes were echoed")));
        }
        // The longest that is echoed is at least `fits` and below `fails`.
        let (mut fits, mut fails) = (64, 1 << 16);
        if !is_echoed(subject, fits)? {
            return Err(PropertyError::Silent(format!("not even {fits} bytes were echoed")));
        }
        while fits + 1 < fails {
            let middle = usize::midpoint(fits, fails);
            if is_echoed(subject, middle)? { fits = middle } else { fails = middle }
        }
        Ok(Answer::new(fits.to_string(), format!("{fits} bytes were echoed, {fails} were not")))
    },
};

fn is_echoed(subject: Subject, length: usize) -> Result<bool, PropertyError> {
    let plan = subject.plan("", "", 1)?;
    let plan = Plan { workload: Workload { length, reply_length: length, ..plan.workload }, ..plan };
    match run(&plan, 1, Observers::default(), &StopSignal::default()) {
        Ok(outcome) => Ok(outcome.messages.delivered == 1),
        Err(error @ (RunError::Path(_) | RunError::Host(_) | RunError::NoSockets)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}

fn outcome(plan: &Plan) -> Result<Outcome, PropertyError> {
    let outcome = run(plan, 1, Observers::default(), &StopSignal::default())?;
    if outcome.messages.delivered == 0 {
        return Err(PropertyError::Silent("no message was answered".to_owned()));
    }
    Ok(outcome)
}
