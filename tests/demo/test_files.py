from __future__ import annotations

import pytest

from olaudit.demo.files import DIRECTORY, Files, file, link


def test_put_creates_parent_folders_in_a_new_tree() -> None:
    before = Files()
    after = before.put("/a/b/c", file("x"))
    assert sorted(after.nodes) == ["/", "/a", "/a/b", "/a/b/c"]
    assert sorted(before.nodes) == ["/"]


def test_put_follows_links_of_parent_folders() -> None:
    files = Files().put("/opt", link("/1/opt")).put("/1/opt", DIRECTORY).put("/opt/x", file("x"))
    assert files.resolve("/opt/x") == "/1/opt/x"
    assert files.names_in("/opt") == ("x",)
    assert files.names_in("/") == ("1", "opt")


def test_link_replaces_a_folder_and_its_content() -> None:
    files = Files().put("/a/b", file("x")).put("/a", link("/c"))
    assert sorted(files.nodes) == ["/", "/a"]
    assert not files.exists("/a")


def test_folder_put_over_a_folder_keeps_its_content() -> None:
    assert Files().put("/a/b", file("x")).put("/a", DIRECTORY).exists("/a/b")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/file/below", "Not a directory"),
        ("/missing", "No such file or directory"),
        ("/loop/x", "Too many levels of symbolic links"),
    ],
)
def test_unresolvable_path_raises_the_error_of_the_kernel(path: str, message: str) -> None:
    files = Files().put("/file", file("x")).put("/loop", link("loop"))
    with pytest.raises(OSError, match=message):
        files.node_at(path)


def test_canonicalize_ends_for_a_link_that_grows() -> None:
    assert Files().put("/a", link("a/a")).canonicalize("/a").startswith("/a")
