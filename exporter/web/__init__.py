"""HTTP: listeners, routes, health answers and the page for people; nothing here asks a database by itself."""
