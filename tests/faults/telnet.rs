//! Telnet, cut anywhere, unfinished, and in storms.
