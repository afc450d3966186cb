//! A record as a folder: what `receipts export` writes and `receipts verify FOLDER` reads.
//!
//! `receipts.jsonl` and `checkpoints.jsonl` hold one object per line, `keys.json` the public keys, `personas.json` whose
//! chain is which, `artifacts/<aa>/<sha256>` the files. Headers and bodies are the stored texts, byte for byte.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use actors::{
    domain::{ChainId, Hash, PersonaId},
    ports::Checkpoint,
};
use anyhow::{Context as _, bail};
use async_trait::async_trait;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::record::Record;
use crate::storage::{NodeKey, RawReceipt};

/// A longer line is none of ours.
const MOST_LINE: u64 = 64 << 20;
const ROWS_AT_ONCE: usize = 1_000;
const HEX: &str = "hex:";

const ABOUT: &str = "Receipts exported by Greenroom. Check them with:\n\n    greenroom receipts verify <this folder>\n\n\
    Compare the key that is printed with one you know, or pass --head or --root HASH with one \
    that you kept.\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptLine {
    pos: i64,
    node: String,
    chain: String,
    seq: i64,
    header: String,
    hash: String,
    salt: Option<String>,
    body: Option<String>,
    at_ms: i64,
    kind: String,
    phase: Option<String>,
    run: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    chain: String,
    seq: i64,
    hash: Hash,
    signature: String,
    at_ms: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    node: String,
    public_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonaLine {
    id: PersonaId,
    slug: String,
}

/// A chain as text; bytes that name none (someone edited them) in hexadecimal.
pub(super) fn chain_text(bytes: &[u8]) -> String {
    ChainId::from_bytes(bytes).map_or_else(|_| format!("{HEX}{}", hex::encode(bytes)), |chain| chain.to_string())
}

fn chain_bytes(text: &str) -> anyhow::Result<Vec<u8>> {
    match text.strip_prefix(HEX) {
        Some(digits) => Ok(hex::decode(digits)?),
        None => Ok(text.parse::<ChainId>()?.to_bytes()),
    }
}

/// An exported folder, read as it is checked.
pub struct Bundle {
    folder: PathBuf,
    only: Option<ChainId>,
    receipts: Lines,
}

impl Bundle {
    /// The folder must hold a record; of it all, or the chain of one persona by slug or id.
    pub fn open(folder: &Path, persona: Option<&str>) -> anyhow::Result<Self> {
        let receipts = Self::lines(folder)?;
        let mut bundle = Self { folder: folder.to_owned(), only: None, receipts };
        if let Some(name) = persona {
            let named = bundle.named()?;
            let Some((id, _)) = named.iter().find(|(id, slug)| slug == name || id.to_string() == name) else {
                let known: Vec<_> = named.into_iter().map(|(_, slug)| slug).collect();
                bail!("{} holds no persona `{name}`, but: {}", folder.display(), known.join(", "));
            };
            bundle.only = Some(ChainId::Persona(*id));
        }
        Ok(bundle)
    }

    fn lines(folder: &Path) -> anyhow::Result<Lines> {
        Lines::open(&folder.join("receipts.jsonl"))
            .with_context(|| format!("{} is no exported record", folder.display()))
    }

    /// A record that was exported before this file was written names nobody.
    fn named(&self) -> anyhow::Result<Vec<(PersonaId, String)>> {
        let path = self.folder.join("personas.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let lines: Vec<PersonaLine> =
            serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(lines.into_iter().map(|line| (line.id, line.slug)).collect())
    }
}

#[async_trait]
impl Record for Bundle {
    async fn keys(&mut self) -> anyhow::Result<Vec<NodeKey>> {
        let path = self.folder.join("keys.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines: Vec<KeyLine> =
            serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))?;
        lines
            .into_iter()
            .map(|line| Ok(NodeKey { key: key_from(&hex::decode(line.public_key)?)?, node: line.node }))
            .collect()
    }

    fn only(&self) -> Option<ChainId> {
        self.only.clone()
    }

    async fn personas(&mut self) -> anyhow::Result<Vec<(PersonaId, String)>> {
        self.named()
    }

    async fn vouching(&mut self) -> anyhow::Result<Vec<RawReceipt>> {
        let (mut lines, mut found) = (Self::lines(&self.folder)?, Vec::new());
        while let Some(line) = lines.next::<ReceiptLine>()? {
            let row = row(line)?;
            if row.as_stored().vouches() {
                found.push(row);
            }
        }
        Ok(found)
    }

    async fn checkpoints(&mut self) -> anyhow::Result<Vec<Checkpoint>> {
        let mut lines = Lines::open(&self.folder.join("checkpoints.jsonl"))?;
        let mut found = Vec::new();
        while let Some(line) = lines.next::<CheckpointLine>()? {
            let signature = Signature::from_slice(&hex::decode(line.signature)?)?;
            let chain: ChainId = line.chain.parse()?;
            if self.only.as_ref().is_some_and(|only| *only != chain) {
                continue;
            }
            found.push(Checkpoint { chain, seq: line.seq, hash: line.hash, signature, at_ms: line.at_ms });
        }
        Ok(found)
    }

    async fn more(&mut self) -> anyhow::Result<Vec<RawReceipt>> {
        let only = self.only.as_ref().map(ChainId::to_bytes);
        let mut found = Vec::new();
        while found.len() < ROWS_AT_ONCE
            && let Some(line) = self.receipts.next::<ReceiptLine>()?
        {
            let row = row(line)?;
            if only.as_ref().is_none_or(|only| *only == row.chain) {
                found.push(row);
            }
        }
        Ok(found)
    }

