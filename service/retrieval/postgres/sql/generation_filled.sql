-- Indexes are built once all rows stand: several times faster than to keep them while rows come.
ALTER TABLE {schema}.document ADD PRIMARY KEY (number);
ALTER TABLE {schema}.passage ADD PRIMARY KEY (number);
CREATE INDEX ON {schema}.passage (document);
ALTER TABLE {schema}.posting ADD PRIMARY KEY (term, part);
ALTER TABLE {schema}.cited ADD PRIMARY KEY (key, document);

ANALYZE {schema}.document, {schema}.passage, {schema}.term, {schema}.posting, {schema}.cited;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'courtsight_reader') THEN
        GRANT USAGE ON SCHEMA {schema} TO courtsight_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO courtsight_reader;
    END IF;
END
$$;
