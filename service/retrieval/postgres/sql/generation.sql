-- One generation; {schema} is the name that the publisher gives it. Filled once, never changed, dropped as a whole.
CREATE SCHEMA {schema};

CREATE TABLE {schema}.document (
    number integer NOT NULL,
    content bytea NOT NULL,
    repealed boolean NOT NULL,
    title integer[] NOT NULL -- numbers of the title's terms
);

CREATE TABLE {schema}.passage (
    number integer NOT NULL,
    document integer NOT NULL,
    content bytea NOT NULL,
    sketch bytea NOT NULL,
    kind text NOT NULL,
    type text NOT NULL,
    year integer NOT NULL, -- -1: none
    in_force_from integer NOT NULL, -- days as Python's ordinals
    in_force_until integer NOT NULL
);

CREATE TABLE {schema}.term (
    number integer NOT NULL,
    term text NOT NULL,
    holding integer NOT NULL -- passages that hold it
);

-- Postings in blocks, one array entry for each passage that holds the term: code = frequency * 65536 + length of the passage.
-- Arrays keep a frequent term in a few rows; stored plainly, because taking them apart costs more than reading them.
CREATE TABLE {schema}.posting (
    term integer NOT NULL,
    part integer NOT NULL,
    passages integer[] NOT NULL,
    codes integer[] NOT NULL
);
ALTER TABLE {schema}.posting ALTER passages SET STORAGE EXTERNAL, ALTER codes SET STORAGE EXTERNAL;

CREATE TABLE {schema}.cited (
    key text NOT NULL,
    document integer NOT NULL
);
