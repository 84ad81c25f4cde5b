CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- An account's number is never given again: history refers to it, not to the name, which is NULL once the
-- account is gone. State: 0 open, 1 suspended, 2 gone.
CREATE TABLE account(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE COLLATE NOCASE, skeleton TEXT UNIQUE,
  password TEXT, must_change INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0, made_at INTEGER NOT NULL, seen_at INTEGER NOT NULL,
  settings INTEGER NOT NULL DEFAULT 0, profile TEXT) STRICT;
CREATE TABLE held_name(name TEXT PRIMARY KEY COLLATE NOCASE, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE token(
  hash BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  label TEXT NOT NULL, made_at INTEGER NOT NULL, used_at INTEGER, UNIQUE(account, label)) STRICT, WITHOUT ROWID;
-- Kind: 1 friend, 2 block.
CREATE TABLE relation(
  account INTEGER NOT NULL REFERENCES account, other INTEGER NOT NULL REFERENCES account,
  kind INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(account, kind, other)) STRICT, WITHOUT ROWID;

-- A room, or a pair of accounts, whose number is low << 32 | high. keep_days 0: those of the server.
CREATE TABLE place(
  id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT UNIQUE COLLATE NOCASE,
  low INTEGER, high INTEGER, owner INTEGER, keep_days INTEGER NOT NULL, topic TEXT, rules INTEGER NOT NULL DEFAULT 0,
  UNIQUE(low, high), CHECK((room IS NULL) = (low IS NOT NULL))) STRICT;
CREATE INDEX place_high ON place(high) WHERE high IS NOT NULL;
-- Kind: 1 operator, 2 muted, 3 kept out.
CREATE TABLE rule(
  place INTEGER NOT NULL REFERENCES place, account INTEGER NOT NULL, kind INTEGER NOT NULL,
  until INTEGER, by INTEGER, PRIMARY KEY(place, account, kind)) STRICT, WITHOUT ROWID;

-- The time never falls as the number rises. Author NULL: a guest. Kind: 0 message, 1 action.
CREATE TABLE message(
  id INTEGER PRIMARY KEY, place INTEGER NOT NULL, at INTEGER NOT NULL,
  author INTEGER, name TEXT NOT NULL, kind INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX message_place ON message(place, id);
CREATE INDEX message_author ON message(author, id) WHERE author IS NOT NULL;
CREATE TABLE waiting(account INTEGER, message INTEGER, PRIMARY KEY(account, message)) STRICT, WITHOUT ROWID;
-- up_to is what was read, shown what was sent.
CREATE TABLE seen(
  account INTEGER, place INTEGER, up_to INTEGER NOT NULL, shown INTEGER NOT NULL,
  PRIMARY KEY(account, place)) STRICT, WITHOUT ROWID;

CREATE TABLE ban(
  id INTEGER PRIMARY KEY AUTOINCREMENT, net TEXT, account INTEGER, kind INTEGER NOT NULL, until INTEGER,
  reason TEXT, by TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE deed(
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
  whom TEXT, place INTEGER, text TEXT) STRICT;

-- Lines past the first number, up to the second, that are still to be erased: an account's (NULL: anybody's)
-- in a place (NULL: in all). No read shows them.
CREATE TABLE forgetting(
  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER, place INTEGER,
  past INTEGER NOT NULL DEFAULT 0, up_to INTEGER NOT NULL) STRICT;
