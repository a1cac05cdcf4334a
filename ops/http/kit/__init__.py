"""The building blocks of every route: operations, parameters, bodies, answers, problems, the OpenAPI document."""
