-- What was received: rows, books, and what could not be used. One writer: services/ingest.
-- The series stream.bsm, stream.participant and stream.spat are derived from chelu.messages (services/ingest/tables.py).
CREATE TABLE stream.batch (
    batch_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created   timestamptz NOT NULL,                     -- when ingest began it
    committed timestamptz                               -- when it was durable; null when ingest died just after
);
CREATE INDEX batch_created ON stream.batch USING brin (created);

CREATE TABLE stream.account (
    batch_id bigint NOT NULL REFERENCES stream.batch,
    stream   text   NOT NULL,                           -- chelu.topics Topic.stream; 'unknown', 'join', 'inbox'
    messages bigint NOT NULL,
    frames   bigint NOT NULL,
    received bigint NOT NULL,                           -- rows = stored + the sum of stream.drop
    stored   bigint NOT NULL,
    missing  bigint NOT NULL DEFAULT 0,                 -- messages missing in the senders' counts: lost on the way, at least
    PRIMARY KEY (batch_id, stream)
);

CREATE TABLE stream.drop (
    batch_id   bigint  NOT NULL REFERENCES stream.batch,
    stream     text    NOT NULL,
    device_key integer,
    reason     text    NOT NULL,                        -- chelu.messages.DropReason
    rows       bigint  NOT NULL
);
CREATE INDEX drop_batch ON stream.drop (batch_id);

CREATE TABLE stream.dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time       timestamptz NOT NULL,                    -- arrival
    topic      text   NOT NULL,
    device_id  text   NOT NULL,
    reason     text   NOT NULL,
    detail     text   NOT NULL,
    payload    bytea  NOT NULL,                         -- its beginning, when it is long
    size_bytes bigint NOT NULL,
    suppressed bigint NOT NULL DEFAULT 0                -- of this reason, since the one before: counted and not kept
);
CREATE INDEX dead_letter_time ON stream.dead_letter (time);

CREATE TABLE stream.delivery (
    device_key integer NOT NULL,
    stream     text    NOT NULL,
    sequence   bigint  NOT NULL,
    stored     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_key, stream, sequence)
);
CREATE INDEX delivery_stored ON stream.delivery USING brin (stored);

CREATE TABLE stream.spool (
    name     text   PRIMARY KEY,                        -- the worker's client id
    released bigint NOT NULL                            -- its spool is stored up to this sequence
);

CREATE TABLE stream.message (
    time       timestamptz NOT NULL,
    arrival    timestamptz NOT NULL,
    device_key integer     NOT NULL,
    batch_id   bigint      NOT NULL,
    flags      smallint    NOT NULL,
    kind       text        NOT NULL,                    -- map, rsi, telemetry
    payload    bytea       NOT NULL,
    value      jsonb                                    -- its reading; null where there is none
);
CREATE INDEX message_device ON stream.message (device_key, time);
CREATE INDEX message_time ON stream.message USING brin (time);

CREATE TABLE stream.report (
    time       timestamptz NOT NULL,
    arrival    timestamptz NOT NULL,
    device_key integer     NOT NULL,
    batch_id   bigint      NOT NULL,
    flags      smallint    NOT NULL,
    stream     text        NOT NULL,
    topic      text        NOT NULL,
    body       jsonb       NOT NULL
);
CREATE INDEX report_device ON stream.report (device_key, stream, time);
CREATE INDEX report_time ON stream.report USING brin (time);
