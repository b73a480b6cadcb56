-- What PostgreSQL needs besides the tables that the revisions make on both databases. Run after them, may be run again and again.
-- It goes by the names of columns, so that a new table needs nothing here, except for the list of tables that a snapshot is built from.

-- SQLite gives every row a `rowid`; statements that delete by it or order by it need one here.
DO $do$ DECLARE name text; BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname NOT IN ('alembic_version', 'published')
            AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
            AND NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'rowid')
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY', name);
    END LOOP;
END $do$;

-- The second wall: a statement sees the rows of the account that is set for its transaction, of all for `*`, of none if nothing is set.
CREATE OR REPLACE FUNCTION anyapi_sees(account text) RETURNS boolean LANGUAGE sql STABLE AS
$do$ SELECT current_setting('anyapi.account', TRUE) IN ('*', account) $do$;

DO $do$ DECLARE name text; BEGIN
    FOR name IN
        SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'account'
        UNION VALUES ('accounts'), ('settings')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %I', name);
        IF name NOT IN ('accounts', 'settings') THEN
            EXECUTE format('CREATE POLICY tenant ON %I USING (anyapi_sees(account))', name);
        END IF;
    END LOOP;
END $do$;
CREATE POLICY tenant ON accounts USING (anyapi_sees(id));
CREATE POLICY tenant ON settings USING (
    CASE layer
        WHEN 'account' THEN anyapi_sees(subject)
        WHEN 'project' THEN EXISTS (SELECT 1 FROM projects WHERE projects.id = settings.subject)
        WHEN 'key' THEN EXISTS (SELECT 1 FROM keys WHERE keys.id = settings.subject)
        ELSE anyapi_sees(NULL)
    END
);
-- What the gateway asks holds for every account, so every account may know it.
DROP POLICY IF EXISTS tenant_reads ON settings;
CREATE POLICY tenant_reads ON settings FOR SELECT USING (layer = 'gateway' AND current_setting('anyapi.account', TRUE) <> '');

-- Every change of what a snapshot is built from makes a new version and wakes the workers, in the transaction of the change itself.
CREATE OR REPLACE FUNCTION anyapi_changed() RETURNS trigger LANGUAGE plpgsql AS $do$
BEGIN
    UPDATE published SET version = version + 1;
    NOTIFY anyapi_changed; -- once for a transaction, however many statements it has
    RETURN NULL;
END $do$;

DO $do$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY['projects', 'keys', 'settings', 'credentials', 'contradictions', 'closings', 'holds', 'catalogues', 'catalogue_updates', 'review_settings', 'ranking_releases', 'ranking_opt_outs', 'log_rules', 'log_recipients'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER published AFTER INSERT OR UPDATE OR DELETE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION anyapi_changed()', name);
    END LOOP;
END $do$;
