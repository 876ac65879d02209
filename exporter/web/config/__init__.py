"""The web configuration file (`WEB_CONFIG_FILE`): TLS, passwords, headers and limits of one listener."""
