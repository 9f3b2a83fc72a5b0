"""Write the dashboard to the given file, by default to the shipped one."""

import sys
from pathlib import Path

from docs.dashboard.dashboard import dashboard_json

SHIPPED = Path(__file__).parents[2] / "olaudit" / "monitoring" / "grafana" / "dashboard.json"

if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else SHIPPED).write_text(dashboard_json(), encoding="utf-8")
