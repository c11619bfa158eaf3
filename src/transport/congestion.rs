//! The choice of a congestion controller, by name.

use std::{fmt, str::FromStr};

use crate::unit::Size;

/// A congestion controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Congestion {
    /// CUBIC (RFC 9438).
    Cubic,
    /// NewReno (RFC 9002 section 7).
    NewReno,
    /// BBR. quinn calls its implementation experimental.
    Bbr,
    /// A constant window of this many bytes. What remains then is recovery and order.
    Fixed(u64),
}

/// The window of `fixed` when no size is given. No workload of ours fills it.
pub const FIXED_WINDOW_BYTES: u64 = 1_000_000;

impl Congestion {
    /// The names of the controllers, without parameters.
    pub const NAMES: [&str; 4] = ["cubic", "newreno", "bbr", "fixed"];

    /// The Linux kernel's name of this controller. The kernel has no fixed window and keeps its default there.
    pub(crate) const fn kernel_name(self) -> &'static str {
        match self {
            Self::Cubic | Self::Fixed(_) => "cubic",
            Self::NewReno => "reno",
            Self::Bbr => "bbr",
        }
    }
}

impl fmt::Display for Congestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cubic => f.write_str("cubic"),
            Self::NewReno => f.write_str("newreno"),
            Self::Bbr => f.write_str("bbr"),
            Self::Fixed(FIXED_WINDOW_BYTES) => f.write_str("fixed"),
            Self::Fixed(bytes) => write!(f, "fixed:{bytes}"),
        }
    }
}

/// Not the name of a congestion controller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown congestion controller `{0}`: expected cubic, newreno, bbr, fixed or fixed:BYTES")]
pub struct UnknownCongestion(String);

impl FromStr for Congestion {
    type Err = UnknownCongestion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match &*name.to_ascii_lowercase() {
            "cubic" => Ok(Self::Cubic),
            "newreno" | "reno" => Ok(Self::NewReno),
            "bbr" => Ok(Self::Bbr),
            "fixed" => Ok(Self::Fixed(FIXED_WINDOW_BYTES)),
            _ => name
                .strip_prefix("fixed:")
                .and_then(|bytes| bytes.parse::<Size>().ok())
                .filter(|size| size.bytes() > 0)
                .map(|size| Self::Fixed(size.bytes()))
                .ok_or_else(|| UnknownCongestion(name.to_owned())),
        }
    }
}
