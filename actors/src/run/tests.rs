//! Runs through the ports in memory, with the clock stopped.