    async fn artifact(&mut self, hash: Hash) -> anyhow::Result<Option<Vec<u8>>> {
        let path = artifact_path(&self.folder, hash);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

fn row(line: ReceiptLine) -> anyhow::Result<RawReceipt> {
    let bytes = |text: Option<String>| text.map(hex::decode).transpose();
    Ok(RawReceipt {
        node: line.node,
        pos: line.pos,
        chain: chain_bytes(&line.chain)?,
        seq: line.seq,
        header: line.header,
        hash: hex::decode(line.hash)?,
        salt: bytes(line.salt)?,
        body: line.body,
        at_ms: line.at_ms,
        kind: line.kind,
        phase: line.phase,
        run: bytes(line.run)?,
    })
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Exported {
    pub receipts: u64,
    pub artifacts: u64,
    /// Named by a receipt and gone: verification says which.
    pub artifacts_gone: u64,
}

/// What people read about it.
pub fn said(exported: &Exported, to: &Path) -> String {
    let Exported { receipts, artifacts, artifacts_gone } = exported;
    let mut text = format!("{receipts} receipts and {artifacts} artifacts are in {}", to.display());
    if *artifacts_gone > 0 {
        text.push_str(&format!("; {artifacts_gone} artifacts are gone"));
    }
    text.push_str(&format!("\ncheck them anywhere: greenroom receipts verify {}", to.display()));
    text
}

/// Writes the whole record into a new folder. A folder that is not finished is left behind with `.part` in its name.
pub async fn export(record: &mut dyn Record, to: &Path, shown: &indicatif::ProgressBar) -> anyhow::Result<Exported> {
    if to.exists() {
        bail!("{} exists already: name a new folder", to.display());
    }
    let name = to.file_name().and_then(|name| name.to_str()).context("--to must name a folder")?;
    let part = to.with_file_name(format!("{name}.part"));
    fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    let exported = write(record, &part, shown).await?;
    fs::rename(&part, to).with_context(|| format!("cannot rename {} to {}", part.display(), to.display()))?;
    Ok(exported)
}

async fn write(record: &mut dyn Record, folder: &Path, shown: &indicatif::ProgressBar) -> anyhow::Result<Exported> {
    let keys = record.keys().await?.into_iter();
    let keys: Vec<_> =
        keys.map(|key| KeyLine { public_key: hex::encode(key.key.to_bytes()), node: key.node }).collect();
    fs::write(folder.join("keys.json"), serde_json::to_vec_pretty(&keys)?)?;
    let personas = record.personas().await?.into_iter();
    let personas: Vec<_> = personas.map(|(id, slug)| PersonaLine { id, slug }).collect();
    fs::write(folder.join("personas.json"), serde_json::to_vec_pretty(&personas)?)?;
    fs::write(folder.join("README.txt"), ABOUT)?;

    let mut file = create(folder, "checkpoints.jsonl")?;
    for head in record.checkpoints().await? {
        let signature = hex::encode(head.signature.to_bytes());
        let chain = head.chain.to_string();
        put(&mut file, &CheckpointLine { chain, seq: head.seq, hash: head.hash, signature, at_ms: head.at_ms })?;
    }
    finish(file)?;

    let mut file = create(folder, "receipts.jsonl")?;
    let mut exported = Exported::default();
    loop {
        let rows = record.more().await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            keep_artifacts(record, &row, folder, &mut exported).await?;
            put(&mut file, &line(row))?;
            exported.receipts += 1;
        }
        shown.set_message(format!("{} receipts, {} artifacts", exported.receipts, exported.artifacts));
    }
    finish(file)?;
    shown.finish_and_clear();
    Ok(exported)
}

async fn keep_artifacts(
    record: &mut dyn Record,
    row: &RawReceipt,
    folder: &Path,
    exported: &mut Exported,
) -> anyhow::Result<()> {
    for (_, hash) in super::check::named_artifacts(row) {
        let path = artifact_path(folder, hash);
        if path.exists() {
            continue;
        }
        let Some(bytes) = record.artifact(hash).await? else {
            exported.artifacts_gone += 1;
            continue;
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        exported.artifacts += 1;
    }
    Ok(())
}

fn line(row: RawReceipt) -> ReceiptLine {
    ReceiptLine {
        pos: row.pos,
        node: row.node,
        chain: chain_text(&row.chain),
        seq: row.seq,
        header: row.header,
        hash: hex::encode(row.hash),
        salt: row.salt.map(hex::encode),
        body: row.body,
        at_ms: row.at_ms,
        kind: row.kind,
        phase: row.phase,
        run: row.run.map(hex::encode),
    }
}

/// A public key out of its 32 bytes.
pub(super) fn key_from(bytes: &[u8]) -> anyhow::Result<VerifyingKey> {
    let bytes: &[u8; 32] = bytes.try_into().context("a public key has 32 bytes")?;
    VerifyingKey::from_bytes(bytes).context("these 32 bytes are no public key")
}

fn artifact_path(folder: &Path, hash: Hash) -> PathBuf {
    let name = hash.to_string();
    folder.join("artifacts").join(&name[..2]).join(name)
}

fn create(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(name);
    Ok(BufWriter::new(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?))
}

fn put<T: Serialize>(file: &mut BufWriter<File>, line: &T) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")?;
    Ok(())
}

fn finish(file: BufWriter<File>) -> anyhow::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

/// Lines of a file, each one object.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), number: 0 })
    }

    fn next<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        let mut line = Vec::new();
        self.number += 1;
        let at = format!("line {} of {}", self.number, self.path.display());
        let read = self.file.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
        read.with_context(|| format!("cannot read {at}"))?;
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).with_context(|| format!("{at} cannot be understood"))
    }
}
