-- What is published, and which of it to answer from. Generations themselves are schemas of their own (generation.sql).
CREATE TABLE courtsight.generation (
    number integer PRIMARY KEY CHECK (number > 0),
    corpus text NOT NULL,
    analysis text NOT NULL,
    documents integer NOT NULL,
    passages integer NOT NULL,
    demo integer NOT NULL,
    unverified integer NOT NULL,
    tokens bigint NOT NULL, -- terms of all passages together: BM25's average length is tokens / passages
    embedding text, -- the model whose vectors stand beside the passages; null: there are none
    made_at timestamptz NOT NULL DEFAULT now()
);

-- One row: the pointer. Replaced in the transaction that fills the generation, so that readers see all of it or nothing.
CREATE TABLE courtsight.published (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation integer NOT NULL REFERENCES courtsight.generation,
    publication bigint NOT NULL
);

-- The role that the service reads by; deploy/postgres/roles.sql makes it. Without it only the owner reads.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'courtsight_reader') THEN
        GRANT USAGE ON SCHEMA courtsight TO courtsight_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA courtsight TO courtsight_reader;
    END IF;
END
$$;
