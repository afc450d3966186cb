//! The bare loop on PostgreSQL: a batch is one prepared `INSERT … SELECT unnest`, which commits by itself.

use actors::evidence::chain::Linked;
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Text},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::Instant;

use super::{super::workload::Rate, SPAN, Source, tiny_rows};

pub async fn receipts(url: &str, source: &mut Source) -> anyhow::Result<f64> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    let mut rate = Rate::over(SPAN);
    while rate.goes_on() {
        let drafts = source.drafts();
        let rows = drafts.len();
        let began = Instant::now();
        let (batch, linked) = source.link(drafts);
        RunQueryDsl::execute(InsertReceipts::new(&linked), &mut conn).await?;
        batch.commit();
        rate.turn(rows, began);
    }
    Ok(rate.per_second())
}

pub async fn tiny(url: &str, batch: usize) -> anyhow::Result<f64> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    conn.batch_execute("CREATE TABLE tiny (id BIGINT PRIMARY KEY, text TEXT NOT NULL)").await?;
    let (mut rate, mut ids) = (Rate::over(SPAN), 0);
    while rate.goes_on() {
        let rows = tiny_rows(&mut ids, batch);
        let began = Instant::now();
        RunQueryDsl::execute(InsertTiny::new(&rows), &mut conn).await?;
        rate.turn(batch, began);
    }
    Ok(rate.per_second())
}

/// `INSERT` of whole columns, prepared once whatever their length.
macro_rules! insert {
    ($name:ident $into:literal { $first:ident: $first_type:ty => $first_sql:ty, $($field:ident: $type:ty => $sql:ty,)+ }) => {
        struct $name<'a> {
            $first: Vec<$first_type>,
            $($field: Vec<$type>,)+
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!("INSERT INTO ", $into, " SELECT * FROM unnest("));
                out.push_bind_param::<Array<$first_sql>, _>(&self.$first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<Array<$sql>, _>(&self.$field)?;
                )+
                out.push_sql(")");
                Ok(())
            }
        }
    };
}

insert! {
    InsertTiny "tiny" { id: i64 => BigInt, text: &'a str => Text, }
}

insert! {
    InsertReceipts "receipts" {
        node: &'a str => Text,
        pos: i64 => BigInt,
        chain: Vec<u8> => Binary,
        seq: i64 => BigInt,
        header: &'a str => Text,
        hash: &'a [u8] => Binary,
        salt: &'a [u8] => Binary,
        body: &'a str => Text,
        at_ms: i64 => BigInt,
        kind: &'a str => Text,
        phase: Option<&'a str> => Nullable<Text>,
        run: Option<&'a [u8]> => Nullable<Binary>,
    }
}

impl<'a> InsertTiny<'a> {
    fn new(rows: &'a [(i64, String)]) -> Self {
        Self {
            id: rows.iter().map(|(id, _)| *id).collect(),
            text: rows.iter().map(|(_, text)| text.as_str()).collect(),
        }
    }
}

impl<'a> InsertReceipts<'a> {
    fn new(rows: &'a [Linked]) -> Self {
        Self {
            node: rows.iter().map(|row| row.draft.node.as_str()).collect(),
            pos: rows.iter().map(|row| row.pos).collect(),
            chain: rows.iter().map(|row| row.draft.chain.to_bytes()).collect(),
            seq: rows.iter().map(|row| row.seq).collect(),
            header: rows.iter().map(|row| row.header.as_str()).collect(),
            hash: rows.iter().map(|row| &row.hash.0[..]).collect(),
            salt: rows.iter().map(|row| &row.draft.salt[..]).collect(),
            body: rows.iter().map(|row| row.body.as_str()).collect(),
            at_ms: rows.iter().map(|row| row.draft.at_ms).collect(),
            kind: rows.iter().map(|row| row.draft.kind.as_str()).collect(),
            phase: rows.iter().map(|row| row.draft.phase.map(|phase| phase.as_str())).collect(),
            run: rows.iter().map(|row| row.draft.run.as_ref().map(|run| &run.as_bytes()[..])).collect(),
        }
    }
}
