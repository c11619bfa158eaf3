//! A list of senders.

use wirelab::experiment::{Sender, parse_senders};

/// The senders of one run.
#[derive(Debug, Clone)]
pub(crate) struct Senders(pub(crate) Vec<Sender>);

/// More senders than this are a typing error.
const MOST_SENDERS: usize = 64;

/// Parses a list of senders.
pub(crate) fn senders(list: &str) -> Result<Senders, String> {
    let senders = parse_senders(list).map_err(|e| e.to_string())?;
    match senders.len() {
        ..=MOST_SENDERS => Ok(Senders(senders)),
        many => Err(format!("{many} senders are too many: expected at most {MOST_SENDERS}")),
    }
}
