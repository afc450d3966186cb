//! Where the truth is kept: SQLite by default, PostgreSQL when one machine is outgrown.
//!
//! **One way to write.** Everything the company does goes through [`actors::ports::Journal`] (`journal/`): guards,
//! changes and receipts of a commit in one transaction. What never passes through the actors (users, sessions,
//! secrets) is written by [`Accounts`] and [`Vault`], on SQLite over the same single connection.
//!
//! **Many ways to read.** [`Db`] has a method per question (`views/<noun>.rs`), written once and compiled for both
//! databases. Readers cannot write: on SQLite their connections are `query_only`.
//!
//! **Cancelling.** A caller may give up waiting at any time; what has begun is carried out whole. On SQLite all
//! writes share one connection, one at a time; on PostgreSQL the journal is a task of its own.
//!
//! **What is where** under the data root: `greenroom.db` (with `-wal`, `-shm`, and `greenroom.reserve`, which is given
//! up when the disk is full), `blobs/<aa>/<sha256>` for artifacts, `keys/` for the key files, which no backup of the
//! database contains.

mod accounts;
mod age;
mod archive;
mod blobs;
mod db;
mod disk;
mod fixed;
mod inbox;
mod journal;
pub mod migrations;
mod open;
mod postgres;
mod records;
mod rows;
mod schema;
mod sqlite;
mod vault;
mod verification;
mod views;
mod writes;

pub use accounts::{Accounts, LoginToken, Session, TokenLabel, User, UserId, UserRole, VirtualKey};
pub use age::Age;
pub use archive::{Archive, NodeKey, Rows};
pub use blobs::FileBlobs;
pub use db::{Db, DbError};
pub use disk::LowDisk;
pub use open::{OpenError, Storage};
pub use rows::receipt::RawReceipt;
pub use vault::{SecretLabel, Vault, VaultError};
pub use verification::verify;
pub use views::{ApprovalFilter, GoalFilter, PersonaNumbers, QueueDepths, ReceiptFilter, RunFilter, Today};
