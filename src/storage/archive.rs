//! The record as it is stored, for verification and export: read only, without a server, beside a running one.

use std::{path::Path, sync::Arc};

use actors::{
    domain::{ChainId, Hash, PersonaId},
    ports::{Blobs, Checkpoint, Records, Unavailable, World},
};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Nullable},
};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{
    blobs::FileBlobs,
    db::{Db, DbError, Open, on_db},
    open::{OpenError, Storage, sqlite_file},
    postgres,
    records::ReadBack,
    rows::{Columns, receipt::RawReceipt},
    schema::{checkpoints, personas, receipts, signing_keys},
    sqlite::SqliteReaders,
};
use crate::config::StorageConfig;

/// Between these lie the bytes of system chains.
const SYSTEM: [&[u8]; 2] = [b"system:", b"system;"];
/// Rows that are in memory at once.
const PART: i64 = 4_000;

/// The record, open for reading.
#[derive(Clone)]
pub struct Archive {
    pub db: Db,
    pub blobs: FileBlobs,
}

/// A key that may have signed heads, and the node it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKey {
    pub node: String,
    pub key: VerifyingKey,
}

impl Archive {
    /// The record of an open database.
    pub fn of(db: Db, data_root: &Path) -> Self {
        Self { db, blobs: FileBlobs::at(data_root.join("blobs")) }
    }
}

impl Storage {
    /// Opens what is there for reading. Nothing is made, brought up to date or locked.
    pub async fn open_read_only(
        config: &StorageConfig,
        data_root: &Path,
        world: std::sync::Arc<dyn World>,
    ) -> Result<Archive, OpenError> {
        let open = match config.database_url.as_str() {
            "" => {
                let path = sqlite_file(data_root);
                if !path.is_file() {
                    return Err(OpenError::NotThere { path });
                }
                Open::Sqlite(SqliteReaders::alone(&path, 1))
            }
            url => {
                let connect = |source| OpenError::Connect { what: postgres::without_password(url), source };
                let pool = postgres::read_only_pool(url).await.map_err(connect)?;
                let nodes = postgres::nodes(&pool, None).await?;
                Open::Postgres(pool, nodes.into())
            }
        };
        Ok(Archive::of(Db { open, world }, data_root))
    }
}

type CheckpointRow = (Vec<u8>, i64, Vec<u8>, Vec<u8>, i64);

impl Archive {
    /// What the company reads back, for whoever only reads.
    pub fn records(&self) -> Arc<dyn Records> {
        Arc::new(ReadBack(self.db.clone()))
    }

    /// The chain of a persona by slug or id, deleted ones included.
    pub async fn persona_chain(&self, slug_or_id: &str) -> Result<Option<ChainId>, DbError> {
        if let Ok(id) = slug_or_id.parse::<PersonaId>() {
            return Ok(self.db.persona(id).await?.map(|persona| ChainId::Persona(persona.id)));
        }
        let slug = slug_or_id.replace('\0', "");
        let id: Option<Vec<u8>> =
            on_db!(self.db, one: personas::table.filter(personas::slug.eq(slug.clone())).select(personas::id));
        id.map(|id| Ok(ChainId::Persona(Columns("personas").id(&id)?))).transpose()
    }

    /// Every key that may have signed heads.
    pub async fn keys(&self) -> Result<Vec<NodeKey>, DbError> {
        let rows: Vec<(String, Vec<u8>)> = on_db!(self.db, all:
            signing_keys::table
                .order((signing_keys::node, signing_keys::since_ms, signing_keys::key_id))
                .select((signing_keys::node, signing_keys::public_key)));
        let read = Columns("signing_keys");
        let key = |(node, key): (String, Vec<u8>)| -> Result<_, DbError> {
            let bytes: [u8; 32] = key.try_into().map_err(|_| read.corrupt("a public key has not 32 bytes"))?;
            Ok(NodeKey { node, key: VerifyingKey::from_bytes(&bytes).map_err(|error| read.corrupt(error))? })
        };
        rows.into_iter().map(key).collect()
    }

    /// Every signed head, or those of one chain.
    pub async fn checkpoints(&self, chain: Option<&ChainId>) -> Result<Vec<Checkpoint>, DbError> {
        let chain = chain.map(ChainId::to_bytes);
        let rows: Vec<CheckpointRow> = on_db!(self.db, all: {
            let all = checkpoints::table.order((checkpoints::chain, checkpoints::seq)).into_boxed();
            match chain.clone() { Some(chain) => all.filter(checkpoints::chain.eq(chain)), None => all }
        });
        let read = Columns("checkpoints");
        let checkpoint = |(chain, seq, hash, signature, at_ms): CheckpointRow| {
            let chain = ChainId::from_bytes(&chain).map_err(|error| read.corrupt(error))?;
            // One that is no signature was signed by no known key: verification says so.
            let signature = Signature::from_slice(&signature).unwrap_or(Signature::from_bytes(&[0; 64]));
            Ok(Checkpoint { chain, seq, hash: read.hash(&hash)?, signature, at_ms })
        };
        rows.into_iter().map(checkpoint).collect()
    }

