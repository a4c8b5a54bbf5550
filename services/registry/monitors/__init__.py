"""What the quality monitors have found and written, over HTTP."""
