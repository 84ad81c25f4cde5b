//! What other servers of this kind were broken by, once published.
