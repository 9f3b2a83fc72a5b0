"""The image of the lab: busybox, written as `docker save` writes it, with reproducible ids."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.layout import BUSYBOX
from tests.fleet.processes import run

IMAGE = "openlibrary/olbase:latest"
# `sleep` as the first process would ignore TERM, and every stop would take Docker's timeout of ten seconds.
_SLEEP = "while :; do sleep 3600 & wait $!; done"


def command(script: str = _SLEEP) -> list[str]:
    """Build the command of a container that exits immediately on TERM."""
    return ["/bin/sh", "-c", f"trap 'exit 0' TERM; {script}"]


def write(target: Path) -> None:
    """Write the image's tar to `target`. `docker import` adds the time, so its ids differ on each host."""
    layer = _layer()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": command(), "Env": ["PATH=/bin"], "WorkingDir": "/openlibrary"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "the lab"}],
        },
        sort_keys=True,
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [IMAGE], "Layers": ["layer/layer.tar"]}]).encode()
    with tarfile.open(target, "w") as tar:
        for path, content in ((name, config), ("layer/layer.tar", layer), ("manifest.json", manifest)):
            _add(tar, path, content)


def _layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "olsystem", "openlibrary", "tmp"):
            _add(tar, folder, None)
        _add(tar, "bin/busybox", BUSYBOX.read_bytes(), mode=0o755)
        for applet in sorted(set(run((str(BUSYBOX), "--list")).stdout.split()) - {"busybox"}):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        _add(tar, "openlibrary/Readme.md", b"# Open Library\n")
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes | None, mode: int = 0o644) -> None:
    """Add a file, or a folder if `content` is None; TarInfo's defaults are time 0 and owner root."""
    info = tarfile.TarInfo(name)
    if content is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
        return
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def _architecture() -> str:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    try:
        return names[platform.machine()]
    except KeyError:
        raise LabError(f"no image for {platform.machine()}") from None
