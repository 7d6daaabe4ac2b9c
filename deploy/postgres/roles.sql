-- The two roles of the retrieval database; run once by its administrator, then give each role a password and LOGIN:
--   psql -f deploy/postgres/roles.sql
--   psql -c '\password courtsight_writer'   (and courtsight_reader)
--   psql -c 'ALTER ROLE courtsight_writer LOGIN'   (and courtsight_reader)
--   psql -c 'CREATE DATABASE courtsight OWNER courtsight_writer'
--   psql -d courtsight -c 'CREATE EXTENSION vector'   (only for dense re-ranking)
-- The writer (`python -m service publish`) owns what it makes and nothing else. The reader (the service) may read what the writer grants.
CREATE ROLE courtsight_writer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE ROLE courtsight_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
