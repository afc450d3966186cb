//! Pages: what they render, and how they behave in a real browser.

#![cfg(test)]

mod agents;
mod approvals;
mod budgets;
mod calendar;
mod controls;
mod house;
mod keys;
mod live;
mod personality;
mod quotas;
mod rollbacks;
mod rooms;
mod samples;
mod screens;
mod script;
mod stage;
mod toolkit;
mod tools;
mod visitor;
mod waits;
mod work;
