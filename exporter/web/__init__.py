"""HTTP: listeners, routes, the forms of answers and the page for people."""
