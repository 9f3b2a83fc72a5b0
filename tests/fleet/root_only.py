"""What only root may read: the database hosts' allow list, and the certificates of what faces the world."""

from pathlib import Path

from tests.fleet.page import PAGE
from tests.fleet.place import Place
from tests.fleet.processes import run

# The hosts whose containers use the database, by production's compose file.
CLIENTS = ("ol-covers0", "ol-home0", "ol-web1", "ol-web2")
# The host of the second lab (unit_host.py), which has a bit of everything.
UNIT_HOST = "ol-unit0"
HBA = "etc/postgresql/9.3/main/pg_hba.conf"
LIVE = "etc/letsencrypt/live"


def build(place: Place, name: str, root: Path) -> None:
    """Lay out what the host `name` has of it."""
    if name.startswith("ol-db"):
        _allow_list(place, root / HBA, CLIENTS)
    if name == UNIT_HOST:
        _allow_list(place, root / HBA, ())
    if name in {"ol-www0", "ol-covers0", UNIT_HOST}:
        certificate(root / LIVE / "openlibrary.org")


def _allow_list(place: Place, hba: Path, clients: tuple[str, ...]) -> None:
    names = [machine.name for machine in PAGE]
    lines = [f"host all all {place.network[10 + names.index(client)]}/32 md5" for client in clients]
    hba.parent.mkdir(parents=True)
    hba.write_text("\n".join(["local all all peer", *lines, ""]), encoding="ascii")
    hba.chmod(0o640)


def certificate(folder: Path, days: int = 80) -> None:
    """Make a certificate that is good for `days` more, where certbot would put it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    run(
        (
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=openlibrary.org"),
            *("-days", str(days), "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")),
        )
    )
