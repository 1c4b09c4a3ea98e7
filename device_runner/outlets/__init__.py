"""Where `live` sends what it hears, beside the terminal: a log file, an MQTT broker, a web page, Prometheus."""
