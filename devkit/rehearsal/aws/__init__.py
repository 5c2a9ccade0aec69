"""Local AWS on a loopback port: moto's server, and services in front of it for the operations that moto lacks."""
