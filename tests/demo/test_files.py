from __future__ import annotations

import pytest

from olaudit.demo.files import DIRECTORY, Files, file, link


def test_putting_a_file_makes_the_folders_above_it_and_leaves_the_old_tree_alone() -> None:
    before = Files()
    after = before.put("/a/b/c", file("x"))
    assert sorted(after.nodes) == ["/", "/a", "/a/b", "/a/b/c"]
    assert sorted(before.nodes) == ["/"]


def test_a_file_put_through_a_link_lands_where_the_link_leads() -> None:
    files = Files().put("/opt", link("/1/opt")).put("/1/opt", DIRECTORY).put("/opt/x", file("x"))
    assert files.resolve("/opt/x") == "/1/opt/x"
    assert files.names_in("/opt") == ("x",)
    assert files.names_in("/") == ("1", "opt")


def test_a_link_put_over_a_folder_takes_the_place_of_all_of_it() -> None:
    files = Files().put("/a/b", file("x")).put("/a", link("/c"))
    assert sorted(files.nodes) == ["/", "/a"]
    assert not files.exists("/a")


def test_a_folder_put_over_a_folder_keeps_what_is_in_it() -> None:
    assert Files().put("/a/b", file("x")).put("/a", DIRECTORY).exists("/a/b")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/file/below", "Not a directory"),
        ("/missing", "No such file or directory"),
        ("/loop/x", "Too many levels of symbolic links"),
    ],
)
def test_what_cannot_be_reached_is_refused_in_the_kernels_words(path: str, says: str) -> None:
    files = Files().put("/file", file("x")).put("/loop", link("loop"))
    with pytest.raises(OSError, match=says):
        files.node_at(path)


def test_a_link_that_grows_as_it_is_followed_comes_to_an_end() -> None:
    assert Files().put("/a", link("a/a")).canonicalize("/a").startswith("/a")
