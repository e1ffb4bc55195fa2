"""Counting: every row of every table of a PostgreSQL server, and the collations that its indexes rely on."""

from collections.abc import Sequence

import msgspec

from dashtam_tasks.migration.postgresql.server import Server

# A table and its descendants count their own rows each. Temporary tables end with their session.
COUNT = r"""
SELECT format('SELECT json_build_array(%L::text, %L::text, count(*)) FROM %s %I.%I',
              nspname, relname, CASE relkind WHEN 'r' THEN 'ONLY' ELSE '' END, nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'm') AND relispopulated AND relpersistence <> 't'
  AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY nspname, relname
\gexec
"""
# Versions of the database's own collation are known from 15 on (PostgreSQL, pg_database.datcollversion).
COLLATIONS = r"""
SELECT current_setting('server_version_num')::int >= 150000 AS is_known
\gset
\if :is_known
SELECT json_build_array(datname, datcollversion, pg_database_collation_actual_version(oid))
FROM pg_database
WHERE datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)
ORDER BY datname;
\endif
"""


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a table of PostgreSQL has."""

    database: str
    schema: str
    table: str
    rows: int

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells the table from all others of its server."""
        return (self.database, self.schema, self.table)

    def __str__(self) -> str:
        return f"{self.database}: {self.schema}.{self.table}"


def rows(server: Server) -> tuple[Rows, ...]:
    """Return how many rows each table of each database has."""
    return tuple(
        Rows(database=database, schema=schema, table=table, rows=count)
        for database in server.databases()
        for schema, table, count in server.answers(COUNT, database)
    )


def collations(server: Server) -> tuple[str, ...]:
    """Return in words which databases were made with other versions of their collations than the server has."""
    return tuple(
        f"The database {name} was made with version {made} of its collation, and the server has {present}."
        for name, made, present in server.answers(COLLATIONS)
    )


def changed(before: Sequence[Rows], after: Sequence[Rows]) -> tuple[str, ...]:
    """Return in words which tables have another number of rows than before."""
    old, new = ({one.name: one for one in rows} for rows in (before, after))
    words = {
        name: (old[name].rows if name in old else "none", new[name].rows if name in new else "none")
        for name in old | new
    }
    return tuple(
        f"{old.get(name) or new[name]}: {was} became {now}"
        for name, (was, now) in sorted(words.items())
        if was != now
    )
