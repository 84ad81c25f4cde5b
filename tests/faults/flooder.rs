//! One whose socket never runs empty.
