-- The role and the database that the service keeps everything in. Run once by psql as the administrator when the server is new;
-- docker-compose.yml mounts it where the image runs it.
-- The role owns its database's tables and may make more, for migrations; it may not make databases or roles, nor enter another database.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/database_password`
CREATE ROLE courtsight LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 80 PASSWORD :'password';
CREATE DATABASE courtsight;
REVOKE ALL ON DATABASE courtsight, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE courtsight TO courtsight;
\connect courtsight
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO courtsight;
