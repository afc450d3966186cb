//! The words of Greenroom as plain types: no async, no I/O, no clock.

mod alert;
mod arrival;
mod call;
mod dependency;
mod goal;
mod ids;
mod inner_life;
mod limits;
mod message;
mod persona;
mod plan;
mod priority;
mod proof;
mod receipt;
mod run;
mod standing_wait;
mod words;

pub use alert::*;
pub use arrival::*;
pub use call::*;
pub use dependency::*;
pub use goal::*;
pub use ids::*;
pub use inner_life::*;
pub use limits::*;
pub use message::*;
pub use persona::*;
pub use plan::*;
pub use priority::*;
pub use proof::*;
pub use receipt::*;
pub use run::*;
pub use standing_wait::*;
pub use words::UnknownWord;
