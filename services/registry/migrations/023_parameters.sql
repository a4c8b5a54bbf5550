-- Parameters of the applications that a site has of its own, and every change of them. Written by services/registry/parameters.
CREATE TABLE register.site_parameters (
    site_id text PRIMARY KEY REFERENCES register.site ON DELETE CASCADE,
    version integer NOT NULL,                            -- counts the changes
    own     jsonb NOT NULL DEFAULT '{}'                  -- application → parameter → value, of what is not the default
);
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.site_parameters
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.site_parameters
    FOR EACH ROW EXECUTE FUNCTION register.record_change('site_id');

CREATE TABLE register.parameter_change (
    change_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id     text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    version     integer NOT NULL,                        -- that it led to
    at          timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,
    application text NOT NULL,
    parameter   text NOT NULL,
    former      double precision,                        -- null: the default counted
    latter      double precision,                        -- null: the default counts again
    note        text NOT NULL                            -- why
);
CREATE INDEX parameter_change_site ON register.parameter_change (site_id, change_id);
