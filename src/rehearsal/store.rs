//! What was submitted: JSON lines, appended and synced before anyone is told.
//!
//! A crash in the middle of a line leaves a torn last line; it was never answered and is cut off at the next start.
//! Damage anywhere else is refused by line number, never skipped.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

const FILE: &str = "callboard.jsonl";
const MOST_BYTES: u64 = 64 << 20;
const MOST_SESSIONS: usize = 1_000;

/// A proposal as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// From 1, in the order of arrival.
    pub number: u32,
    /// Who was signed in.
    pub email: String,
    /// Slug of the posting.
    pub posting: String,
    /// The applicant's own reference, shown when read back.
    pub reference: String,
    pub cover: String,
    pub rate: String,
    /// From the form that takes one: the same key brings the first submission back.
    pub idempotency_key: Option<String>,
}

/// A post in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// From 1, in the order of arrival.
    pub number: u32,
    pub email: String,
    pub text: String,
}

/// Work that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliverable {
    /// From 1, in the order of arrival.
    pub number: u32,
    pub email: String,
    pub title: String,
    /// The sender's own reference, shown when read back.
    pub reference: String,
    pub content: String,
}

/// A letter as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// From 1, in the order of arrival.
    pub number: u32,
    /// Who was signed in.
    pub email: String,
    pub to: String,
    pub text: String,
}

/// Everything that was submitted. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

