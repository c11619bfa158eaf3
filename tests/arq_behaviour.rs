//! What a connection does, one story each.
