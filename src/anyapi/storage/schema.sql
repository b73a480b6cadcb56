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

CREATE TABLE usage (
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
	cost DOUBLE, host TEXT, evidence TEXT, sent_to TEXT,
	UNIQUE (decision)
);

CREATE INDEX usage_at_account ON usage (at, account);

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

CREATE TRIGGER decision_records_no_delete BEFORE DELETE ON decision_records BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END;

CREATE TRIGGER decision_records_no_replace BEFORE INSERT ON decision_records WHEN EXISTS (SELECT 1 FROM decision_records WHERE decision = NEW.decision) BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END;

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
