-- A site's maps: each version with the file that it came from, and which of them is valid from when on.
CREATE TABLE register.map (
    site_id  text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    version  integer NOT NULL,
    file     text NOT NULL,                              -- its name where it came from
    format   text NOT NULL,                              -- chelu.roads.opening.Opened.format
    sha256   text NOT NULL,                              -- of the file, in hexadecimal
    bytes    bigint NOT NULL,
    note     text NOT NULL DEFAULT '',
    said     jsonb NOT NULL,                             -- what is in it, what is not read of it, what is doubtful
    added    timestamptz NOT NULL DEFAULT now(),
    added_by text NOT NULL,
    PRIMARY KEY (site_id, version),
    UNIQUE (site_id, sha256)
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.map
    FOR EACH ROW EXECUTE FUNCTION register.record_change('site_id');

CREATE TABLE register.map_file (                         -- beside it, so that lists and the audit log need not carry it
    site_id text NOT NULL,
    version integer NOT NULL,
    content bytea NOT NULL,                              -- as it was given
    PRIMARY KEY (site_id, version),
    FOREIGN KEY (site_id, version) REFERENCES register.map ON DELETE CASCADE
);

-- From each of these instants on a version is valid, or none: two at once cannot be written down.
CREATE TABLE register.map_change (
    site_id text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    since   timestamptz NOT NULL,
    version integer,                                     -- null: from then on none
    actor   text NOT NULL,
    PRIMARY KEY (site_id, since),
    FOREIGN KEY (site_id, version) REFERENCES register.map
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.map_change
    FOR EACH ROW EXECUTE FUNCTION register.record_change('site_id');
