"""AWS on a loopback port: moto's server, and in front of it the operations that moto lacks."""
