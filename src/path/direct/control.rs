//! Control messages of received packets (cmsg(3)).

use std::time::Duration;

/// The level, the type and the content of each control message.
pub(super) fn messages(mut control: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    std::iter::from_fn(move || {
        let (header, rest) = control.split_at_checked(HEADER)?;
        let (length, kind) = header.split_first_chunk()?;
        let length = usize::from_ne_bytes(*length);
        let body = rest.get(..length.checked_sub(HEADER)?)?;
        control = control.get(length.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
        Some((word(kind, 0)?, word(kind, 4)?, body))
    })
}

/// The kernel's time stamp, since the Unix epoch, if there is one (`SO_TIMESTAMPNS`).
pub(super) fn stamp(control: &[u8]) -> Option<Duration> {
    let is_stamp =
        |(level, kind, _): &(i32, i32, &[u8])| (*level, *kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS);
    let (_, _, body) = messages(control).find(is_stamp)?;
    // struct timespec: seconds and nanoseconds.
    let (seconds, nanos) = body.split_first_chunk()?;
    let (seconds, nanos) = (isize::from_ne_bytes(*seconds), isize::from_ne_bytes(*nanos.first_chunk()?));
    Some(Duration::new(seconds.try_into().ok()?, nanos.try_into().ok()?))
}

/// The number of the message's content at this offset.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
