//! Names chosen to collide under a hash that an attacker could know.
