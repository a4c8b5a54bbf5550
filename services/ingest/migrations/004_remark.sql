-- What a roadside's JSON says of a row beyond the row's columns: number plates, outlines, planned paths, a crossing's control mode.
CREATE TABLE stream.remark (
    time       timestamptz NOT NULL,                    -- that of the row
    arrival    timestamptz NOT NULL,
    device_key integer     NOT NULL,
    batch_id   bigint      NOT NULL,
    flags      smallint    NOT NULL,
    stream     text        NOT NULL,                    -- participant, spat: the row's table
    subject    bigint      NOT NULL,                    -- its participant_id or intersection_id
    body       jsonb       NOT NULL
);
CREATE INDEX remark_device ON stream.remark (device_key, stream, subject, time);
CREATE INDEX remark_time ON stream.remark USING brin (time);
