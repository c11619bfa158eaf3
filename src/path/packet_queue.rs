//! The queue of a packet socket.

use std::os::fd::AsFd;

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};

/// Makes room for packets that wait to be read, if the kernel grants it.
pub(super) fn enlarge(socket: impl AsFd, bytes: usize) {
    // The first call exceeds the system's limit, which takes a capability. The kernel may grant less.
    if set_socket_recv_buffer_size_force(&socket, bytes).is_err() {
        let _ = set_socket_recv_buffer_size(&socket, bytes);
    }
}
