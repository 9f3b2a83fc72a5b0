"""Files that only root may read: PostgreSQL's allow list, and the certificates of public hosts."""

from pathlib import Path

from tests.fleet.inventory import INVENTORY
from tests.fleet.layout import LabLayout
from tests.fleet.processes import run

# The hosts whose containers use the database, by production's compose file.
CLIENTS = ("ol-covers0", "ol-home0", "ol-web1", "ol-web2")
# The host of the second lab (systemd_host.py), which has files of every role.
SYSTEMD_HOST = "ol-unit0"
HBA_FILE = "etc/postgresql/9.3/main/pg_hba.conf"
CERTIFICATES = "etc/letsencrypt/live"


def build(layout: LabLayout, name: str, root: Path) -> None:
    """Create the restricted files of the host `name`."""
    if name.startswith("ol-db"):
        _allow_list(layout, root / HBA_FILE, CLIENTS)
    if name == SYSTEMD_HOST:
        _allow_list(layout, root / HBA_FILE, ())
    if name in {"ol-www0", "ol-covers0", SYSTEMD_HOST}:
        create_certificate(root / CERTIFICATES / "openlibrary.org")


def _allow_list(layout: LabLayout, hba: Path, clients: tuple[str, ...]) -> None:
    names = [machine.name for machine in INVENTORY]
    lines = [f"host all all {layout.network[10 + names.index(client)]}/32 md5" for client in clients]
    hba.parent.mkdir(parents=True)
    hba.write_text("\n".join(["local all all peer", *lines, ""]), encoding="ascii")
    hba.chmod(0o640)


def create_certificate(folder: Path, days: int = 80) -> None:
    """Create a certificate that expires in `days` days, in the folder that certbot uses."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    run(
        (
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=openlibrary.org"),
            *("-days", str(days), "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
        )
    )
