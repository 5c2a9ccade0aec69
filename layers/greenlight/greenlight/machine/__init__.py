"""A gate that Step Functions conducts: its steps as Lambda functions, and the documents that they pass on."""
