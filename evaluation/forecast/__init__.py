"""Training and judging the forecast of a network of sensors (`chelu train forecast`, `chelu evaluate forecast`)."""
