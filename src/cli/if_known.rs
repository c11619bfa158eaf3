//! Values of options that not every command has.
//!
//! clap tells an option that the command does not have from one that was not given only in debug builds. A decision
//! that rests on the difference passes every test and fails in a release, so nothing else asks clap.
#![expect(clippy::disallowed_methods, reason = "the two cases are the same here")]

use clap::{ArgMatches, parser::RawValues};

/// The value of an option, given or by default.
pub(super) fn value<'a, T: Clone + Send + Sync + 'static>(
    matches: &'a ArgMatches,
    id: &str,
) -> Option<&'a T> {
    matches.try_get_one(id).ok().flatten()
}

/// The values of an option that takes several.
pub(super) fn values<'a, T: Clone + Send + Sync + 'static>(
    matches: &'a ArgMatches,
    id: &str,
) -> impl Iterator<Item = &'a T> {
    matches.try_get_many(id).ok().flatten().into_iter().flatten()
}

/// The values of an option or an argument, as they were written.
pub(super) fn raw<'a>(matches: &'a ArgMatches, id: &str) -> Option<RawValues<'a>> {
    matches.try_get_raw(id).ok().flatten()
}
