-- Road events that units are told for as long as something that inference has found holds. Written by services/registry/surroundings.
CREATE TABLE register.finding_event (
    site_id    text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    finding_id text NOT NULL,                            -- of city.finding
    number     smallint NOT NULL,                        -- of the requests that the finding carries, from 0
    event_id   bigint REFERENCES register.road_event ON DELETE SET NULL,
    refusal    text NOT NULL DEFAULT '',                 -- why it cannot be told; '' where it is
    tried      timestamptz NOT NULL,
    ended      timestamptz,                              -- since when the finding is over
    PRIMARY KEY (finding_id, number)
);
CREATE INDEX finding_event_open ON register.finding_event (site_id) WHERE ended IS NULL;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.finding_event
    FOR EACH ROW EXECUTE FUNCTION register.record_change('finding_id');
