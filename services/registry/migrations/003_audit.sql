-- Every change of the register, by whomever, as the database saw it: who, what, before, after, when. Nothing is ever changed in it.
CREATE TABLE register.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,                              -- who asked the registry; the database's user for a change by SQL
    action   text NOT NULL,                              -- insert, update, delete
    what     text NOT NULL,                              -- the table
    subject  text NOT NULL,                              -- the row's id in it
    before   jsonb,
    after    jsonb
);
CREATE INDEX audit_at ON register.audit (at, audit_id);
CREATE INDEX audit_subject ON register.audit (subject, audit_id);
CREATE INDEX audit_actor ON register.audit (actor, audit_id);

-- A row without what must not be read there (secrets' verifiers) or is derived or large.
CREATE FUNCTION register.audited(line jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN
    line - '{search,verifier,hash,password}'::text[];

CREATE FUNCTION register.record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    former jsonb;
    latter jsonb;
BEGIN
    IF TG_TABLE_NAME = 'road_network' THEN               -- a network may have hundreds of megabytes
        IF TG_OP <> 'INSERT' THEN
            former := jsonb_build_object('site_id', OLD.site_id, 'version', OLD.version, 'bytes', octet_length(OLD.content));
        END IF;
        IF TG_OP <> 'DELETE' THEN
            latter := jsonb_build_object('site_id', NEW.site_id, 'version', NEW.version, 'bytes', octet_length(NEW.content));
        END IF;
    ELSE
        IF TG_OP <> 'INSERT' THEN former := register.audited(to_jsonb(OLD)); END IF;
        IF TG_OP <> 'DELETE' THEN latter := register.audited(to_jsonb(NEW)); END IF;
    END IF;
    INSERT INTO register.audit (actor, action, what, subject, before, after) VALUES (
        coalesce(nullif(current_setting('chelu.actor', true), ''), 'database user ' || session_user),
        lower(TG_OP), TG_TABLE_NAME, coalesce(latter, former) ->> TG_ARGV[0], former, latter);
    RETURN NULL;
END $$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.organisation
    FOR EACH ROW EXECUTE FUNCTION register.record_change('organisation_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.site
    FOR EACH ROW EXECUTE FUNCTION register.record_change('site_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.device
    FOR EACH ROW EXECUTE FUNCTION register.record_change('device_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.credential
    FOR EACH ROW EXECUTE FUNCTION register.record_change('device_key');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.road_network
    FOR EACH ROW EXECUTE FUNCTION register.record_change('site_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.service_account
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.api_key
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');

CREATE FUNCTION register.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'register.% is only ever added to: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON register.audit
    FOR EACH STATEMENT EXECUTE FUNCTION register.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON register.history
    FOR EACH STATEMENT EXECUTE FUNCTION register.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON register.audit, register.history FROM PUBLIC;
