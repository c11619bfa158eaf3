//! Why a path through network namespaces could not be made.

use std::{fs, io};

use crate::path::WireBroken;

/// A path through network namespaces could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// The system forbids it.
    #[error("cannot make {what} ({source}): {remedy}")]
    Forbidden {
        /// What was to be made.
        what: &'static str,
        /// Which permission is missing, and how to grant it.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process had more than one thread.
    #[error("cannot make a user namespace: this process has started threads before")]
    Threads,
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program as given.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The wire carries nothing any more.
    #[error(transparent)]
    Broken(#[from] WireBroken),
    /// Another step of the set-up failed.
    #[error("cannot {operation}: {source}")]
    Setup {
        /// The step.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl NetnsError {
    pub(super) fn setup(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Setup { operation, source }
    }
}

/// Why `unshare(CLONE_NEWNET)` failed.
pub(super) fn no_network_namespace(source: io::Error) -> NetnsError {
    NetnsError::Forbidden { what: "a network namespace", remedy: remedy(), source }
}

/// Why `unshare(CLONE_NEWPID)` failed.
pub(super) fn no_process_namespace(source: io::Error) -> NetnsError {
    NetnsError::Forbidden { what: "a process namespace", remedy: remedy(), source }
}

/// What forbids namespaces, as far as the system shows it, and how to permit them.
pub(super) fn remedy() -> &'static str {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    let is = |name: &str, value: &str| setting(name).is_some_and(|text| text.trim() == value);
    if is("user/max_net_namespaces", "0") {
        "no network namespaces are allowed; `sysctl user.max_net_namespaces=10000` as root allows them"
    } else if is("user/max_pid_namespaces", "0") {
        "no process namespaces are allowed; `sysctl user.max_pid_namespaces=10000` as root allows them"
    } else if is("user/max_user_namespaces", "0") {
        "no user namespaces are allowed; `sysctl user.max_user_namespaces=10000` as root allows them, or run as root"
    } else if is("kernel/unprivileged_userns_clone", "0") {
        "user namespaces are reserved for root; `sysctl kernel.unprivileged_userns_clone=1` as root allows them for all users, or run \
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

/// The value of the line that starts with `key` in this thread's `/proc` status.
pub(super) fn status(key: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().to_owned())
}
