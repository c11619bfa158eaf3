//! How requests are answered, whatever carries them.

mod aborted;
mod byte_stream;
mod measured_stream;
mod opening;
mod reply_batch;
mod run_tracker;
mod transfer;

pub(super) use self::{
    aborted::{Aborted, within_idle},
    byte_stream::{Carrier, answer_byte_stream},
    measured_stream::answer_measured_stream,
    opening::{Opening, StreamKind},
    reply_batch::{ReplyBatch, Route},
    run_tracker::{MeasuredRequest, Reception, RunTracker},
    transfer::{serve_transfer, transfer_on_stream},
};
