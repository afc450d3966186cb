//! Pieces of queries whose text is fixed, so that a query built of them is prepared once for each connection.
//!
//! diesel's own `sql()` and `eq_any()` make SQLite prepare a query at every use, and so does a bound `LIMIT`, whose
//! value its planner wants to see. For the wide rows of an inbox that costs more than reading them.

use diesel::{
    QueryResult,
    backend::Backend,
    connection::Connection,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Bool,
};

/// A condition without values.
#[derive(Debug, Clone, Copy, ValidGrouping)]
pub(super) struct Condition(pub &'static str);

impl Expression for Condition {
    type SqlType = Bool;
}

impl<From> AppearsOnTable<From> for Condition {}

impl<From> SelectableExpression<From> for Condition {}

/// None: the statement is known by its text.
impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Db: Backend> QueryFragment<Db> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(self.0);
        out.push_sql(")");
        Ok(())
    }
}

/// The first rows of a query. There is one statement for each number: few are in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct First<Q> {
    rows: i64,
    of: Q,
}

/// The first so many rows of this.
pub(super) const fn first<Q>(rows: i64, of: Q) -> First<Q> {
    First { rows, of }
}

impl<Q: Query> Query for First<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for First<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Conn: Connection> diesel::RunQueryDsl<Conn> for First<Q> {}

impl<Db: Backend, Q: QueryFragment<Db>> QueryFragment<Db> for First<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        self.of.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_sql(&self.rows.to_string());
        Ok(())
    }
}
