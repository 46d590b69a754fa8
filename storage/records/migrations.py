"""The schema of records.sqlite3, as named transactional steps; a step that was released is never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.steps import Steps

if TYPE_CHECKING:
    from sqlite_utils import Database

RECORDS = Steps("filmless.records")


@RECORDS
def m001_users(db: Database) -> None:
    """People; the name is compared without case, so that `An` and `an` cannot be two of them."""
    db.execute("""
        CREATE TABLE users (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE NOCASE UNIQUE,
            role TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            disabled INTEGER NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL
        ) STRICT""")


@RECORDS
def m002_sessions(db: Database) -> None:
    """Sign-ins; times are seconds since 1970, as they are only compared."""
    db.execute("""
        CREATE TABLE sessions (
            token_sha256 BLOB PRIMARY KEY,
            user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
            signed_in_at REAL NOT NULL,
            seen_at REAL NOT NULL,
            expires_at REAL NOT NULL
        ) STRICT, WITHOUT ROWID""")
    db.execute("CREATE INDEX sessions_by_user ON sessions(user_id, signed_in_at)")
    db.execute("CREATE INDEX sessions_by_expiry ON sessions(expires_at)")


@RECORDS
def m003_tokens(db: Database) -> None:
    """API tokens; revoked ones stay, so that the audit's names keep their meaning."""
    db.execute("""
        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE NOCASE UNIQUE,
            role TEXT NOT NULL,
            token_sha256 BLOB NOT NULL UNIQUE,
            created_at TEXT NOT NULL,
            last_used_at TEXT NOT NULL DEFAULT '',
            revoked INTEGER NOT NULL DEFAULT 0
        ) STRICT""")


@RECORDS
def m004_audit(db: Database) -> None:
    """Who did what; names are copied, as users and studies may be gone when it is read."""
    db.execute("""
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            means TEXT NOT NULL,
            event TEXT NOT NULL,
            study_instance_uid TEXT NOT NULL DEFAULT '',
            address TEXT NOT NULL DEFAULT '',
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT""")
    db.execute("CREATE INDEX audit_by_study ON audit(study_instance_uid) WHERE study_instance_uid <> ''")


@RECORDS
def m005_sign_in_failures(db: Database) -> None:
    """Failed sign-ins in a row for one name from one address."""
    db.execute("""
        CREATE TABLE sign_in_failures (
            name TEXT NOT NULL COLLATE NOCASE,
            address TEXT NOT NULL,
            failures INTEGER NOT NULL,
            last_at REAL NOT NULL,
            PRIMARY KEY (name, address)
        ) STRICT, WITHOUT ROWID""")
    db.execute("CREATE INDEX sign_in_failures_by_age ON sign_in_failures(last_at)")


@RECORDS
def m006_peers(db: Database) -> None:
    """Remote nodes; one AE title is one node, as it is all that a caller tells of itself."""
    db.execute("""
        CREATE TABLE peers (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE NOCASE UNIQUE,
            aet TEXT NOT NULL UNIQUE,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            may_query INTEGER NOT NULL,
            may_retrieve INTEGER NOT NULL,
            tls INTEGER NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL
        ) STRICT""")


@RECORDS
def m007_jobs(db: Database) -> None:
    """Work to be done later; times are seconds since 1970, as they are only compared."""
    db.execute("""
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            payload TEXT NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            due_at REAL NOT NULL,
            ended_at REAL NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL,
            error TEXT NOT NULL DEFAULT ''
        ) STRICT""")
    db.execute("CREATE INDEX jobs_by_time ON jobs(due_at) WHERE state = 'waiting'")


@RECORDS
def m008_tls_and_commitment_of_peers(db: Database) -> None:
    """How a peer's certificate is judged, and whether it is asked to commit to what it is sent."""
    for column in (
        "tls_verify INTEGER NOT NULL DEFAULT 1",
        "tls_authorities TEXT NOT NULL DEFAULT ''",
        "asks_commitment INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE peers ADD COLUMN {column}")


@RECORDS
def m009_remote_operations(db: Database) -> None:
    """Jobs that people ask for and watch: who works on one (until `due_at` while it runs), for which node, and how far.

    `lane` keeps long work from holding up short work; `report` is JSON of `storage.records.remote`.
    """
    for column in (
        "lane TEXT NOT NULL DEFAULT 'report'",
        "peer TEXT NOT NULL DEFAULT ''",
        "asked_by TEXT NOT NULL DEFAULT ''",
        "is_cancelled INTEGER NOT NULL DEFAULT 0",
        "report TEXT NOT NULL DEFAULT ''",
    ):
        db.execute(f"ALTER TABLE jobs ADD COLUMN {column}")
    db.execute("DROP INDEX jobs_by_time")
    db.execute("CREATE INDEX jobs_open ON jobs(lane, due_at) WHERE state IN ('waiting', 'running')")
    db.execute("CREATE INDEX jobs_by_lane ON jobs(lane, id)")
    db.execute("""
        CREATE TABLE job_items (
            job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
            item TEXT NOT NULL,
            is_done INTEGER NOT NULL,
            reason TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (job, item)
        ) STRICT, WITHOUT ROWID""")


@RECORDS
def m012_rejecting_peers(db: Database) -> None:
    """Whose rejection notes are acted on: nobody's, unless an administrator says so."""
    db.execute("ALTER TABLE peers ADD COLUMN may_reject INTEGER NOT NULL DEFAULT 0")
