CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE accounts (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	usage_days DOUBLE,
	PRIMARY KEY (id)
);

CREATE TABLE projects (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT projects_account_id UNIQUE (account, id),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE keys (
	id TEXT NOT NULL,
	prefix TEXT NOT NULL,
	sha256 BLOB NOT NULL,
	account TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	project TEXT,
	name TEXT NOT NULL,
	expires_at DOUBLE,
	revoked_at DOUBLE, spend_cap DOUBLE, period TEXT DEFAULT 'total' NOT NULL, requests_per_minute INTEGER, disabled_at DOUBLE, lineage TEXT DEFAULT '' NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT keys_project FOREIGN KEY(account, project) REFERENCES projects (account, id),
	UNIQUE (sha256),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE settings (
	layer TEXT NOT NULL,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	changed_at DOUBLE NOT NULL,
	PRIMARY KEY (layer, subject),
	CONSTRAINT settings_layer CHECK (layer IN ('gateway', 'account', 'project', 'key'))
);

CREATE TABLE starts (
	id TEXT NOT NULL,
	started_at DOUBLE NOT NULL,
	unknown BIGINT,
	ended_at DOUBLE,
	PRIMARY KEY (id)
);

CREATE TABLE decision_records (
	decision TEXT NOT NULL,
	at DOUBLE NOT NULL,
	account TEXT NOT NULL,
	"key" TEXT NOT NULL,
	model TEXT NOT NULL,
	requirement TEXT NOT NULL,
	catalogue TEXT NOT NULL,
	snapshot BIGINT NOT NULL,
	data_classes TEXT NOT NULL,
	permitted TEXT NOT NULL,
	denied TEXT NOT NULL,
	UNIQUE (decision)
);

CREATE TABLE credentials (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	provider TEXT NOT NULL,
	tier TEXT NOT NULL,
	name TEXT NOT NULL,
	declared TEXT NOT NULL,
	key_id TEXT NOT NULL,
	wrapped BLOB NOT NULL,
	ciphertext BLOB NOT NULL,
	version BIGINT NOT NULL,
	created_at DOUBLE NOT NULL,
	disabled_at DOUBLE,
	PRIMARY KEY (id),
	CONSTRAINT credentials_tier CHECK (tier IN ('paid', 'free', 'undeclared')),
	CONSTRAINT credentials_gone CHECK (disabled_at IS NULL OR (length(wrapped) = 0 AND length(ciphertext) = 0)),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE contradictions (
	endpoint TEXT NOT NULL,
	credential TEXT NOT NULL,
	code TEXT NOT NULL,
	decision TEXT NOT NULL,
	at DOUBLE NOT NULL,
	host TEXT,
	cleared_at DOUBLE,
	CONSTRAINT contradictions_code CHECK (code IN ('other_host', 'excluded_host', 'retained', 'stored'))
);

CREATE UNIQUE INDEX contradictions_in_force ON contradictions (endpoint, credential, code) WHERE cleared_at IS NULL;

CREATE TRIGGER contradictions_no_delete BEFORE DELETE ON contradictions BEGIN SELECT RAISE(ABORT, 'contradictions can only be added and cleared'); END;

CREATE TRIGGER contradictions_only_cleared BEFORE UPDATE ON contradictions WHEN OLD.cleared_at IS NOT NULL OR NEW.cleared_at IS NULL BEGIN SELECT RAISE(ABORT, 'contradictions can only be added and cleared'); END;

CREATE TRIGGER contradictions_no_change BEFORE UPDATE OF endpoint, credential, code, decision, at, host ON contradictions BEGIN SELECT RAISE(ABORT, 'contradictions can only be added and cleared'); END;

CREATE TABLE people (
	id TEXT NOT NULL,
	email TEXT NOT NULL,
	name TEXT NOT NULL,
	password TEXT,
	operator BOOLEAN NOT NULL,
	created_at DOUBLE NOT NULL,
	disabled_at DOUBLE,
	PRIMARY KEY (id),
	UNIQUE (email)
);

CREATE TABLE members (
	account TEXT NOT NULL,
	person TEXT NOT NULL,
	role TEXT NOT NULL,
	since DOUBLE NOT NULL,
	PRIMARY KEY (account, person),
	CONSTRAINT members_role CHECK (role IN ('owner', 'admin', 'member', 'auditor')),
	FOREIGN KEY(account) REFERENCES accounts (id),
	FOREIGN KEY(person) REFERENCES people (id)
);

CREATE TABLE sessions (
	sha256 BLOB NOT NULL,
	person TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	seen_at DOUBLE NOT NULL,
	PRIMARY KEY (sha256),
	FOREIGN KEY(person) REFERENCES people (id)
);

CREATE TABLE links (
	sha256 BLOB NOT NULL,
	kind TEXT NOT NULL,
	expires_at DOUBLE NOT NULL,
	account TEXT,
	role TEXT,
	email TEXT NOT NULL,
	PRIMARY KEY (sha256),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE changes (
	at DOUBLE NOT NULL,
	account TEXT,
	person TEXT NOT NULL,
	what TEXT NOT NULL,
	subject TEXT NOT NULL,
	"before" TEXT NOT NULL,
	"after" TEXT NOT NULL
);

CREATE INDEX changes_account_at ON changes (account, at);

CREATE TABLE usage_hours (
	dimension TEXT NOT NULL,
	account TEXT NOT NULL,
	hour BIGINT NOT NULL,
	label TEXT NOT NULL,
	requests BIGINT NOT NULL,
	succeeded BIGINT NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	cached_tokens BIGINT NOT NULL,
	reasoning_tokens BIGINT NOT NULL,
	cost DOUBLE NOT NULL,
	unpriced BIGINT NOT NULL,
	unmeasured BIGINT NOT NULL,
	contradicted BIGINT NOT NULL,
	duration_00 BIGINT NOT NULL,
	duration_01 BIGINT NOT NULL,
	duration_02 BIGINT NOT NULL,
	duration_03 BIGINT NOT NULL,
	duration_04 BIGINT NOT NULL,
	duration_05 BIGINT NOT NULL,
	duration_06 BIGINT NOT NULL,
	duration_07 BIGINT NOT NULL,
	duration_08 BIGINT NOT NULL,
	duration_09 BIGINT NOT NULL,
	duration_10 BIGINT NOT NULL,
	duration_11 BIGINT NOT NULL,
	duration_12 BIGINT NOT NULL,
	duration_13 BIGINT NOT NULL,
	duration_14 BIGINT NOT NULL,
	duration_15 BIGINT NOT NULL,
	duration_16 BIGINT NOT NULL,
	duration_17 BIGINT NOT NULL,
	duration_18 BIGINT NOT NULL,
	duration_19 BIGINT NOT NULL,
	duration_20 BIGINT NOT NULL,
	duration_21 BIGINT NOT NULL,
	duration_22 BIGINT NOT NULL,
	first_token_00 BIGINT NOT NULL,
	first_token_01 BIGINT NOT NULL,
	first_token_02 BIGINT NOT NULL,
	first_token_03 BIGINT NOT NULL,
	first_token_04 BIGINT NOT NULL,
	first_token_05 BIGINT NOT NULL,
	first_token_06 BIGINT NOT NULL,
	first_token_07 BIGINT NOT NULL,
	first_token_08 BIGINT NOT NULL,
	first_token_09 BIGINT NOT NULL,
	first_token_10 BIGINT NOT NULL,
	first_token_11 BIGINT NOT NULL,
	first_token_12 BIGINT NOT NULL,
	first_token_13 BIGINT NOT NULL,
	first_token_14 BIGINT NOT NULL,
	first_token_15 BIGINT NOT NULL,
	first_token_16 BIGINT NOT NULL,
	first_token_17 BIGINT NOT NULL,
	first_token_18 BIGINT NOT NULL,
	first_token_19 BIGINT NOT NULL,
	first_token_20 BIGINT NOT NULL,
	first_token_21 BIGINT NOT NULL,
	first_token_22 BIGINT NOT NULL,
	PRIMARY KEY (dimension, account, hour, label)
)
 WITHOUT ROWID;

CREATE INDEX keys_lineage ON keys (lineage);

CREATE TABLE spending (
	account TEXT NOT NULL,
	lineage TEXT NOT NULL,
	day INTEGER NOT NULL,
	cost DOUBLE NOT NULL,
	PRIMARY KEY (lineage, day),
	FOREIGN KEY(account) REFERENCES accounts (id)
)
 WITHOUT ROWID;

CREATE TABLE provisioning_keys (
	id TEXT NOT NULL,
	prefix TEXT NOT NULL,
	sha256 BLOB NOT NULL,
	account TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	name TEXT NOT NULL,
	revoked_at DOUBLE,
	PRIMARY KEY (id),
	UNIQUE (sha256),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE catalogues (
	version TEXT NOT NULL,
	body BLOB NOT NULL,
	added_at DOUBLE NOT NULL,
	PRIMARY KEY (version)
);

CREATE TABLE catalogue_updates (
	number BIGINT NOT NULL,
	at DOUBLE NOT NULL,
	person TEXT NOT NULL,
	source TEXT NOT NULL,
	base TEXT,
	pinned BOOLEAN NOT NULL,
	effective TEXT,
	previous TEXT,
	changes TEXT NOT NULL,
	accounts BIGINT,
	told BIGINT NOT NULL,
	told_at DOUBLE,
	PRIMARY KEY (number),
	CONSTRAINT catalogue_updates_source CHECK (source IN ('start', 'file', 'url', 'dashboard'))
);

CREATE TABLE holds (
	account TEXT NOT NULL,
	subject TEXT NOT NULL,
	number BIGINT NOT NULL,
	"before" TEXT,
	since DOUBLE NOT NULL,
	accepted_at DOUBLE,
	accepted_by TEXT,
	PRIMARY KEY (account, subject, number),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE review_settings (
	account TEXT NOT NULL,
	review_first BOOLEAN NOT NULL,
	remind_days DOUBLE,
	email BOOLEAN NOT NULL,
	webhook_url TEXT,
	key_id TEXT NOT NULL,
	wrapped BLOB NOT NULL,
	ciphertext BLOB NOT NULL,
	version BIGINT NOT NULL,
	reviewed_at DOUBLE,
	reminded_at DOUBLE,
	PRIMARY KEY (account),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE notifications (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	at DOUBLE NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT notifications_once UNIQUE (account, kind, subject),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE INDEX notifications_account_at ON notifications (account, at);

CREATE TABLE notices_seen (
	account TEXT NOT NULL,
	person TEXT NOT NULL,
	until DOUBLE NOT NULL,
	PRIMARY KEY (account, person),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE deliveries (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	notification TEXT NOT NULL,
	channel TEXT NOT NULL,
	person TEXT NOT NULL,
	next_at DOUBLE NOT NULL,
	attempts BIGINT NOT NULL,
	ended_at DOUBLE,
	code TEXT,
	PRIMARY KEY (id),
	CONSTRAINT deliveries_channel CHECK (channel IN ('email', 'webhook')),
	FOREIGN KEY(account) REFERENCES accounts (id),
	FOREIGN KEY(notification) REFERENCES notifications (id)
);

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE ended_at IS NULL;

CREATE TABLE privacy_requests (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	person TEXT NOT NULL,
	kind TEXT NOT NULL,
	status TEXT NOT NULL,
	opened_at DOUBLE NOT NULL,
	due_at DOUBLE NOT NULL,
	changed_at DOUBLE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT privacy_requests_kind CHECK (kind IN ('access', 'deletion', 'correction', 'objection', 'question')),
	CONSTRAINT privacy_requests_status CHECK (status IN ('open', 'in_progress', 'answered', 'closed')),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE INDEX privacy_requests_account ON privacy_requests (account, opened_at);

CREATE TABLE privacy_messages (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	request TEXT NOT NULL,
	person TEXT NOT NULL,
	from_team BOOLEAN NOT NULL,
	at DOUBLE NOT NULL,
	words TEXT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(account) REFERENCES accounts (id),
	FOREIGN KEY(request) REFERENCES privacy_requests (id)
);

CREATE INDEX privacy_messages_request ON privacy_messages (account, request, at);

CREATE TABLE privacy_notices (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	at DOUBLE NOT NULL,
	kind TEXT NOT NULL,
	facts TEXT NOT NULL,
	sent_at DOUBLE,
	PRIMARY KEY (id),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE closings (
	account TEXT NOT NULL,
	since DOUBLE NOT NULL,
	PRIMARY KEY (account),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TRIGGER decision_records_no_update BEFORE UPDATE ON decision_records WHEN NOT (NEW.rowid = OLD.rowid AND NEW.decision = OLD.decision AND NEW.at = OLD.at AND NEW.model = OLD.model AND NEW.requirement = OLD.requirement AND NEW.catalogue = OLD.catalogue AND NEW.snapshot = OLD.snapshot AND NEW.data_classes = OLD.data_classes AND NEW.permitted = OLD.permitted AND NEW.denied = OLD.denied AND substr(OLD.account, 1, 8) <> 'deleted:' AND substr(NEW.account, 1, 8) = 'deleted:' AND NEW."key" = 'deleted') BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END;

CREATE TABLE identities (
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,
	person TEXT NOT NULL,
	since DOUBLE NOT NULL,
	PRIMARY KEY (issuer, subject),
	UNIQUE (person, issuer),
	FOREIGN KEY(person) REFERENCES people (id) ON DELETE CASCADE
);

CREATE TABLE "usage" (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	decision TEXT NOT NULL,
	at DOUBLE NOT NULL,
	account TEXT NOT NULL,
	"key" TEXT NOT NULL,
	operation TEXT NOT NULL,
	model TEXT NOT NULL,
	outcome TEXT NOT NULL,
	status INTEGER NOT NULL,
	source TEXT NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	cached_tokens BIGINT NOT NULL,
	reasoning_tokens BIGINT NOT NULL,
	project TEXT,
	app_id TEXT,
	app_name TEXT,
	app_version TEXT,
	app_user_id TEXT,
	app_session_id TEXT,
	provider TEXT,
	endpoint TEXT,
	credential TEXT,
	data_class TEXT,
	streamed BOOLEAN NOT NULL,
	attempts INTEGER NOT NULL,
	duration DOUBLE NOT NULL,
	first_token DOUBLE,
	cost DOUBLE,
	host TEXT,
	evidence TEXT, sent_to TEXT,
	UNIQUE (decision)
);

CREATE INDEX usage_at_account ON usage (at, account);

CREATE TABLE usage_added (
	number BIGINT NOT NULL
);

CREATE TABLE slices (
	account TEXT NOT NULL,
	lineage TEXT NOT NULL,
	worker TEXT NOT NULL,
	amount BIGINT NOT NULL,
	requests INTEGER NOT NULL,
	ends_at DOUBLE NOT NULL,
	PRIMARY KEY (lineage, worker),
	FOREIGN KEY(account) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE TABLE recent_requests (
	account TEXT NOT NULL,
	lineage TEXT NOT NULL,
	second BIGINT NOT NULL,
	requests INTEGER NOT NULL,
	PRIMARY KEY (lineage, second),
	FOREIGN KEY(account) REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX recent_requests_second ON recent_requests (second);

CREATE TABLE audit_entries (
	position INTEGER NOT NULL,
	ref TEXT,
	entry BLOB NOT NULL,
	PRIMARY KEY (position),
	UNIQUE (ref)
);

CREATE TABLE audit_tiles (
	level INTEGER NOT NULL,
	number INTEGER NOT NULL,
	hashes BLOB NOT NULL,
	root BLOB NOT NULL,
	PRIMARY KEY (level, number)
);

CREATE TABLE audit_checkpoints (
	size INTEGER NOT NULL,
	note TEXT NOT NULL,
	PRIMARY KEY (size)
);

CREATE TABLE audit_names (
	log_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	account TEXT NOT NULL,
	subject TEXT NOT NULL,
	PRIMARY KEY (log_id),
	CONSTRAINT audit_names_subject UNIQUE (kind, account, subject)
);

CREATE INDEX audit_names_account ON audit_names (account);

CREATE TABLE audit_pending (
	id TEXT NOT NULL,
	at INTEGER NOT NULL,
	kind TEXT NOT NULL,
	body TEXT NOT NULL,
	UNIQUE (id)
);

CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END;

CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END;

CREATE TRIGGER audit_tiles_no_update BEFORE UPDATE ON audit_tiles BEGIN SELECT RAISE(ABORT, 'audit_tiles is append-only'); END;

CREATE TRIGGER audit_tiles_no_delete BEFORE DELETE ON audit_tiles BEGIN SELECT RAISE(ABORT, 'audit_tiles is append-only'); END;

CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END;

CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END;

CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries WHEN NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM audit_entries) BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END;

CREATE TRIGGER audit_tiles_no_replace BEFORE INSERT ON audit_tiles WHEN EXISTS (SELECT 1 FROM audit_tiles WHERE level = NEW.level AND number = NEW.number) BEGIN SELECT RAISE(ABORT, 'audit_tiles is append-only'); END;

CREATE TRIGGER audit_checkpoints_no_replace BEFORE INSERT ON audit_checkpoints WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE size = NEW.size) BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END;

CREATE TRIGGER decision_records_no_replace BEFORE INSERT ON decision_records WHEN EXISTS (SELECT 1 FROM decision_records WHERE decision = NEW.decision) OR EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'd:' || NEW.decision) BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END;

CREATE TRIGGER decision_records_no_delete BEFORE DELETE ON decision_records WHEN NOT EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'd:' || OLD.decision) BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END;

CREATE TRIGGER audit_pending_no_update BEFORE UPDATE ON audit_pending BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END;

CREATE TRIGGER audit_pending_no_delete BEFORE DELETE ON audit_pending WHEN NOT EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'c:' || OLD.id) BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END;

CREATE TRIGGER audit_entries_take AFTER INSERT ON audit_entries WHEN NEW.ref >= 'c:' AND NEW.ref < 'd;' BEGIN DELETE FROM decision_records WHERE 'd:' || decision = NEW.ref AND decision = substr(NEW.ref, 3); DELETE FROM audit_pending WHERE 'c:' || id = NEW.ref AND id = substr(NEW.ref, 3); END;

CREATE TRIGGER audit_names_account AFTER DELETE ON audit_names WHEN OLD.kind = 'account' BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'account_deleted', json_object('log_id', OLD.log_id); END;

CREATE TRIGGER audit_names_person AFTER DELETE ON audit_names WHEN OLD.kind = 'person' BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'person_deleted', json_object('log_id', OLD.log_id); END;

CREATE TRIGGER audit_accounts_delete AFTER DELETE ON accounts BEGIN DELETE FROM audit_names WHERE account = OLD.id; END;

CREATE TRIGGER audit_people_delete AFTER DELETE ON people BEGIN DELETE FROM audit_names WHERE kind = 'person' AND subject = OLD.id; END;

CREATE TRIGGER audit_accounts_insert AFTER INSERT ON accounts BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'account_added', json_object('account', NEW.id); END;

CREATE TRIGGER audit_closings_insert AFTER INSERT ON closings BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'account_closing', json_object('account', NEW.account); END;

CREATE TRIGGER audit_projects_insert AFTER INSERT ON projects BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'project_added', json_object('account', NEW.account, 'project', NEW.id); END;

CREATE TRIGGER audit_keys_insert AFTER INSERT ON keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_added', json_object('account', NEW.account, 'key', NEW.id, 'project', NEW.project, 'ends', CAST(NEW.expires_at * 1000 AS BIGINT), 'spend_cap', CAST(NEW.spend_cap AS TEXT), 'period', NEW.period, 'requests_per_minute', NEW.requests_per_minute, 'lineage', NEW.lineage); END;

CREATE TRIGGER audit_keys_revoke AFTER UPDATE OF revoked_at ON keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_revoked', json_object('account', NEW.account, 'key', NEW.id); END;

CREATE TRIGGER audit_keys_end AFTER UPDATE OF expires_at ON keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_ends', json_object('account', NEW.account, 'key', NEW.id, 'ends', CAST(NEW.expires_at * 1000 AS BIGINT)); END;

CREATE TRIGGER audit_keys_able AFTER UPDATE OF disabled_at ON keys WHEN NEW.disabled_at IS NOT OLD.disabled_at BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_able', json_object('account', NEW.account, 'key', NEW.id, 'disabled', CAST(NEW.disabled_at * 1000 AS BIGINT)); END;

CREATE TRIGGER audit_keys_limit AFTER UPDATE OF spend_cap, period, requests_per_minute ON keys WHEN NEW.spend_cap IS NOT OLD.spend_cap OR NEW.period IS NOT OLD.period OR NEW.requests_per_minute IS NOT OLD.requests_per_minute BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_limits', json_object('account', NEW.account, 'key', NEW.id, 'spend_cap', CAST(NEW.spend_cap AS TEXT), 'period', NEW.period, 'requests_per_minute', NEW.requests_per_minute); END;

CREATE TRIGGER audit_keys_delete AFTER DELETE ON keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'key_deleted', json_object('account', OLD.account, 'key', OLD.id) WHERE NOT EXISTS (SELECT 1 FROM closings WHERE account = OLD.account); END;

CREATE TRIGGER audit_provisioning_insert AFTER INSERT ON provisioning_keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'provisioning_key_added', json_object('account', NEW.account, 'provisioning', NEW.id); END;

CREATE TRIGGER audit_provisioning_revoke AFTER UPDATE OF revoked_at ON provisioning_keys BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'provisioning_key_revoked', json_object('account', NEW.account, 'provisioning', NEW.id); END;

CREATE TRIGGER audit_credentials_insert AFTER INSERT ON credentials BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'credential_added', json_object('account', NEW.account, 'credential', NEW.id, 'provider', NEW.provider, 'tier', NEW.tier, 'version', NEW.version); END;

CREATE TRIGGER audit_credentials_revoke AFTER UPDATE OF disabled_at ON credentials BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'credential_revoked', json_object('account', NEW.account, 'credential', NEW.id, 'provider', NEW.provider, 'tier', NEW.tier, 'version', NEW.version); END;

CREATE TRIGGER audit_credentials_update AFTER UPDATE OF tier, declared, version ON credentials WHEN NEW.disabled_at IS NULL BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'credential', json_object('account', NEW.account, 'credential', NEW.id, 'provider', NEW.provider, 'tier', NEW.tier, 'version', NEW.version); END;

CREATE TRIGGER audit_members_insert AFTER INSERT ON members BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'member', json_object('account', NEW.account, 'person', NEW.person, 'role', NEW.role); END;

CREATE TRIGGER audit_members_update AFTER UPDATE ON members BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'member', json_object('account', NEW.account, 'person', NEW.person, 'role', NEW.role); END;

CREATE TRIGGER audit_members_delete AFTER DELETE ON members BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'member_removed', json_object('account', OLD.account, 'person', OLD.person, 'role', OLD.role) WHERE NOT EXISTS (SELECT 1 FROM closings WHERE account = OLD.account); END;

CREATE TRIGGER audit_people_insert AFTER INSERT ON people BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'person_added', json_object('person', NEW.id, 'operator', CAST(NEW.operator AS INTEGER)); END;

CREATE TRIGGER audit_people_update AFTER UPDATE OF operator, disabled_at ON people BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'person', json_object('person', NEW.id, 'operator', CAST(NEW.operator AS INTEGER), 'disabled', CAST(NEW.disabled_at * 1000 AS BIGINT)); END;

CREATE TRIGGER audit_people_password AFTER UPDATE OF password ON people BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'password_changed', json_object('person', NEW.id); END;

CREATE TRIGGER audit_identities_insert AFTER INSERT ON identities BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'identity_added', json_object('person', NEW.person, 'issuer', NEW.issuer); END;

CREATE TRIGGER audit_settings_insert AFTER INSERT ON settings BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'settings', json_object('layer', NEW.layer, 'subject', NEW.subject, 'account', CASE NEW.layer WHEN 'account' THEN NEW.subject WHEN 'project' THEN (SELECT account FROM projects WHERE id = NEW.subject) WHEN 'key' THEN (SELECT account FROM keys WHERE id = NEW.subject) END, 'after', NEW.body); END;

CREATE TRIGGER audit_settings_update AFTER UPDATE ON settings BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'settings', json_object('layer', NEW.layer, 'subject', NEW.subject, 'account', CASE NEW.layer WHEN 'account' THEN NEW.subject WHEN 'project' THEN (SELECT account FROM projects WHERE id = NEW.subject) WHEN 'key' THEN (SELECT account FROM keys WHERE id = NEW.subject) END, 'before', OLD.body, 'after', NEW.body); END;

CREATE TRIGGER audit_settings_delete AFTER DELETE ON settings BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'settings', json_object('layer', OLD.layer, 'subject', OLD.subject, 'account', CASE OLD.layer WHEN 'account' THEN OLD.subject WHEN 'project' THEN (SELECT account FROM projects WHERE id = OLD.subject) WHEN 'key' THEN (SELECT account FROM keys WHERE id = OLD.subject) END, 'before', OLD.body) WHERE NOT EXISTS (SELECT 1 FROM closings WHERE account = CASE OLD.layer WHEN 'account' THEN OLD.subject WHEN 'project' THEN (SELECT account FROM projects WHERE id = OLD.subject) WHEN 'key' THEN (SELECT account FROM keys WHERE id = OLD.subject) END); END;

CREATE TRIGGER audit_contradictions_insert AFTER INSERT ON contradictions BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'contradiction', json_object('endpoint', NEW.endpoint, 'credential', NEW.credential, 'code', NEW.code, 'decision', NEW.decision); END;

CREATE TRIGGER audit_contradictions_clear AFTER UPDATE OF cleared_at ON contradictions BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'contradiction_cleared', json_object('endpoint', NEW.endpoint, 'credential', NEW.credential, 'code', NEW.code, 'decision', NEW.decision); END;

CREATE TRIGGER audit_catalogue_insert AFTER INSERT ON catalogue_updates BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'catalogue', json_object('number', NEW.number, 'source', NEW.source, 'pinned', CAST(NEW.pinned AS INTEGER), 'base', NEW.base, 'effective', NEW.effective, 'person', (SELECT id FROM people WHERE id = NEW.person), 'provisioning', (SELECT id FROM provisioning_keys WHERE id = NEW.person), 'by', CASE WHEN NEW.person = 'cli' THEN 'cli' END); END;

CREATE TRIGGER audit_catalogue_adopt AFTER UPDATE OF effective ON catalogue_updates BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'catalogue', json_object('number', NEW.number, 'source', NEW.source, 'pinned', CAST(NEW.pinned AS INTEGER), 'base', NEW.base, 'effective', NEW.effective); END;

CREATE TRIGGER audit_review_insert AFTER INSERT ON review_settings BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'review', json_object('account', NEW.account, 'review_first', CAST(NEW.review_first AS INTEGER)); END;

CREATE TRIGGER audit_review_update AFTER UPDATE OF review_first ON review_settings WHEN NEW.review_first IS NOT OLD.review_first BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'review', json_object('account', NEW.account, 'review_first', CAST(NEW.review_first AS INTEGER)); END;

CREATE TRIGGER audit_holds_accept AFTER UPDATE OF accepted_at ON holds BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'hold_accepted', json_object('account', NEW.account, 'record', NEW.subject, 'number', NEW.number, 'person', (SELECT id FROM people WHERE id = NEW.accepted_by), 'provisioning', (SELECT id FROM provisioning_keys WHERE id = NEW.accepted_by), 'by', CASE WHEN NEW.accepted_by = 'cli' THEN 'cli' END); END;

CREATE TABLE ranking_ledger (
	week TEXT NOT NULL,
	epsilon DOUBLE NOT NULL,
	delta DOUBLE NOT NULL,
	PRIMARY KEY (week)
);

CREATE TRIGGER ranking_ledger_no_delete BEFORE DELETE ON ranking_ledger BEGIN SELECT RAISE(ABORT, 'ranking_ledger is append-only'); END;

CREATE TRIGGER ranking_ledger_no_update BEFORE UPDATE ON ranking_ledger BEGIN SELECT RAISE(ABORT, 'ranking_ledger is append-only'); END;

CREATE TABLE ranking_releases (
	week TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (week),
	FOREIGN KEY(week) REFERENCES ranking_ledger (week)
);

CREATE TABLE ranking_opt_outs (
	account TEXT NOT NULL,
	PRIMARY KEY (account),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE log_recipients (
	id TEXT NOT NULL,
	account TEXT NOT NULL,
	recipient TEXT NOT NULL,
	name TEXT NOT NULL,
	created_at DOUBLE NOT NULL,
	PRIMARY KEY (id),
	CONSTRAINT log_recipients_once UNIQUE (account, recipient),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE log_rules (
	account TEXT NOT NULL,
	layer TEXT NOT NULL,
	subject TEXT NOT NULL,
	keeps TEXT NOT NULL,
	share DOUBLE NOT NULL,
	ttl_days DOUBLE NOT NULL,
	changed_at DOUBLE NOT NULL,
	PRIMARY KEY (account, layer, subject),
	CONSTRAINT log_rules_layer CHECK (layer IN ('account', 'project', 'key')),
	CONSTRAINT log_rules_keeps CHECK (keeps IN ('both', 'prompts', 'responses', 'nothing')),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TABLE sealed_logs (
	decision TEXT NOT NULL,
	account TEXT NOT NULL,
	"key" TEXT NOT NULL,
	project TEXT,
	at DOUBLE NOT NULL,
	expires_at DOUBLE NOT NULL,
	operation TEXT NOT NULL,
	model TEXT NOT NULL,
	outcome TEXT NOT NULL,
	keeps TEXT NOT NULL,
	recipients TEXT NOT NULL,
	bytes BIGINT,
	PRIMARY KEY (decision),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE INDEX sealed_logs_account ON sealed_logs (account, at);

CREATE INDEX sealed_logs_expiry ON sealed_logs (expires_at);

CREATE TABLE sealed_pieces (
	account TEXT NOT NULL,
	entry TEXT NOT NULL,
	number BIGINT NOT NULL,
	padding BLOB NOT NULL,
	piece BLOB NOT NULL,
	PRIMARY KEY (entry, number),
	FOREIGN KEY(account) REFERENCES accounts (id),
	FOREIGN KEY(entry) REFERENCES sealed_logs (decision)
);

CREATE TABLE log_clearings (
	account TEXT NOT NULL,
	until DOUBLE NOT NULL,
	PRIMARY KEY (account),
	FOREIGN KEY(account) REFERENCES accounts (id)
);

CREATE TRIGGER audit_changes_insert AFTER INSERT ON changes BEGIN INSERT INTO audit_pending (id, at, kind, body) SELECT lower(hex(randomblob(12))), CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER), 'action', json_object('account', NEW.account, 'what', NEW.what, 'person', (SELECT id FROM people WHERE id = NEW.person), 'provisioning', (SELECT id FROM provisioning_keys WHERE id = NEW.person), 'by', CASE WHEN NEW.person = 'cli' THEN 'cli' END, 'key', (SELECT id FROM keys WHERE id = CASE WHEN NEW.subject LIKE 'key %' THEN substr(NEW.subject, 5) ELSE NEW.subject END), 'project', CASE WHEN NEW.what = 'project_added' THEN NEW.subject WHEN NEW.subject LIKE 'project %' THEN substr(NEW.subject, 9) END, 'credential', (SELECT id FROM credentials WHERE id = NEW.subject), 'member', (SELECT id FROM people WHERE id = NEW.subject), 'recipient', CASE WHEN NEW.what IN ('log_recipient_added', 'log_recipient_removed') THEN NEW.subject END, 'request', (SELECT id FROM privacy_requests WHERE id = NEW.subject)); END;

CREATE TRIGGER audit_pending_no_replace BEFORE INSERT ON audit_pending WHEN EXISTS (SELECT 1 FROM audit_pending WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END;
