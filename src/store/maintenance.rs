//! Work on a store by its operator, while no daemon runs or beside one.
