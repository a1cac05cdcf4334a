"""A client of the service, made of what openapi-python-client generates from its document."""

import json
import sys

from tp_capital_client import AuthenticatedClient
from tp_capital_client.api.channels import add_channel, remove_channel
from tp_capital_client.api.signals import get_signal, list_signals
from tp_capital_client.models import ChannelRequest, Problem, Side, SignalDetail, SignalPage
from tp_capital_client.types import UNSET

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-API-Key")


def ids_of(side: Side) -> list[int]:
    """Return the ids of all signals of one side, newest first."""
    ids, cursor = [], UNSET
    while True:
        page = list_signals.sync(client=client, side=[side], limit=2, cursor=cursor)
        assert isinstance(page, SignalPage)
        assert all(signal.side is side for signal in page.data)
        assert all(round(signal.ts_iso.timestamp() * 1000) == signal.ts for signal in page.data)
        ids += [signal.id for signal in page.data]
        if page.next_cursor is None:
            return ids
        cursor = page.next_cursor


buys = ids_of(Side.BUY)
one = get_signal.sync(buys[0], client=client)
none = get_signal.sync(999_999_999, client=client)
assert isinstance(one, SignalDetail)
assert isinstance(none, Problem)
added = add_channel.sync_detailed(client=client, body=ChannelRequest(id="-1009"))
removed = remove_channel.sync_detailed("-1009", client=client)
assert (added.status_code, removed.status_code) == (201, 200)
told = {"buys": buys, "sells": ids_of(Side.SELL), "status": one.current.status, "missing": none.status}
sys.stdout.write(json.dumps(told))
