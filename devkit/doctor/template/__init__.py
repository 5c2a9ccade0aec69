"""Checks of a template of SAM or CloudFormation, offline, one module for each kind of resource."""