/// The store cannot be used, or did not take a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no. Nothing was recorded.
    #[error("the rehearsal store {file} could not be {action}: {source}")]
    Io { action: &'static str, file: PathBuf, source: io::Error },
    /// Another process has it.
    #[error("the rehearsal store {file} is in use by another process; stop that one first")]
    InUse { file: PathBuf },
    /// A line that was once whole cannot be read.
    #[error("the rehearsal store {file} is damaged in line {line}: {source}; move the file away to start empty")]
    Damaged { file: PathBuf, line: usize, source: serde_json::Error },
    /// It has reached its limit.
    #[error("the rehearsal store {file} is full (64 MB); move the file away to start empty")]
    Full { file: PathBuf },
    /// The work was cut off by shutdown.
    #[error("the rehearsal site is ending; nothing was recorded")]
    Interrupted,
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record {
    SignedIn { token: String, email: String },
    SignedOut { token: String },
    Proposal(Proposal),
    Post(Post),
    Deliverable(Deliverable),
    Letter(Letter),
}

struct Inner {
    path: PathBuf,
    /// None: the site has ended and the file is somebody else's.
    file: Option<File>,
    bytes: u64,
    /// Token hash and e-mail, oldest first.
    sessions: Vec<(String, String)>,
    proposals: Vec<Proposal>,
    posts: Vec<Post>,
    deliverables: Vec<Deliverable>,
    letters: Vec<Letter>,
}

impl Store {
    /// Opens the store in this folder, or starts an empty one.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let failed = |action| {
            let file = path.clone();
            move |source| StoreError::Io { action, file, source }
        };
        fs::create_dir_all(dir).map_err(failed("created"))?;
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(&path).map_err(failed("opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { file: path }),
            Err(TryLockError::Error(source)) => return Err(failed("locked")(source)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed("read"))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed("repaired"))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("created"))?;
        let mut inner = Inner {
            path,
            file: Some(file),
            bytes: whole as u64,
            sessions: Vec::new(),
            proposals: Vec::new(),
            posts: Vec::new(),
            deliverables: Vec::new(),
            letters: Vec::new(),
        };
        inner.replay(&text[..whole])?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    /// Gives the file back, whoever still holds a clone: nothing is recorded any more, what was can still be read.
    pub(super) fn close(&self) {
        if let Some(file) = self.lock().file.take() {
            // A program that is being started right now may hold the same open file for a moment more.
            let _ = file.unlock();
        }
    }

    /// Every proposal, in the order of arrival.
    pub fn proposals(&self) -> Vec<Proposal> {
        self.lock().proposals.clone()
    }

    /// Every post made here (the feed also shows a few that were always there), in the order of arrival.
    pub fn posts(&self) -> Vec<Post> {
        self.lock().posts.clone()
    }

    /// Everything handed in, in the order of arrival.
    pub fn deliverables(&self) -> Vec<Deliverable> {
        self.lock().deliverables.clone()
    }

    /// Every letter sent, in the order of arrival.
    pub fn letters(&self) -> Vec<Letter> {
        self.lock().letters.clone()
    }

    /// Records a proposal. With a key that this applicant used before, the first submission is returned instead.
    pub(super) fn submit(&self, mut proposal: Proposal) -> Result<Proposal, StoreError> {
        let mut inner = self.lock();
        if let Some(key) = &proposal.idempotency_key {
            let same = |known: &&Proposal| known.email == proposal.email && known.idempotency_key.as_ref() == Some(key);
            if let Some(first) = inner.proposals.iter().find(same) {
                return Ok(first.clone());
            }
        }
        proposal.number = next_number(inner.proposals.len());
        inner.append(&Record::Proposal(proposal.clone()))?;
        inner.proposals.push(proposal.clone());
        Ok(proposal)
    }

    /// Records a post.
    pub(super) fn publish(&self, email: String, text: String) -> Result<Post, StoreError> {
        let mut inner = self.lock();
        let post = Post { number: next_number(inner.posts.len()), email, text };
        inner.append(&Record::Post(post.clone()))?;
        inner.posts.push(post.clone());
        Ok(post)
    }

    /// Records what is handed in.
    pub(super) fn hand_in(&self, mut deliverable: Deliverable) -> Result<Deliverable, StoreError> {
        let mut inner = self.lock();
        deliverable.number = next_number(inner.deliverables.len());
        inner.append(&Record::Deliverable(deliverable.clone()))?;
        inner.deliverables.push(deliverable.clone());
        Ok(deliverable)
    }

    /// Records a letter.
    pub(super) fn send(&self, mut letter: Letter) -> Result<Letter, StoreError> {
        let mut inner = self.lock();
        letter.number = next_number(inner.letters.len());
        inner.append(&Record::Letter(letter.clone()))?;
        inner.letters.push(letter.clone());
        Ok(letter)
    }

    /// Records a session by the hash of its token.
    pub(super) fn sign_in(&self, token: String, email: String) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.append(&Record::SignedIn { token: token.clone(), email: email.clone() })?;
        inner.begin_session(token, email);
        Ok(())
    }

    /// Forgets a session.
    pub(super) fn sign_out(&self, token: &str) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.append(&Record::SignedOut { token: token.to_owned() })?;
        inner.sessions.retain(|(known, _)| known != token);
        Ok(())
    }

    /// Whose session this token's hash stands for.
    pub(super) fn signed_in(&self, token: &str) -> Option<String> {
        self.lock().sessions.iter().find(|(known, _)| known == token).map(|(_, email)| email.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Memory changes only after the file did, in one statement each: a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn replay(&mut self, text: &[u8]) -> Result<(), StoreError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let damaged = |source| StoreError::Damaged { file: self.path.clone(), line: index + 1, source };
            match serde_json::from_slice(line).map_err(damaged)? {
                Record::SignedIn { token, email } => self.begin_session(token, email),
                Record::SignedOut { token } => self.sessions.retain(|(known, _)| *known != token),
                Record::Proposal(proposal) => self.proposals.push(proposal),
                Record::Post(post) => self.posts.push(post),
                Record::Deliverable(one) => self.deliverables.push(one),
                Record::Letter(letter) => self.letters.push(letter),
            }
        }
        Ok(())
    }

    fn begin_session(&mut self, token: String, email: String) {
        if self.sessions.len() >= MOST_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push((token, email));
    }

    /// On disk when it returns `Ok`; else the file is as it was.
    fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Err(StoreError::Interrupted) };
        let failed = |source| StoreError::Io { action: "written", file: self.path.clone(), source };
        let mut line = serde_json::to_vec(record).map_err(io::Error::other).map_err(failed)?;
        line.push(b'\n');
        let bytes = self.bytes + line.len() as u64;
        if bytes > MOST_BYTES {
            return Err(StoreError::Full { file: self.path.clone() });
        }
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if let Err(source) = written {
            // Half a line must not become the head of the next one.
            let _ = file.set_len(self.bytes).and_then(|()| file.seek(SeekFrom::End(0)));
            return Err(failed(source));
        }
        self.bytes = bytes;
        Ok(())
    }
}

fn next_number(known: usize) -> u32 {
    u32::try_from(known).unwrap_or(u32::MAX).saturating_add(1)
}
