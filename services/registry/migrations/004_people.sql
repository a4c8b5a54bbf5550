-- People, what they may do on which site, and keys that act for them.
CREATE TABLE register.person (
    user_name text PRIMARY KEY,
    full_name text NOT NULL DEFAULT '',
    password  text NOT NULL,                             -- argon2id
    is_active boolean NOT NULL DEFAULT true,
    version   integer NOT NULL DEFAULT 1,
    created   timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE register.site_role (
    user_name text NOT NULL REFERENCES register.person ON DELETE CASCADE,
    site_id   text REFERENCES register.site ON DELETE CASCADE, -- null: every site
    role      text NOT NULL                              -- services.registry.roles.Role
);
CREATE UNIQUE INDEX site_role_once ON register.site_role (user_name, coalesce(site_id, ''));
CREATE INDEX site_role_site ON register.site_role (site_id) WHERE site_id IS NOT NULL;

ALTER TABLE register.api_key
    ADD COLUMN owner      text REFERENCES register.person ON DELETE CASCADE, -- null: the installation's own key, which may do all
    ADD COLUMN scopes     text[],                        -- services.registry.roles.Scope; null: whatever its owner may
    ADD COLUMN expires    timestamptz,
    ADD COLUMN is_session boolean NOT NULL DEFAULT false;
CREATE INDEX api_key_owner ON register.api_key (owner) WHERE owner IS NOT NULL;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.person
    FOR EACH ROW EXECUTE FUNCTION register.record_change('user_name');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.site_role
    FOR EACH ROW EXECUTE FUNCTION register.record_change('user_name');
