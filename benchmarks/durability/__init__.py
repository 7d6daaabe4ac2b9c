"""Whether anything acknowledged is lost, or stored twice, when the service, its database or Redis is killed under load."""
