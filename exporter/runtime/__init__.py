"""What keeps the process itself going: its event loop, buffers and logs. Nothing here knows of databases."""
