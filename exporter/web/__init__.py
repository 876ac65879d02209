"""HTTP: listeners, routes, health answers and the page for people; nothing here queries a database by itself."""
