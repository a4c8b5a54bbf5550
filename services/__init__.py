"""The processes of a site's data centre; they talk over MQTT, HTTP and the database, never by import."""
