"""The client of RabbitMQ. Only `values` is imported where no broker is set: pika takes time and memory to load."""
