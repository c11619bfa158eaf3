//! May this process make network namespaces, and if not, what would let it?

use std::{fs, io};

use super::{Namespace, NetnsError};
use crate::path::sys;

/// Sees to it that this process may make network namespaces. As an ordinary user it moves into a user namespace of
/// its own, where it may; that goes only while it has one thread, so this comes first in `main`.
///
/// # Errors
///
/// [`NetnsError`], which says which permission is missing and what would give it.
pub fn prepare() -> Result<(), NetnsError> {
    if !is_privileged() {
        enter_user_namespace()?;
    }
    Namespace::new().map(drop)
}

/// Whether this thread has `CAP_SYS_ADMIN` in its user namespace (capability 21).
fn is_privileged() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    status("CapEff:").and_then(|caps| u64::from_str_radix(&caps, 16).ok()).is_some_and(|c| c & SYS_ADMIN != 0)
}

/// User and group stay who they are: files that are written belong to them as ever.
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
    // Groups cannot be left: without this, group ids cannot be mapped (user_namespaces(7)).
    map("setgroups", "deny")?;
    map("uid_map", &format!("{user} {user} 1"))?;
    map("gid_map", &format!("{group} {group} 1"))
}

/// Why `unshare(CLONE_NEWNET)` failed.
pub(super) fn no_network_namespace(source: io::Error) -> NetnsError {
    NetnsError::Forbidden { what: "a network namespace", remedy: remedy(), source }
}

/// Why `unshare(CLONE_NEWPID)` failed.
pub(super) fn no_process_namespace(source: io::Error) -> NetnsError {
    NetnsError::Forbidden { what: "a process namespace", remedy: remedy(), source }
}

/// What keeps us from it, as far as the system tells.
fn remedy() -> &'static str {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    let is = |name: &str, value: &str| setting(name).is_some_and(|text| text.trim() == value);
    if is("user/max_net_namespaces", "0") {
        "no network namespaces are allowed; `sysctl user.max_net_namespaces=10000` as root allows them"
    } else if is("user/max_pid_namespaces", "0") {
        "no process namespaces are allowed; `sysctl user.max_pid_namespaces=10000` as root allows them"
    } else if is("user/max_user_namespaces", "0") {
        "no user namespaces are allowed; `sysctl user.max_user_namespaces=10000` as root allows them, or run as root"
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "user namespaces are root's; `sysctl kernel.unprivileged_userns_clone=1` as root allows them to all, or run \
         as root"
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor restricts user namespaces; `sysctl kernel.apparmor_restrict_unprivileged_userns=0` as root lifts \
         that, or run as root"
    } else if status("Seccomp:").is_some_and(|mode| mode == "2") {
        "a seccomp filter forbids it, as in a container; start that with `--cap-add SYS_ADMIN --cap-add NET_ADMIN \
         --security-opt seccomp=unconfined`"
    } else {
        "it takes CAP_SYS_ADMIN and CAP_NET_ADMIN; run as root, or in a container with `--cap-add SYS_ADMIN --cap-add \
         NET_ADMIN`"
    }
}

/// The value of a line of this thread's status.
fn status(key: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().to_owned())
}
