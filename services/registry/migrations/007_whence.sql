-- Whence strangers come, and the audit log of credentials under the device's id.
ALTER TABLE register.joining ADD COLUMN address text;   -- as the broker said when it connected; null: it did not

CREATE OR REPLACE FUNCTION register.record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    former jsonb;
    latter jsonb;
    named text;
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
    named := coalesce(latter, former) ->> TG_ARGV[0];
    IF TG_ARGV[0] = 'device_key' THEN                    -- whoever asks knows the id; it has gone with a deleted device
        named := coalesce((SELECT device_id FROM register.device WHERE device_key = named::integer), named);
    END IF;
    INSERT INTO register.audit (actor, action, what, subject, before, after) VALUES (
        coalesce(nullif(current_setting('chelu.actor', true), ''), 'database user ' || session_user),
        lower(TG_OP), TG_TABLE_NAME, named, former, latter);
    RETURN NULL;
END $$;
