//! Instructions of the kernel's packet filters (classic BPF).

use socket2::SockFilter;

/// An instruction that does not jump, or that jumps always.
pub(super) fn plain(code: u32, k: u32) -> SockFilter {
    SockFilter::new(code as u16, 0, 0, k)
}

/// Loads the byte at this offset.
pub(super) fn load_byte(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, offset)
}

/// Loads the four bytes at this offset.
pub(super) fn load_word(offset: u32) -> SockFilter {
    plain(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

/// Skips this many instructions, if what was loaded is equal to `value` and otherwise.
pub(super) fn jump_if_equal(value: u32, then: u8, otherwise: u8) -> SockFilter {
    SockFilter::new((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, then, otherwise, value)
}

/// Ends the program: lets `bytes` of the packet through.
pub(super) fn accept(bytes: u32) -> SockFilter {
    plain(libc::BPF_RET | libc::BPF_K, bytes)
}
