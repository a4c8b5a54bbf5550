-- What a site drives on at an instant: the map that is valid then, else the newest network that was put as its roads by then.
CREATE FUNCTION register.roads_at(of_site text, instant timestamptz) RETURNS TABLE (is_map boolean, version integer)
LANGUAGE sql STABLE AS $$
    SELECT found.is_map, found.version FROM (
        (SELECT true AS is_map, c.version FROM register.map_change AS c
            WHERE c.site_id = of_site AND c.since <= instant ORDER BY c.since DESC LIMIT 1)
        UNION ALL
        (SELECT false, n.version FROM register.road_network AS n
            WHERE n.site_id = of_site AND n.created <= instant ORDER BY n.version DESC LIMIT 1)
    ) AS found WHERE found.version IS NOT NULL ORDER BY found.is_map DESC LIMIT 1
$$;
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON register.map_change
    FOR EACH STATEMENT EXECUTE FUNCTION register.announce();

ALTER TABLE register.unit_start ADD COLUMN map_due timestamptz; -- when a unit that has started anew is sent its map again
CREATE INDEX unit_map_due ON register.unit_start (map_due) WHERE map_due IS NOT NULL;
