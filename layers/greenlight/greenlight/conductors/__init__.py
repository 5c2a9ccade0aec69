"""Ways to call the three steps in order; `inline` is the one where a single Lambda function does it all."""
