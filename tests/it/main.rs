//! All integration tests: one binary, one folder per room.

mod pages;
