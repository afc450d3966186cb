//! Grants slices: the right to work now.
