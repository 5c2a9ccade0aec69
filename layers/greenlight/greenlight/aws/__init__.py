"""AWS clients, secrets and DynamoDB's JSON format."""
