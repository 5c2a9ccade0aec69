"""Platforms of deployments: an ECS service behind a load balancer, or a Lambda function with an alias."""
