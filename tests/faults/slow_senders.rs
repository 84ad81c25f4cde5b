//! Who sends a byte a second, or a line without an end.
