"""What every route is made of: operations, parameters, bodies, answers, problems, the OpenAPI document."""
