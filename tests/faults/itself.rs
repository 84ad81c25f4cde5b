//! What a user does to itself, or while others' lines are being delivered.
