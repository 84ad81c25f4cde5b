//! The wall clock jumps.
