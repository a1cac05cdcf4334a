#!/bin/sh
# Starts RabbitMQ with the user, rights and policies of rabbitmq.json. The password comes from the environment, and its
# salted hash (https://www.rabbitmq.com/docs/passwords) is written into memory (tmpfs). Erlang hashes it: the image has it.
set -eu
: "${RABBITMQ_PASSWORD:?is not set: tp-capital init-env writes it}"
umask 077
hash=$(erl -noinput -eval 'Salt = crypto:strong_rand_bytes(4),
  Hashed = crypto:hash(sha256, [Salt, os:getenv("RABBITMQ_PASSWORD")]),
  io:put_chars(base64:encode(<<Salt/binary, Hashed/binary>>)), halt().')
unset RABBITMQ_PASSWORD
sed "s|PASSWORD_HASH|$hash|" "${DEFINITIONS:-/etc/tp-capital/rabbitmq.json}" > "${LOADED:-/run/rabbitmq/definitions.json}"
exec "${@:-rabbitmq-server}"
