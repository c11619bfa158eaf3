//! Permission to make network namespaces.

use std::{fs, io};

use super::{
    error::{NetnsError, remedy, status},
    namespace::Namespace,
};
use crate::path::sys;

/// Ensures that this process may make network namespaces. An ordinary user's process moves into a user namespace, which
/// is possible only while it has one thread: call this first in `main`.
///
/// Returns [`NetnsError`], which names the missing permission and how to grant it.
pub fn prepare() -> Result<(), NetnsError> {
    if !is_privileged() {
        enter_user_namespace()?;
    }
    Namespace::new(false).map(drop)
}

/// Whether this thread has `CAP_SYS_ADMIN` in its user namespace (capability 21).
fn is_privileged() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    status("CapEff:").and_then(|caps| u64::from_str_radix(&caps, 16).ok()).is_some_and(|c| c & SYS_ADMIN != 0)
}

/// Maps user and group to themselves, so that written files belong to them as before.
fn enter_user_namespace() -> Result<(), NetnsError> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    sys::unshare_user().map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => NetnsError::Threads,
        _ => NetnsError::Forbidden { what: "a user namespace", remedy: remedy(), source },
    })?;
    let map = |file: &str, text: &str| {
        fs::write(format!("/proc/self/{file}"), text).map_err(|source| NetnsError::Forbidden {
            what: "a user namespace with itself in it",
            remedy: remedy(),
            source,
        })
    };
    // Required before group ids can be mapped (user_namespaces(7)).
    map("setgroups", "deny")?;
    map("uid_map", &format!("{user} {user} 1"))?;
    map("gid_map", &format!("{group} {group} 1"))
}