    /// What system chains say about other chains: which were opened, and the roots over all heads.
    pub async fn vouching(&self) -> Result<Vec<RawReceipt>, DbError> {
        let [from, to] = SYSTEM.map(<[u8]>::to_vec);
        let chains: Vec<Vec<u8>> = on_db!(self.db, all:
            receipts::table
                .filter(receipts::chain.ge(from.clone()).and(receipts::chain.lt(to.clone())))
                .select(receipts::chain)
                .distinct());
        let mut found = Vec::new();
        // Bytes that name none were edited: verification says so.
        for chain in chains.iter().filter_map(|chain| ChainId::from_bytes(chain).ok()) {
            let mut rows = self.rows(Some(chain));
            loop {
                let part = rows.more().await?;
                if part.is_empty() {
                    break;
                }
                found.extend(part.into_iter().filter(|row| row.as_stored().vouches()));
            }
        }
        Ok(found)
    }

    /// Every receipt, or those of one chain, part by part.
    pub fn rows(&self, chain: Option<ChainId>) -> Rows {
        let from = match (&chain, &self.db.open) {
            // One log, written in order of its key: that is the fastest order, and good for verification.
            (None, Open::Sqlite(_)) => Behind::Position(i64::MIN),
            (None, Open::Postgres(..)) => Behind::Sequence(Vec::new(), i64::MIN),
            (Some(chain), _) => Behind::Sequence(chain.to_bytes(), i64::MIN),
        };
        Rows { db: self.db.clone(), only: chain.is_some(), from }
    }

    /// An artifact's bytes as they lie there. None: gone.
    pub async fn artifact(&self, hash: Hash) -> Result<Option<Vec<u8>>, Unavailable> {
        self.blobs.get(hash).await
    }
}

/// Receipts exactly as they are stored, each chain in order. Call [`Rows::more`] until it brings nothing.
pub struct Rows {
    db: Db,
    /// Of one chain.
    only: bool,
    from: Behind,
}

/// Behind which receipt the next part begins.
#[derive(Clone)]
enum Behind {
    Position(i64),
    Sequence(Vec<u8>, i64),
}

impl Rows {
    /// The next receipts; none: there are no more.
    pub async fn more(&mut self) -> Result<Vec<RawReceipt>, DbError> {
        let (from, only) = (self.from.clone(), self.only);
        let rows = match &self.db.open {
            Open::Sqlite(readers) => {
                let rows = readers.read(move |conn| bytes_of(conn, from, only)).await??;
                rows.into_iter().map(RawReceipt::from).collect()
            }
            Open::Postgres(pool, _) => {
                let mut conn = pool.get().await.map_err(DbError::unavailable)?;
                let (chain, seq) = match from {
                    Behind::Sequence(chain, seq) => (chain, seq),
                    Behind::Position(_) => (Vec::new(), i64::MIN),
                };
                let after = if only { OF_CHAIN } else { OF_ALL };
                let query = sql_query(after).bind::<Binary, _>(chain).bind::<BigInt, _>(seq).bind::<BigInt, _>(PART);
                diesel_async::RunQueryDsl::get_results(query, &mut *conn).await?
            }
        };
        if let Some(last) = rows.last() {
            self.from = match self.from {
                Behind::Position(_) => Behind::Position(last.pos),
                Behind::Sequence(..) => Behind::Sequence(last.chain.clone(), last.seq),
            };
        }
        Ok(rows)
    }
}

const OF_CHAIN: &str = "SELECT * FROM receipts WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const OF_ALL: &str = "SELECT * FROM receipts WHERE (chain, seq) > ($1, $2) ORDER BY chain, seq LIMIT $3";

/// Texts as bytes: an edited database may hold what is no text, and that must be found, not stumbled over.
type BytesRow = (
    (Vec<u8>, i64, Vec<u8>, i64),
    (Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>),
    (i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>),
);

fn bytes_of(conn: &mut SqliteConnection, from: Behind, only: bool) -> QueryResult<Vec<BytesRow>> {
    let columns = (
        (sql::<Binary>("CAST(node AS BLOB)"), receipts::pos, receipts::chain, receipts::seq),
        (
            sql::<Binary>("CAST(header AS BLOB)"),
            receipts::hash,
            receipts::salt,
            sql::<Nullable<Binary>>("CAST(body AS BLOB)"),
        ),
        (
            receipts::at_ms,
            sql::<Binary>("CAST(kind AS BLOB)"),
            sql::<Nullable<Binary>>("CAST(phase AS BLOB)"),
            receipts::run,
        ),
    );
    let part = receipts::table.select(columns).limit(PART).into_boxed();
    let part = match from {
        Behind::Position(pos) => part.filter(receipts::pos.gt(pos)).order(receipts::pos.asc()),
        Behind::Sequence(chain, seq) if only => {
            part.filter(receipts::chain.eq(chain).and(receipts::seq.gt(seq))).order(receipts::seq.asc())
        }
        Behind::Sequence(chain, seq) => {
            let behind = receipts::chain.gt(chain.clone()).or(receipts::chain.eq(chain).and(receipts::seq.gt(seq)));
            part.filter(behind).order((receipts::chain.asc(), receipts::seq.asc()))
        }
    };
    diesel::RunQueryDsl::load(part, conn)
}

impl From<BytesRow> for RawReceipt {
    fn from(((node, pos, chain, seq), (header, hash, salt, body), (at_ms, kind, phase, run)): BytesRow) -> Self {
        Self {
            node: text(node),
            pos,
            chain,
            seq,
            header: text(header),
            hash,
            salt,
            body: body.map(text),
            at_ms,
            kind: text(kind),
            phase: phase.map(text),
            run,
        }
    }
}

/// What is no text becomes another text, whose hash is wrong.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
