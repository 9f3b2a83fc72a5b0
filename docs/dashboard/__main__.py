"""Write the dashboard to the file given, else to where it is shipped from."""

import sys
from pathlib import Path

from docs.dashboard.whole import text

SHIPPED = Path(__file__).parents[2] / "olaudit" / "monitoring" / "grafana" / "dashboard.json"

if __name__ == "__main__":
    (Path(sys.argv[1]) if sys.argv[1:] else SHIPPED).write_text(text(), encoding="utf-8")
