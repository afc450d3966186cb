//! Pages: what they render, and how they behave in a real browser.

mod samples;
