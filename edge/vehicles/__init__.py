"""The gateway for vehicles that speak their own protocol over TCP: many connections, one loop, replies when it is durable."""
