"""What the help of each command ends with: examples that can be copied."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["EXAMPLES"]

#: by the words of the command; each is what follows ``tp-capital``
EXAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": ("demo", "status", "--install-completion"),
        "run": ("run",),
        "demo": ("demo", "demo --port 5008 --for 60", "demo --messages result.json"),
        "status": ("status", "status --watch", "status --json --url http://127.0.0.1:5008"),
        "doctor": ("doctor", "doctor --in demo", "doctor --json"),
        "logs": (
            "logs --level warning --since 2h",
            "logs --actor poller --follow",
            "logs --json --limit 1000",
        ),
        "backfill": ("backfill", "backfill --since 2026-11-20", "backfill --channel=-1001649127710 --again"),
        "migrate": ("migrate",),
        "init-env": ("init-env", "init-env --output -"),
        "backup": ("backup --to backups --keep 7",),
        "restore": ("restore backups/signals.dump", "restore backups/signals.dump --force"),
        "migrate-data": (
            "migrate-data --from postgresql://signals_reader@127.0.0.1:5432/former --dry-run",
            "migrate-data --from postgresql://signals_reader@127.0.0.1:5432/former",
        ),
        "parse": ("parse --jsonl messages.jsonl", "parse --explain message.txt"),
        "replay": (
            "replay --since 2026-11-20",
            "replay --in demo",
            "replay --channel=-1001649127710 --apply",
        ),
        "record": ("record", "record --by asset --since 2026-11-01", "record --exit scaled --csv"),
        "score": ("score train", "score report"),
        "score train": ("score train", "score train --in demo"),
        "score report": ("score report", "score report --json"),
        "enrich": ("enrich --dry-run", "enrich --again", "enrich --in demo --json"),
        "dead-letters": ("dead-letters list", "dead-letters retry"),
        "dead-letters list": ("dead-letters list", "dead-letters list --json"),
        "dead-letters retry": ("dead-letters retry", "dead-letters retry 17"),
        "dead-letters export": ("dead-letters export",),
        "channels": ("channels list", "channels add -1001649127710 --label Sinais"),
        "channels list": ("channels list", "channels list --json"),
        "channels add": ("channels add -1001649127710 --label Sinais --market b3",),
        "channels label": ("channels label -1001649127710 Sinais",),
        "channels remove": ("channels remove -1001649127710",),
        "prices": ("prices import COTAHIST_A2025.ZIP", "prices show PETR4"),
        "prices import": (
            "prices import COTAHIST_A2025.ZIP BVBG086_20260102.xml.gz",
            "prices import 'WIN$N_M5_202601020900_202611271825.csv' --in demo",
            "prices import export.csv --symbol PETR4 --zone Europe/Athens --dry-run",
        ),
        "prices show": ("prices show PETR4", "prices show WINZ26 --in demo"),
        "alerts": ("alerts list", "alerts add phone tgram://BOT_TOKEN/CHAT_ID --asset PETR4"),
        "alerts list": ("alerts list", "alerts list --json"),
        "alerts add": (
            "alerts add phone tgram://BOT_TOKEN/CHAT_ID --asset PETR4 --quiet-hours 22:00-07:00",
            "alerts add program https://receiver.example/hook --kind signal --language en",
        ),
        "alerts test": ("alerts test 1",),
        "alerts remove": ("alerts remove 1",),
        "alerts deliveries": ("alerts deliveries 1", "alerts deliveries 1 --state dead"),
        "alerts retry": ("alerts retry 1 17",),
        "stack": ("stack up --gateway", "stack status", "stack down"),
        "stack up": ("stack up --gateway", "stack up --gateway --broker", "stack up --base-port 15440"),
        "stack down": ("stack down",),
        "stack stop": ("stack stop engine",),
        "stack start": ("stack start engine",),
        "stack restart": ("stack restart pgbouncer",),
        "stack logs": ("stack logs engine --follow", "stack logs database --lines 20"),
        "stack status": ("stack status", "stack status --json"),
        "relay": ("relay",),
        "gateway": ("gateway --database-url postgresql://user@localhost/telegram", "gateway --telegram"),
        "gateway login": ("gateway login", "gateway login --qr"),
        "gateway logout": ("gateway logout",),
        "gateway channels": ("gateway channels", "gateway channels --json"),
        "gateway import": (
            "gateway import result.json",
            "gateway import messages.jsonl --in stack --channel=-1001649127710",
            "gateway import result.json --database-url postgresql://user@localhost/telegram",
        ),
    }
)
