//! Where Holdfast keeps its events: Postgres and SQLite.
